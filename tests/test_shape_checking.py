"""While the tests run, what an annotation says is checked: everywhere, and every part of it."""

import importlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest
from beartype.door import TypeHint
from conftest import CHECKED
from jaxtyping import Float, TypeCheckError
from shape_checking import OFTEN, SELDOM, checked_once

POSES = np.zeros((4, 17, 3))


@checked_once
def between(
    first: Float[np.ndarray, "*batch J 3"],
    second: Float[np.ndarray, "*batch J 3"] | None = None,
    share: float = 0.5,
) -> Float[np.ndarray, "*batch J 3"]:
    return first[: int(share)] if second is None else first


@checked_once
def square(of: Float[np.ndarray, "..."], size: int) -> Float[np.ndarray, "{size} {size}"]:
    return of


@checked_once
def named(of: list[str]) -> dict[str, int]:
    return dict.fromkeys(of, "1" if "text" in of else 1)


@checked_once
def one_by_one(poses: Float[np.ndarray, "T J 3"]) -> Iterator[Float[np.ndarray, "J 3"]]:
    yield from poses


@checked_once
@dataclass(frozen=True)
class Pair:
    poses: Float[np.ndarray, "T J 3"]
    times: Float[np.ndarray, "T"]


def test_what_fits_passes():
    assert between(POSES, POSES, 1).shape == (4, 17, 3)
    assert square(np.zeros((3, 3)), 3).shape == (3, 3)
    assert named(["a"]) == {"a": 1}
    assert len(list(one_by_one(POSES))) == 4
    assert len(Pair(POSES, np.zeros(4)).times) == 4


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (between, (POSES[..., :2],)),
        (between, (POSES, POSES[:, 1:])),
        (between, (POSES, POSES[0])),
        (between, (POSES.astype(int),)),
        (between, (POSES, POSES, "half")),
        (between, (POSES, None, 2.0)),
        (square, (np.zeros((3, 4)), 3)),
        (square, (np.zeros((4, 4)), 3)),
        (named, ("abc",)),
        (named, (["text"],)),
        (one_by_one, (POSES[0],)),
        (Pair, (POSES, np.zeros(5))),
        (Pair, (POSES, [0.0] * 4)),
    ],
)
def test_what_does_not_fit_is_refused(call: Callable, arguments: tuple):
    with pytest.raises(TypeCheckError):
        call(*arguments)


def test_of_many_calls_the_first_are_checked_and_then_some():
    def is_refused() -> bool:
        try:
            between(POSES[..., :2])
        except TypeCheckError:
            return True
        return False

    refused = [is_refused() for _ in range(OFTEN + 2 * SELDOM)]
    assert refused == [True] * OFTEN + 2 * ([False] * (SELDOM - 1) + [True])


def test_every_annotated_function_of_the_package_is_checked():
    functions = [fn for name in CHECKED for fn in _functions(importlib.import_module(name))]
    unchecked = [f"{fn.__module__}.{fn.__qualname__}" for fn in functions if not _checks(fn)]
    assert len(functions) > 1500 and not unchecked


def _functions(module: ModuleType) -> Iterator[Callable]:
    """Those that say anything of what they take or return, methods too."""
    inside = [it for it in vars(module).values() if _is_of(it, module)]
    methods = [of for it in inside if inspect.isclass(it) for of in vars(it).values()]
    for it in [*inside, *methods]:
        fn = getattr(it, "__func__", getattr(it, "fget", it))
        if inspect.isclass(fn) or not hasattr(fn, "__qualname__") or not _is_of(fn, module):
            continue
        if inspect.iscoroutinefunction(fn):  # the hook passes them by
            continue
        if not all(TypeHint(of).is_ignorable for of in fn.__annotations__.values()):
            yield fn


def _is_of(it: object, module: ModuleType) -> bool:
    return getattr(it, "__module__", None) == module.__name__


def _checks(fn: Callable | None) -> bool:
    """Whether a checker stands before it, perhaps behind a cache."""
    while fn is not None:
        file = getattr(getattr(fn, "__code__", None), "co_filename", "")
        if "beartype" in file or "jaxtyping" in file:
            return True
        fn = getattr(fn, "__wrapped__", None)
    return False
