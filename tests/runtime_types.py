"""Types of nnmech are checked while its tests run: where arrays are spoken of by jaxtyping, else by beartype alone.

jaxtyping binds the arguments of every call once more, and checks them a second time with what is returned, so that
shapes of arrays agree and can be named. Where no array is spoken of that finds nothing that beartype does not find, and
takes longer than what most functions do.
"""

import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import partial
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
            decorated.__init__ = typechecker(decorated.__init__)
            return decorated
    elif isinstance(decorated, FunctionType) and _knows_no_array(decorated):
        return typechecker(decorated)
    return _of_arrays(decorated, typechecker=typechecker)


def _knows_no_array(function: Any) -> bool:
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, AttributeError, TypeError):
        # A name that only type checkers import: jaxtyping lets it be, beartype would not.
        return False
    return not any(map(_speaks_of_arrays, hints.values()))


def _speaks_of_arrays(hint: Any) -> bool:
    if inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray):
        return True
    return any(map(_speaks_of_arrays, hint if isinstance(hint, list) else get_args(hint)))
