"""Tables that take longer than a click: made beside the page, once for all readers, kept until a file changes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from threading import Lock
from typing import Any, TypeVar

import streamlit as st

T = TypeVar("T")
PATIENCE = 0.15
"""Seconds that a page waits for a table before it goes on without; what is small is there by then."""
POLL = 0.4
"""Seconds between two looks whether a table that is being made is there."""
KEPT = 96
"""Tables that are kept, those last asked for."""
WORKERS = 2


class Workshop:
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
def workshop() -> Workshop:
    """The one of this process, for all sessions."""
    return Workshop()


def table(make: Callable[..., T], *arguments: Hashable) -> T | None:
    """`make(*arguments)` where it is there by now, else None: then it is being made, and `look_again` waits for it.

    Nobody may change what it returns: everybody has the same. What `make` raises is raised here.
    """
    future = workshop().future((make.__module__, make.__qualname__, *arguments), lambda: make(*arguments))
    try:
        return future.result(timeout=PATIENCE)
    except NotYet:
        if future.done():
            return future.result()
        _waited_for().append(future)
        return None


def begin() -> None:
    """Forget what the last run of the page waited for."""
    st.session_state["_waited_for"] = []


def look_again() -> None:
    """At the end of a page: draw it anew as soon as a table that it went on without is there."""
    if _waited_for():
        st.fragment(_rerun_when_done, run_every=POLL)()


def _rerun_when_done() -> None:
    if any(future.done() for future in _waited_for()):
        st.rerun()


def _waited_for() -> list["Future[Any]"]:
    return st.session_state.setdefault("_waited_for", [])
