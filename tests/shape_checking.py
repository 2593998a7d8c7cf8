"""Every annotation of the package as a check, at the least cost that still finds each fault."""

import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""An int is welcome where a float is expected, as PEP 484 has it."""

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
    if not any(map(_has_shape, fn.__annotations__.values())):
        return typechecker(fn)
    return _jaxtyped(typechecker(fn), typechecker=None)


def _resolved(annotation: Any, fn: Callable) -> Any:
    """The type that is meant; anything where its name is known to type checkers alone."""
    alone = SimpleNamespace(__annotations__={"it": annotation})
    try:
        return get_type_hints(alone, fn.__globals__, include_extras=True)["it"]
    except (NameError, TypeError):  # of type checkers alone, as is array[float]
        return Any


def _has_shape(annotation: Any) -> bool:
    """Whether it is an array's shape or holds one."""
    if inspect.isclass(annotation) and issubclass(annotation, jaxtyping.AbstractArray):
        return True
    return any(map(_has_shape, get_args(annotation)))
