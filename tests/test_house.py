"""The limits of the house (docs/design.md), as `scripts/house.py` measures them."""

import ast
from collections import Counter

from test_documents import house  # noqa: F401 (a fixture)


def test_files_functions_and_imports_keep_the_limits(house) -> None:  # noqa: F811
    broken = {str(room.path): house.faults(room) for room in house.rooms() if house.faults(room)}
    assert broken == {}


def test_lines_of_code_are_short(house) -> None:  # noqa: F811
    rooms = house.rooms()
    assert sum(r.lines_over_100 for r in rooms) < 0.01 * sum(r.lines for r in rooms)
    assert len(rooms) > 50


def test_long_files_functions_and_many_imports_are_seen(house, tmp_path, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setattr(house, "ROOT", tmp_path)
    path = tmp_path / "posegrid" / "long.py"
    path.parent.mkdir()
    imports = [f"from posegrid.m{i} import a" for i in range(11)]
    path.write_text("\n".join([*imports, "def f():", *["    x = 1"] * 60, *["# "] * 400]))
    assert len(house.faults(house.measured(path))) == 3


def test_no_name_of_a_class_or_module_is_there_twice(house) -> None:  # noqa: F811
    paths = list((house.ROOT / "posegrid").rglob("*.py"))
    nodes = (node for path in paths for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    classes = Counter(node.name for node in nodes if isinstance(node, ast.ClassDef))
    modules = Counter(path.stem for path in paths if path.stem not in ("__init__", "__main__"))
    assert len(classes) > 100 and len(modules) > 100
    assert [name for names in (classes, modules) for name, n in names.items() if n > 1] == []
