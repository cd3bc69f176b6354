"""Whole numbers as callers have them: of Python, numpy or torch, one alone or any iterable of them."""

import math
import operator
from collections.abc import Iterable
from typing import Any

from nnmech.errors import InputError

WholeNumber = Any
"""What `whole_number` reads: an int, an integer of numpy, a 0-d tensor, a float without a fraction."""
WholeNumbers = Any
"""What `whole_numbers` reads: one such number, or any iterable of them."""
SHOWN = 60


def whole_number(value: WholeNumber, name: str, *, least: int | None = 0) -> int:
    """`value` as an int.

    Args:
        value: An int, an integer of numpy, a 0-d tensor or array, or a float without a fraction, such as 2.0.
        name: How the error calls the value, for example `step`.
        least: The lowest number that is expected; None for any.

    Raises:
        InputError: For anything else: a fraction, text, a truth value, None, a lower number.
    """
    number = _read(value)
    if number is None or (least is not None and number < least):
        expected = "a whole number" if least is None else f"a whole number, {least} or more"
        raise InputError(f"{name}: {_shown(value)}; expected {expected}; pass an int")
    return number


def whole_numbers(values: WholeNumbers, name: str, *, least: int | None = 0) -> tuple[int, ...]:
    """`values` as ints, in their order.

    Args:
        values: One number as `whole_number` takes it, or an iterable of them: a list, set, range, generator, 1-d
            tensor or array.
        name: How the error calls the values, for example `steps`.
        least: The lowest number that is expected; None for any.

    Raises:
        InputError: Where one of them is not such a number.
    """
    if isinstance(values, str | bytes | dict):
        raise InputError(f"{name}: {_shown(values)}; expected whole numbers; pass a list such as [10, 100, 1000]")
    alone = _read(values) is not None or not _iterable(values)
    return tuple(whole_number(value, name, least=least) for value in ([values] if alone else values))


def _iterable(values: Any) -> bool:
    # A 0-d tensor has __iter__ and cannot be iterated over.
    return isinstance(values, Iterable) and getattr(values, "shape", None) != ()


def _read(value: Any) -> int | None:
    shape = getattr(value, "shape", None)
    if shape is not None and tuple(shape) != ():
        return None
    item = getattr(value, "item", None)
    if callable(item):
        value = item()
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value.is_integer() else None
    try:
        return operator.index(value)
    except TypeError:
        return None


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return f"found {text if len(text) <= SHOWN else text[:SHOWN] + '…'}"
