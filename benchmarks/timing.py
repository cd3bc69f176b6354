"""Timing variants of the same work against each other, and what is said of the result."""

import gc
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True)
class Variant:
    """One way to do the work: `prepare` is not timed, and what it returns goes to `work`, which is."""

    prepare: Callable[[], Any]
    work: Callable[[Any], object]


@dataclass(frozen=True)
class Seconds:
    """What one run of a variant took."""

    wall: float
    cpu: float
    """Of this process, all its threads: what the wall clock would show on a machine with nothing else to do."""


@dataclass(frozen=True)
class Row:
    """A line of the table: one number a repeat, and the bound it is held against."""

    what: str
    unit: str
    values: tuple[float, ...]
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""
    """What was measured, or why nothing was."""

    @property
    def median(self) -> float | None:
        return statistics.median(self.values) if self.values else None

    @property
    def met(self) -> bool | None:
        """Whether the median is within the bound; None where there is no bound, or no number."""
        if self.median is None or (self.at_most is None and self.at_least is None):
            return None
        return (self.at_most is None or self.median <= self.at_most) and (
            self.at_least is None or self.median >= self.at_least
        )

    def cells(self) -> tuple[str, str, str]:
        """What was measured (and how), its median with the range of the rounds, and the bound, as the table prints."""
        what = f"{self.what} ({self.note})" if self.note else self.what
        if self.median is None:
            return what, "not measured", self._bound()
        unit = f" {self.unit}" if self.unit else ""
        spread = f" ({_short(min(self.values))} to {_short(max(self.values))}, n={len(self.values)})"
        return what, _short(self.median) + unit + (spread if len(self.values) > 1 else ""), self._bound()

    def _bound(self) -> str:
        if self.at_most is None and self.at_least is None:
            return ""
        bound = f"at most {self.at_most}" if self.at_most is not None else f"at least {self.at_least}"
        return bound + (", missed" if self.met is False else "")

    @classmethod
    def from_json(cls, recorded: Mapping[str, Any]) -> Self:
        """The row that `to_json` wrote."""
        row = {field.name: recorded[field.name] for field in fields(cls)}
        return cls(**{**row, "values": tuple(row["values"])})

    def to_json(self) -> dict[str, Any]:
        """The row with its median, its range and whether the bound is met."""
        low, high = (min(self.values), max(self.values)) if self.values else (None, None)
        return {**vars(self), "median": self.median, "min": low, "max": high, "met": self.met}


def interleave(variants: Mapping[str, Variant], repeats: int) -> dict[str, list[Seconds]]:
    """Time every variant `repeats` times, in turn and every other round backwards, after a warm-up of each.

    A machine that grows slower, or busier, so slows all variants alike.
    """
    taken: dict[str, list[Seconds]] = {name: [] for name in variants}
    for round_number in range(repeats + 1):
        names = list(variants) if round_number % 2 else list(variants)[::-1]
        for name in names:
            seconds = _time(variants[name])
            if round_number:
                taken[name].append(seconds)
            label = f"round {round_number} of {repeats}" if round_number else "warm-up"
            say(f"  {label}: {name} {seconds.wall:.2f} s, {seconds.cpu:.2f} s of processor time")
    return taken


def ratios(over: Sequence[Seconds], under: Sequence[Seconds]) -> tuple[float, ...]:
    """Wall time over wall time, round by round."""
    return tuple(a.wall / b.wall for a, b in zip(over, under, strict=True))


def cpu_note(over: Sequence[Seconds], under: Sequence[Seconds]) -> str:
    """The same ratio of processor time, which other processes on the machine disturb less."""
    median = statistics.median(a.cpu / b.cpu for a, b in zip(over, under, strict=True))
    return f"by processor time {median:.3f}"


def say(line: str) -> None:
    """A line of progress, where it does not mix with the table."""
    print(line, file=sys.stderr, flush=True)


def _time(variant: Variant) -> Seconds:
    prepared = variant.prepare()
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    variant.work(prepared)
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def _short(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"
