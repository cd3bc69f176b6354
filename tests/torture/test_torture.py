"""A part of the torture suite, quick enough for every run of the tests: `python -m tests.torture` is the whole."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.checks import CHECKS, Result, carry_out


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_nothing_is_lost_and_nothing_hangs(check: Callable[[Path, float], Result]) -> None:
    result = carry_out(check, 0.03)
    assert result.tried
    assert result.faults == []
