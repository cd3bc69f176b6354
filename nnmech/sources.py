"""The sources of claims by name: the one place that knows them all, and opens each only when it is asked for."""

import importlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import cast

from nnmech.claims.sources import EMBEDDED, ClaimSource
from nnmech.errors import InputError

OpenSource = Callable[[str], ClaimSource]
_KNOWN: dict[str, str] = {EMBEDDED: "nnmech.world.source:open_source"}
_FOLDER = "nnmech.authors.source:open_source"
_REGISTERED: dict[str, OpenSource] = {}


def register_source(name: str, opened: OpenSource) -> None:
    """Make a source of one's own available by name.

    Args:
        name: An identifier, which no other source has.
        opened: Called with the name; returns the source.

    Raises:
        InputError: The name is taken or is no identifier.
    """
    if not name.isidentifier():
        raise InputError(f"source {name!r}: expected a name of letters, digits and underscores; rename it")
    if name in _KNOWN or _REGISTERED.get(name, opened) is not opened:
        raise InputError(f"source {name!r}: there is a source of that name already; choose another")
    _REGISTERED[name] = opened


def source_names() -> list[str]:
    """The names that `open_source` knows beside folders."""
    return [*_KNOWN, *_REGISTERED]


def open_source(name: str) -> ClaimSource:
    """The source of a name, or the one in a folder of the published layout; opened once a process.

    Raises:
        InputError: There is neither a source of the name nor such a folder, or the folder cannot be read as one.
    """
    return _opened(name, _REGISTERED.get(name))


@lru_cache(maxsize=8)
def _opened(name: str, registered: OpenSource | None) -> ClaimSource:
    if registered is not None:
        return registered(name)
    if name in _KNOWN:
        return _load(_KNOWN[name])(name)
    if not Path(name).is_dir():
        raise InputError(
            f"source {name!r}: is no folder and no known name; expected one of {', '.join(source_names())} or a folder "
            "with facts/ or claims/ and documents/; check --source"
        )
    return _load(_FOLDER)(name)


def _load(place: str) -> OpenSource:
    module, _, attribute = place.partition(":")
    return cast(OpenSource, getattr(importlib.import_module(module), attribute))
