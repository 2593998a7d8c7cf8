"""The floors of the house: a file imports from its own floor or below."""

import ast
import subprocess
import sys
from pathlib import Path

import posegrid

PACKAGE = Path(posegrid.__file__).parent
FLOORS = (
    "errors",
    "files",
    "untrusted",
    "progress",
    "body",
    "motion",
    "video",
    "walkers",
    "people",
    "datasets",
    "learning",
    "results",
    "app",
    "cli",
    "__main__",
)
"""From the ground up; the first four are the ground."""
CORE = {"av", "jaxtyping", "numpy", "onnxruntime", "PIL", "rich", "scipy", "tyro", "yaml"}
"""What the core's dependencies in pyproject.toml are called in Python."""


def floor_of(module: str) -> int:
    parts = module.split(".")
    return FLOORS.index(parts[1]) if len(parts) > 1 and parts[1] in FLOORS else -1


def modules() -> list[tuple[str, Path]]:
    return [
        (".".join(("posegrid", *path.relative_to(PACKAGE).with_suffix("").parts)), path)
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent != PACKAGE or path.stem != "__init__"
    ]


def imports(path: Path) -> set[str]:
    """Names of all modules that a file imports, and of what it takes from them, wherever in the
    file, but for what only type checkers read.
    """
    found = set()
    tree = ast.parse(path.read_text())
    for_checkers = {
        inside
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inside in ast.walk(node)
    }
    for node in set(ast.walk(tree)) - for_checkers:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_every_module_stands_on_a_floor() -> None:
    assert [name for name, _ in modules() if floor_of(name) < 0] == []


def test_nothing_imports_from_a_floor_above() -> None:
    wrong = [
        f"{name} imports {used}"
        for name, path in modules()
        for used in imports(path)
        if used.startswith("posegrid.") and floor_of(used) > floor_of(name)
    ]
    assert wrong == []


def test_nothing_imports_in_a_circle() -> None:
    names = {name.removesuffix(".__init__") for name, _ in modules()}
    graph = {name: imports(path) & names - {name} for name, path in modules()}

    def reaches(start: str, goal: str, seen: set[str]) -> bool:
        for used in graph.get(start, set()) - seen:
            seen.add(used)
            if used == goal or reaches(used, goal, seen):
                return True
        return False

    assert [name for name in graph if reaches(name, name, set())] == []


def test_predict_and_import_do_not_wait_for_what_they_do_not_need() -> None:
    code = (
        "import sys, posegrid, posegrid.cli;"
        "early = {'numpy', 'scipy'} & set(sys.modules);"
        "import posegrid.results.predict;"
        "heavy = {'torch', 'lightning', 'matplotlib', 'numba', 'pyarrow', 'h5py'};"
        "heavy |= {'scipy.signal', 'scipy.interpolate', 'scipy.stats', 'scipy.optimize'};"
        "heavy &= set(sys.modules);"
        "sys.exit(f'imported: {early | heavy}' if early | heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_needs_no_extra_imports_nothing_of_one() -> None:
    paths = dict(modules())
    todo = [
        f"posegrid.results.{name}" for name in ("predict", "gait_page", "convert", "pose_model")
    ]
    seen: set[str] = set()
    while todo:
        seen.add(module := todo.pop())
        todo += [name for name in imports(paths[module]) if name in paths and name not in seen]
    used = {
        name.split(".")[0] for module in seen for name in imports(paths[module])
    } - sys.stdlib_module_names
    assert len(seen) > 40
    assert used - {"posegrid"} == CORE
