"""Measures the house: files, lines, long functions, imports of our own package, lines of the docs.

python scripts/house.py                 # the table of docs/design.md
python scripts/house.py --write         # writes it there
"""

import ast
import re
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOORS = ("body", "motion", "video", "walkers", "people", "datasets", "learning", "results", "app")
MOST_LINES, MOST_FUNCTION_LINES, MOST_IMPORTS, MOST_COLUMNS = 400, 60, 10, 100


@dataclass(frozen=True)
class Room:
    """What one file of the package measures."""

    path: Path
    lines: int
    lines_over_100: int
    functions_over_60: tuple[str, ...]
    own_imports: int
    """How many other modules of the package it imports, wherever in the file."""


def measured(path: Path) -> Room:
    """One file, measured."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    lines = text.splitlines()
    functions = [
        n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    own = {
        f"{node.module}.{alias.name}" if _is_module(f"{node.module}.{alias.name}") else node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("posegrid")
        for alias in node.names
    }
    return Room(
        path=path.relative_to(ROOT),
        lines=len(lines),
        lines_over_100=sum(len(line) > MOST_COLUMNS for line in lines),
        functions_over_60=tuple(
            f.name
            for f in functions
            if (f.end_lineno or f.lineno) - f.lineno >= MOST_FUNCTION_LINES
        ),
        own_imports=len(own),
    )


def rooms() -> list[Room]:
    """Every file of the package, in order; `__init__.py` files without code are left out."""
    paths = sorted((ROOT / "posegrid").rglob("*.py"))
    return [measured(p) for p in paths if p.name != "__init__.py" or p.read_text().count("\n") > 3]


def table(found: list[Room]) -> str:
    """The house in numbers, as Markdown."""
    head = "| floor | files | lines | longest file | functions over 60 lines | most own imports |"
    rows = [head, "|---|---:|---:|---:|---:|---:|"]
    for floor in FLOORS:
        rows.append(_row(floor, [r for r in found if r.path.parts[1] == floor]))
    rows.append(_row("cli and ground", [r for r in found if r.path.parts[1] not in FLOORS]))
    rows.append(_row("**all**", found))
    share = sum(r.lines_over_100 for r in found) / sum(r.lines for r in found)
    rows.append(f"\nLines of code over {MOST_COLUMNS} columns: {share:.2%}.")
    return "\n".join(rows)


def documents() -> list[Path]:
    """Pages that people read; the log is kept as it was written, the messages come from a script."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(p for p in pages if p.name not in ("LOG.md", "messages.md"))


def long_lines(page: Path) -> list[int]:
    """Numbers of lines over 100 columns: table rows and lone links cannot be broken, so not they."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return [
        number
        for number, line in enumerate(lines, 1)
        if len(line) > MOST_COLUMNS and not re.match(r"\s*(\||!?\[[^]]*\]\([^)]*\)$|https?:)", line)
    ]


def mean_sentence_words(page: Path) -> float:
    """Words of a sentence on average, over the page's prose: no code, tables, headings, lists."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    kept = [line for line in text.splitlines() if not re.match(r"\s*(\||#|!\[|<|\$)", line)]
    prose = re.sub(r"`[^`]*`", "code", "\n".join(kept))
    prose = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", prose)
    parts = re.split(r"(?<=[.!?])\s+|\n\s*\n|\n\s*[-*\d]+[. ]\s*", prose)
    counts = [len(part.split()) for part in parts if len(part.split()) > 1]
    return statistics.mean(counts) if counts else 0.0


def _is_module(name: str) -> bool:
    return (ROOT / (name.replace(".", "/") + ".py")).is_file()


def _row(name: str, found: list[Room]) -> str:
    longest = max(found, key=lambda r: r.lines)
    importer = max(found, key=lambda r: r.own_imports)
    cells = (
        name,
        len(found),
        f"{sum(r.lines for r in found):,}",
        longest.lines,
        sum(len(r.functions_over_60) for r in found),
        importer.own_imports,
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    """Print the table, or put it into docs/design.md between its marks."""
    lines = table(rooms())
    if "--write" in sys.argv[1:]:
        page = ROOT / "docs" / "design.md"
        text = page.read_text(encoding="utf-8")
        start, end = "<!-- table: house -->\n", "<!-- end: house -->"
        page.write_text(text.split(start)[0] + start + lines + "\n" + end + text.split(end)[1])
    print(lines)
    for room in rooms():
        for fault in faults(room):
            print(f"{room.path}: {fault}")
    for page in documents():
        print(
            f"{page.relative_to(ROOT)}: {mean_sentence_words(page):.1f} words a sentence, "
            f"{len(long_lines(page))} long lines"
        )


def faults(room: Room) -> list[str]:
    """Where a file breaks the limits of the house."""
    found = [
        f"function {name} is over {MOST_FUNCTION_LINES} lines" for name in room.functions_over_60
    ]
    if room.lines > MOST_LINES:
        found.append(f"{room.lines} lines")
    if room.own_imports > MOST_IMPORTS:
        found.append(f"imports {room.own_imports} modules of the package")
    return found


if __name__ == "__main__":
    main()
