"""Write docs/messages.md: every refusal and every warning of posegrid, taken from its code.

python scripts/list_messages.py            # writes it
python scripts/list_messages.py --check    # exits with 1 where it is not current
"""

import ast
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "messages.md"
ERRORS = {
    "SourceError": "a file, video, picture or data set",
    "SettingsError": "settings",
    "OutputError": "results that cannot be written",
    "CheckpointError": "weights",
    "ShardError": "prepared crops",
}
NOTES = {"notes", "note", "lines", "sentences", "warnings", "words", "cautions", "said"}
"""Variables that sentences for the user are gathered in."""
SAYING = re.compile(r"^_?on_|_?note$|notes$|^doubts$|cautions$")
"""Functions whose texts are such sentences."""
REFUSING = re.compile(r"^(nobody|damage)$")
"""Functions whose texts become those of a SourceError."""
WIDTH = 98
INTRODUCTION = """# Messages

Made by `scripts/list_messages.py` from the code; do not edit it by hand. `…` stands for a name or
a number. A word in `backquotes` is an argument in Python; the command line says it as `--option`.

A refusal ends a command with exit code 1. It says what is wrong, where, what was expected, and
what to do. A warning ends nothing: figures that follow from what it names may be wrong.
`predict` prints warnings as "unlikely: ..." and writes them into the Track's facts (`warnings`).
"""


def main() -> int:
    """Write the page, or check it."""
    page = messages_page(ROOT / "posegrid")
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page, encoding="utf-8")
        return 0
    is_current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page
    if not is_current:
        print(f"{PAGE} is not current: run python scripts/list_messages.py", file=sys.stderr)
    return 0 if is_current else 1


def messages_page(package: Path) -> str:
    """The page's text."""
    parts = [INTRODUCTION]
    for title, found in (("Warnings and notes", warnings_in), ("Refusals", refusals_in)):
        parts.append(f"\n## {title}\n")
        for path in sorted(package.rglob("*.py")):
            texts = list(dict.fromkeys(found(ast.parse(path.read_text(encoding="utf-8")))))
            if texts:
                parts.append(f"\n### `{path.relative_to(package).as_posix()}`\n\n")
                parts += [_entry(text) for text in texts]
    return "".join(parts)


def refusals_in(tree: ast.AST) -> Iterator[str]:
    """The texts of the errors that a file raises on purpose."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in ERRORS and node.args:
            text = text_of(node.args[0])
            if text.strip(" …:."):
                yield text
        elif isinstance(node, ast.FunctionDef) and REFUSING.search(node.name):
            yield from _returned(node)


def warnings_in(tree: ast.AST) -> Iterator[str]:
    """The sentences that a file gathers or returns for the user."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("append", "insert") and _name(node.func.value) in NOTES:
                yield from _sentence(node.args[-1])
        elif isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(_name(target) in NOTES for target in targets):
                yield from _sentence(node.value)
        elif isinstance(node, ast.FunctionDef) and SAYING.search(node.name):
            yield from _returned(node)


def _returned(function: ast.FunctionDef) -> Iterator[str]:
    for inner in ast.walk(function):
        if isinstance(inner, ast.Return) and inner.value is not None:
            yield from _sentence(inner.value)


def _sentence(node: ast.expr) -> Iterator[str]:
    """A text of several words, if the expression is one, or those in a list."""
    if isinstance(node, ast.List | ast.Tuple):
        for part in node.elts:
            yield from _sentence(part)
    elif isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp | ast.Call):
        text = text_of(node).removeprefix("- ")
        words = [word for word in text.split() if re.search(r"[a-z]{2}", word)]
        if len(words) > 3 and not text.startswith("<"):
            yield text


def text_of(node: ast.expr) -> str:
    """A text with … for what is only known when it is said."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text_of(node.left) + text_of(node.right)
    if isinstance(node, ast.Call) and _name(node.func) == "format":
        return re.sub(r"\{[^}]*\}", "…", text_of(getattr(node.func, "value", node)))
    return "…"


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _entry(text: str) -> str:
    """One item of a list, in lines that are not too long; signs of Markdown are shown as they are."""
    plain = " ".join(text.split())
    shown = re.sub(r"([*_<>\[\]|\\])", r"\\\1", plain)
    lines = textwrap.wrap(shown, WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return "- " + "\n  ".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
