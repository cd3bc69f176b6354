"""Tables that take longer than a click: made beside the page, once for all readers, kept until a file changes."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from threading import Lock
from typing import Any, TypeVar

import streamlit as st

from nnmech.plots.recipes import Call
from nnmech.runs import DamagedRun, Run
from nnmech_dashboard.state import kept
from nnmech_dashboard.state.listing import stamp

T = TypeVar("T")
PATIENCE = 0.15
"""Seconds that a page waits for a table before it goes on without; what is small is there by then."""
POLL = 0.4
"""Seconds between two looks whether a table that is being made is there."""
KEPT = 96
"""Tables that are kept, those last asked for."""
WORKERS = 2
PENDING = "_pending"
"""Key of the tables that the page went on without."""


class TableCache:
    """Futures of tables by what they are made of."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="table")
        self._futures: OrderedDict[Hashable, Future[Any]] = OrderedDict()
        self._lock = Lock()

    def future(self, key: Hashable, make: Callable[[], Any]) -> "Future[Any]":
        """The table called `key`, being made by `make` from now on where nobody asked for it before."""
        with self._lock:
            if key not in self._futures:
                self._futures[key] = self._pool.submit(make)
            self._futures.move_to_end(key)
            while len(self._futures) > KEPT:
                self._futures.popitem(last=False)[1].cancel()
            return self._futures[key]


@st.cache_resource(show_spinner=False)
def table_cache() -> TableCache:
    """The one of this process, for all sessions."""
    return TableCache()


def made(wanted: Call, files: Sequence[str], *, known: Mapping[Call, Any] | None = None) -> Any | None:
    """What a call gives where it is there by now, else None: then it is being made, and the page waits for it.

    Nobody may change what it returns: everybody has the same. What the call raises is raised here.

    Args:
        wanted: It is made again when one of `files` changes in a run that it opens.
        files: Names of the files that it depends on.
        known: Results of calls that need not run again.
    """
    found = all_made([wanted], files, known=known)
    return None if found is None else found[0]


def all_made(
    wanted: Sequence[Call], files: Sequence[str], *, known: Mapping[Call, Any] | None = None
) -> tuple[Any, ...] | None:
    """What several calls give, as `made`; each takes the results of those before it."""
    opened = {
        str(one.arguments[0]): one.function
        for end in wanted
        for one in end.order()
        if one.function in (Run, DamagedRun)
    }
    # The size of a snapshot is in none of the files that a table depends on.
    left_out = tuple(
        text for path, kind in opened.items() if kind is DamagedRun for text in DamagedRun(path).damaged_files
    )

    def make() -> tuple[Any, ...]:
        results = dict(known or {})
        for one in wanted:
            results[one] = _kept_or_made(one, results, list(opened), files, left_out)
        return tuple(results[one] for one in wanted)

    return _ready((*(one.source() for one in wanted), stamp(opened, files), left_out), make)


def table(make: Callable[..., T], *arguments: Hashable) -> T | None:
    """`make(*arguments)` where it is there by now, else None, as `made`; the arguments say when it has changed."""
    return _ready((make.__module__, make.__qualname__, *arguments), lambda: make(*arguments))


def begin() -> None:
    """Forget what the last run of the page waited for."""
    st.session_state[PENDING] = []


def rerun_when_ready() -> None:
    """At the end of a page: draw it again as soon as a table that it went on without is there."""
    if _pending():
        st.fragment(_rerun_when_done, run_every=POLL)()


def _ready(key: Hashable, make: Callable[[], T]) -> T | None:
    future = table_cache().future(key, make)
    try:
        return future.result(timeout=PATIENCE)
    except NotYet:
        if future.done():
            return future.result()
        _pending().append(future)
        return None


def _kept_or_made(
    one: Call, known: Mapping[Call, Any], paths: Iterable[str], files: Sequence[str], left_out: Sequence[str] = ()
) -> Any:
    key = kept.table_key(one.source(), paths, files, left_out) if kept.is_on() else None
    if key is not None and (found := kept.read(key)) is not None:
        return found
    began = time.perf_counter()
    found = one.run(known)
    if key is not None and time.perf_counter() - began >= kept.WORTH_SECONDS:
        kept.keep(key, found)
    return found


def _rerun_when_done() -> None:
    if any(future.done() for future in _pending()):
        st.rerun()


def _pending() -> list["Future[Any]"]:
    return st.session_state.setdefault(PENDING, [])
