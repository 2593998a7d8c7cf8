"""Every annotation of the package as a check, at the least cost that still finds each fault."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from functools import partial, wraps
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True, violation_type=jaxtyping.TypeCheckError))
"""An int is welcome where a float is expected, as PEP 484 has it; a fault is a TypeError, as it is
where Python itself finds one.
"""

OFTEN, SELDOM = 50, 10
"""Of a function that takes or gives arrays, a test checks so many calls, and then every tenth."""

calls: Counter[Callable] = Counter()
"""How often the test under way called each of them; emptied before each test."""

_jaxtyped = jaxtyping.jaxtyped


def install(modules: list[str]) -> None:
    """From now on these modules are imported with checks.

    The library's own decorator checks the arguments twice, and binds the dimensions of functions
    that know no arrays; the hook finds ours in its place.
    """
    jaxtyping.jaxtyped = lambda *, typechecker: partial(checked_once, typechecker=typechecker)
    jaxtyping.install_import_hook(modules, "shape_checking.checked")


def checked_once(fn: Any, typechecker: Callable = checked) -> Any:
    """A function that checks its arguments and what it returns; a dataclass that checks both."""
    if inspect.isclass(fn):
        if is_dataclass(fn) and "__init__" in vars(fn):
            fn.__init__ = checked_once(fn.__init__, typechecker)
        return fn
    if inspect.isgeneratorfunction(fn):
        return _jaxtyped(fn, typechecker=typechecker)
    fn.__annotations__ = {name: _resolved(of, fn) for name, of in fn.__annotations__.items()}
    shapes = [shape for of in fn.__annotations__.values() for shape in _shapes(of)]
    if not shapes:
        return typechecker(fn)
    if any("{" in shape.dim_str for shape in shapes):  # the value of an argument
        return _at_times(fn, _jaxtyped(typechecker(fn), typechecker=None))
    return _at_times(fn, _in_context(typechecker(fn)))


def _in_context(fn: Callable) -> Callable:
    """Dimensions of one name are equal in one call; calls inside have names of their own."""

    @wraps(fn)
    def called(*args: Any, **kwargs: Any) -> Any:
        with _jaxtyped("context"):
            return fn(*args, **kwargs)

    return called


def _at_times(fn: Callable, checks: Callable) -> Callable:
    """The function, with its checks as long as a test has not called it often."""

    @wraps(checks)
    def called(*args: Any, **kwargs: Any) -> Any:
        calls[fn] += 1
        if calls[fn] > OFTEN and calls[fn] % SELDOM:
            return fn(*args, **kwargs)
        return checks(*args, **kwargs)

    return called


def _resolved(annotation: Any, fn: Callable) -> Any:
    """The type that is meant; anything where its name is known to type checkers alone."""
    alone = SimpleNamespace(__annotations__={"it": annotation})
    try:
        return get_type_hints(alone, fn.__globals__, include_extras=True)["it"]
    except (NameError, TypeError):  # of type checkers alone, as is array[float]
        return Any


def _shapes(annotation: Any) -> Iterator[type[jaxtyping.AbstractArray]]:
    """The shapes of arrays in it."""
    if inspect.isclass(annotation) and issubclass(annotation, jaxtyping.AbstractArray):
        yield annotation
    for part in get_args(annotation):
        yield from _shapes(part)
