"""Types of nnmech are checked while its tests run: where arrays are spoken of by jaxtyping, else by beartype alone.

jaxtyping binds the arguments of every call once more, and checks them a second time with what is returned, so that
shapes of arrays agree and can be named. Where no array is spoken of that finds nothing that beartype does not find, and
takes longer than what most functions do.
"""

import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import partial, wraps
from types import FunctionType
from typing import Any, get_args, get_type_hints

import jaxtyping

_of_arrays = jaxtyping.jaxtyped


def install() -> None:
    """Let the import hook of jaxtyping, which decorates every function and class, decorate them with `jaxtyped`."""
    jaxtyping.jaxtyped = jaxtyped


def jaxtyped(decorated: Any = None, *, typechecker: Callable[..., Any]) -> Any:
    """In place of `jaxtyping.jaxtyped`: the same checks of a function or dataclass, at less cost without arrays."""
    if decorated is None:
        return partial(jaxtyped, typechecker=typechecker)
    if inspect.isclass(decorated):
        if is_dataclass(decorated) and "__init__" in vars(decorated) and _knows_no_array(decorated.__init__):
            decorated.__init__ = _unless_disabled(decorated.__init__, typechecker)
            return decorated
    elif isinstance(decorated, FunctionType) and _knows_no_array(decorated):
        return typechecker(decorated)
    return _of_arrays(decorated, typechecker=typechecker)


def _unless_disabled(function: FunctionType, typechecker: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its types checked, as long as jaxtyping is not told to check none."""
    checked = typechecker(function)

    @wraps(function)
    def either(*arguments: Any, **keywords: Any) -> Any:
        return (function if jaxtyping.config.jaxtyping_disable else checked)(*arguments, **keywords)

    return either


def _knows_no_array(function: Any) -> bool:
    """Whether its types speak of no array; they stand in the function from now on, as jaxtyping understands them."""
    hints = {name: _understood(hint, function.__globals__) for name, hint in function.__annotations__.items()}
    if any(map(_speaks_of_arrays, hints.values())):
        return False
    function.__annotations__ = hints
    return True


def _understood(hint: Any, names: dict[str, Any]) -> Any:
    """A type, for one in quotes too; Any where it is not there as yet, or for type checkers alone."""

    def function() -> None:
        pass

    function.__annotations__ = {"hint": hint}
    try:
        return get_type_hints(function, names, include_extras=True)["hint"]
    except (NameError, AttributeError, TypeError):
        return Any


def _speaks_of_arrays(hint: Any) -> bool:
    if inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray):
        return True
    return any(map(_speaks_of_arrays, hint if isinstance(hint, list) else get_args(hint)))
