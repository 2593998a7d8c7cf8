"""Mutation testing: one small fault at a time put into the code; do the tests of that file see it?

    python scripts/mutate.py body targets metrics --most 300 --seed 0

A mutant is killed when a test of its file fails, or takes more than half a minute of CPU. The score is
the share of the killed. Survivors are listed with their line; a survivor that computes the same is
no fault of the tests. Works in a copy of the repository, on Linux (forks).

After DeMillo, Lipton and Sayward, "Hints on test data selection", Computer 1978.
"""

import argparse
import ast
import copy
import io
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
LONGEST_S = 30
BODY, LEARNING = "posegrid/body/", "posegrid/learning/"
GROUPS = {
    "metrics": {
        BODY + "metrics.py": ["tests/body/test_metrics.py", "tests/body/test_metrics_slowly.py"]
    },
    "body": {
        BODY + f"{name}.py": [f"tests/body/test_{test}.py"]
        for name, test in {
            **{same: same for same in ("camera", "estimate", "grid", "rotations", "skeleton")},
            **dict.fromkeys(("track", "track_file"), "track"),
        }.items()
    },
    "formats": {
        f"{BODY}formats/{name}.py": [f"tests/body/formats/test_{test}.py" for test in tests]
        for name, tests in {
            **{same: (same,) for same in ("animation", "text", "usd", "viewer")},
            "c3d": ("c3d", "text"),  # TRC is text
        }.items()
    },
    "targets": {
        LEARNING + f"{name}.py": [f"tests/learning/test_{test}.py" for test in tests]
        for name, tests in {
            "targets": ("targets",),
            "pose_targets": ("pose_targets", "targets"),
            "historical_targets": ("targets",),
            "likelihood": ("likelihood", "targets"),
        }.items()
    },
}
"""Files and the tests that are to see their faults."""
COMPARED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
CALCULATED = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Mod: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


@dataclass(frozen=True)
class Mutant:
    """A file with one fault."""

    path: str
    line: int
    change: str
    source: str


def faults(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in a node's place."""
    match node:
        case ast.Compare() if type(node.ops[0]) in COMPARED:
            yield _with(node, ops=[COMPARED[type(node.ops[0])](), *node.ops[1:]])
        case ast.BinOp() | ast.AugAssign() if type(node.op) in CALCULATED and not _is_text(node):
            yield _with(node, op=CALCULATED[type(node.op)]())
        case ast.BoolOp():
            yield _with(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            yield node.operand
        case ast.If() | ast.IfExp() | ast.While():
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Constant(value=bool()):
            yield _with(node, value=not node.value)
        case ast.Constant(value=int() | float()):
            yield _with(node, value=node.value + 1)
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.Return() if node.value is not None:
            yield _with(node, value=ast.Constant(None))


def _with(node: ast.AST, **changes: object) -> ast.AST:
    other = copy.copy(node)
    for name, value in changes.items():
        setattr(other, name, value)
    return other


def _is_text(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.JoinedStr)
        or (isinstance(part, ast.Constant) and isinstance(part.value, str))
        for part in ast.iter_child_nodes(node)
    )


class Places(ast.NodeVisitor):
    """Where faults may be: what runs, not what is said (annotations, messages, decorators)."""

    def __init__(self) -> None:
        self.found: list[tuple[ast.AST, str, int | None]] = []

    def generic_visit(self, node: ast.AST) -> None:
        """Note the children and go on with them."""
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "bases"):
                continue
            many = isinstance(value, list)
            for index, child in enumerate(value if many else [value]):
                if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr | ast.Raise):
                    self.found.append((node, name, index if many else None))
                    self.visit(child)


def mutants_of(path: str) -> list[Mutant]:
    """All of a file, in the order of its lines."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    places, found = Places(), []
    places.visit(tree)
    for parent, name, index in places.found:
        value = getattr(parent, name)
        child = value if index is None else value[index]
        for fault in faults(child):
            _put(parent, name, index, ast.copy_location(fault, child))
            source = ast.unparse(ast.fix_missing_locations(tree))
            _put(parent, name, index, child)
            change = f"`{_short(child)}` became `{_short(fault)}`"
            found.append(Mutant(path, getattr(child, "lineno", 0), change, source))
    return found


def _put(parent: ast.AST, name: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[index] = node


def _short(node: ast.AST) -> str:
    return ast.unparse(node).splitlines()[0][:60]


def killed(mutant: Mutant, tests: list[str], copy_of: Path) -> bool:
    """Whether a test fails, in a process of its own, in the copy."""
    path, whole = copy_of / mutant.path, (ROOT / mutant.path).read_text(encoding="utf-8")
    path.write_text(mutant.source, encoding="utf-8")
    try:
        child = os.fork()
        if not child:
            resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S))
            signal.alarm(20 * LONGEST_S)
            os._exit(_tested(tests, copy_of))
        return os.waitpid(child, 0)[1] != 0
    finally:
        path.write_text(whole, encoding="utf-8")


def _tested(tests: list[str], copy_of: Path) -> int:
    import pytest

    os.chdir(copy_of)
    os.environ["PYTHONPATH"] = str(copy_of)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(copy_of))
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
            options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # of what is preloaded
            return int(pytest.main([*options, *tests]))
    except BaseException:
        return 1


def preload(names: list[str]) -> None:
    """What costs time to import, once for all; nothing of posegrid."""
    ours = ["pytest", "hypothesis", "jaxtyping", "beartype"]
    for name in ("numpy", "scipy.optimize", "PIL.Image", *ours):
        __import__(name)
    if "targets" in names:
        import torch

        torch.set_num_threads(1)


def main() -> int:
    """Exit code 1 where a file's own tests fail without a fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="+", choices=GROUPS)
    parser.add_argument("--most", type=int, default=10**6, help="mutants of a group, drawn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="files whose path holds this")
    settings = parser.parse_args()
    preload(settings.groups)
    with tempfile.TemporaryDirectory() as folder:
        copy_of = Path(folder) / "copy"
        ignored = shutil.ignore_patterns(".*", "__pycache__", "runs", "node_modules", "docs")
        shutil.copytree(ROOT, copy_of, ignore=ignored)
        for name in settings.groups:
            group = {k: v for k, v in GROUPS[name].items() if settings.only in k}
            for path, tests in group.items():
                plain = Mutant(path, 0, "nothing", (ROOT / path).read_text(encoding="utf-8"))
                if killed(plain, tests, copy_of):
                    print(f"{tests} fail, or take too long, without any fault")
                    return 1
            everyone = [mutant for path in group for mutant in mutants_of(path)]
            count = min(settings.most, len(everyone))
            drawn = Random(settings.seed).sample(everyone, count)
            _score(name, drawn, group, copy_of, len(everyone))
    return 0


def _score(
    name: str, drawn: list[Mutant], group: dict[str, list[str]], copy_of: Path, total: int
) -> None:
    survivors = 0
    for mutant in sorted(drawn, key=lambda m: (m.path, m.line)):
        if not killed(mutant, group[mutant.path], copy_of):
            survivors += 1
            print(f"  {mutant.path}:{mutant.line}: {mutant.change}", flush=True)
    score = 1 - survivors / max(len(drawn), 1)
    print(f"{name}: {len(drawn)} of {total} mutants, {survivors} survive: {score:.1%} killed")


if __name__ == "__main__":
    sys.exit(main())
