"""What the reader looks at: one run, claim, probe, layer, position and step for all pages, kept in the address."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import streamlit as st

from nnmech.errors import NnmechError
from nnmech.plain_text import escaped
from nnmech.plots.recipes import Call
from nnmech.probes import best_place
from nnmech.runs import Run
from nnmech_dashboard.parts.theme import is_dark
from nnmech_dashboard.parts.words import plain_markdown
from nnmech_dashboard.state.background import made, table
from nnmech_dashboard.state.calls import FIRST_FILES, answer_steps, coordinates, opened, probe_quality
from nnmech_dashboard.state.listing import Entry, Listing, stamp
from nnmech_dashboard.state.opening import open_run

KEYS = ("run", "claim", "probe", "layer", "position", "step", "baseline")
NUMBERS = ("layer", "step")
PROBES = ("truth", "polarity")
WRITTEN = "_written"
"""Key of what was last put into the address."""
ASKED = "_asked"
"""Key of what the address asks for and nobody has looked up yet, by key of the selection."""
UNMET = "_unmet"
"""Key of what the address asks for and is not there, a sentence for each key of the selection."""


@dataclass(frozen=True)
class Selection:
    """The run that is looked at, and where in it."""

    listing: Listing
    entry: Entry
    run: Run
    claim: str | None
    """Name of the claim; None where the run has none."""
    probe: str
    layer: int | None
    """None until it is known where the probe reads best, and for a run without snapshots."""
    position: str | None
    step: int
    steps: tuple[int, ...]
    """The steps that have a snapshot or answers, in order; (0,) for none."""
    boundary: int | None
    """The last step of phase 1 where there are two phases."""
    last: int
    """The last step: the planned one, or as yet the last one that was logged."""
    baseline: str | None
    """Id of the pinned run that others are compared with."""
    dark: bool

    @property
    def path(self) -> str:
        return str(self.entry.path)

    @property
    def arm(self) -> str | None:
        return None if self.entry.summary is None else self.entry.summary.condition

    @property
    def claim_text(self) -> str | None:
        return self.run.labels.claim_text

    @property
    def first(self) -> int:
        """The first step recorded, at which probes are fitted."""
        return self.run.steps[0]

    @cached_property
    def opened(self) -> Call:
        """The run as a step of recipes."""
        return opened(self.path)

    @cached_property
    def quality(self) -> Call:
        """How good the chosen probe is, by layer and position."""
        return probe_quality(self.opened, self.probe, self.first)

    def coordinates(self, probe: str) -> Call:
        """Where all statements lie at the chosen position."""
        return coordinates(self.opened, probe, self.position, self.first)

    def recorded_step(self, steps: "list[int]") -> int | None:
        """The last of `steps` that is not after the chosen one; None where there is none."""
        return max((step for step in steps if step <= self.step), default=None)


def chosen() -> dict[str, Any]:
    """What was chosen so far, by key; pages change it through `choose`."""
    return st.session_state.setdefault("_chosen", {})


def choose(**values: Any) -> None:
    """Choose something, in a callback or before the selection is drawn."""
    chosen().update({key: value for key, value in values.items() if value is not None})
    for key in values:
        _noted(ASKED).pop(key, None)
        _noted(UNMET).pop(key, None)


def forget(key: str) -> None:
    """Take a choice back, in a callback; only the baseline may be without one."""
    chosen().pop(key, None)


def read_address() -> None:
    """Take over what a link says, once: when the page is opened, and when the reader goes back."""
    asked = {key: st.query_params[key] for key in KEYS if key in st.query_params}
    if asked and asked != st.session_state.get(WRITTEN):
        # What is missing was not chosen then: nothing else stays without a value.
        forget("baseline")
        _noted(UNMET).clear()
        for key in asked:
            chosen().pop(key, None)
        choose(**{key: _parsed(key, value) for key, value in asked.items()})
        _noted(ASKED).update(asked)


def write_address() -> None:
    """Put what is chosen into the address, so that it can be sent to somebody."""
    written = {key: str(chosen()[key]) for key in KEYS if chosen().get(key) is not None}
    for key in KEYS:
        if key not in written and key in st.query_params:
            del st.query_params[key]
    if any(st.query_params.get(key) != value for key, value in written.items()):
        # All at once: each message of its own would make the page wait for its turn.
        st.query_params.update(written)
    st.session_state[WRITTEN] = written


def unmet() -> list[str]:
    """What the address asks for and is not there, a sentence each, until something else is chosen."""
    return list(_noted(UNMET).values())


def select(listing: Listing, *, inside: bool) -> Selection:
    """Draw the widgets of the selection, those of probe, layer and position where a page looks `inside` the model.

    Raises NnmechError where the chosen run cannot be read.
    """
    _default("run", listing.names, _newest(listing))
    labels = {entry.id: entry.label for entry in listing.entries}
    _pick(
        "Run", "run", listing.names, help="Type to search. The page Runs has them in a table.", words=labels.__getitem__
    )
    entry = listing[chosen()["run"]]
    run = open_run(str(entry.path))
    claim = _claim(run)
    position = None
    if inside and run.steps:
        position = _place(entry, run)
    steps = _steps(entry, run)
    last = max(run.labels.steps or 0, steps[-1])
    boundary = run.labels.boundary
    boundary = boundary if boundary is not None and 0 < boundary < last else None
    _follow(entry.id, steps)
    _default("step", steps, steps[-1])
    if len(steps) > 1:
        _pick("Step", "step", steps, slider=True)
    _say_phase(boundary, last)
    if (baseline := chosen().get("baseline")) not in (None, *listing.names):
        _miss("baseline", baseline, "it is not compared with")
        del chosen()["baseline"]
    return Selection(
        listing=listing,
        entry=entry,
        run=run,
        claim=claim,
        probe=chosen().get("probe", PROBES[0]),
        layer=chosen().get("layer") if position else None,
        position=position,
        step=chosen()["step"],
        steps=tuple(steps),
        boundary=boundary,
        last=last,
        baseline=chosen().get("baseline"),
        dark=is_dark(),
    )


def _newest(listing: Listing) -> str:
    """The run that was written last."""
    dated = [(entry.summary.updated, entry.id) for entry in listing.entries if entry.summary is not None]
    return max(dated)[1]


def _claim(run: Run) -> str | None:
    found = [str(claim) for claim in dict.fromkeys(run.statements["claim"].dropna())] if len(run.statements) else []
    # Statements about other claims are there as a null.
    names = found if run.labels.claim is None else [run.labels.claim]
    if not names:
        return None
    _default("claim", names, names[0])
    if len(names) > 1:
        _pick("Claim", "claim", names)
    return chosen()["claim"]


def _place(entry: Entry, run: Run) -> str | None:
    """Draw probe, layer and position; the position, or None until it is known where the probe reads best."""
    _default("probe", list(PROBES), PROBES[0])
    probe = chosen()["probe"]
    try:
        quality = made(probe_quality(opened(str(entry.path)), probe, run.steps[0]), FIRST_FILES)
    except NnmechError as error:
        st.warning(plain_markdown(f"No probe can be fitted: {error}"), icon=":material/warning:")
        return None
    if quality is None:
        return None
    layers, positions = ([*dict.fromkeys(quality[name])] for name in ("layer", "position"))
    layers = [int(layer) for layer in layers]
    best_layer, best_position = best_place(quality, probe)
    _default("layer", layers, best_layer)
    _default("position", positions, best_position)
    left, right = st.columns(2)
    with left:
        _pick("Probe", "probe", list(PROBES))
    with right:
        _pick("Layer", "layer", layers)
    _pick("Token position", "position", positions, help="Which token of a statement is read.")
    return chosen()["position"]


def _steps(entry: Entry, run: Run) -> list[int]:
    answered = table(answer_steps, str(entry.path), stamp([entry.path], ("answers.jsonl",)))
    return sorted({*run.steps, *(answered or [])}) or [0]


def _follow(name: str, steps: list[int]) -> None:
    """Stay at the end of a run that goes on, if that is where the reader was."""
    if st.session_state.get("_end") == (name, chosen().get("step")):
        choose(step=steps[-1])
    st.session_state["_end"] = (name, steps[-1])


def _say_phase(boundary: int | None, last: int) -> None:
    step = chosen()["step"]
    phase = "" if boundary is None else "untouched, " if step == 0 else f"phase {1 if step <= boundary else 2}, "
    st.caption(f"{phase}step {step:,} of {last:,}")


def _default(key: str, options: list[Any], default: Any) -> None:
    if chosen().get(key) not in options:
        if key in _noted(ASKED):
            _miss(key, _noted(ASKED)[key], f"shown is {default}")
        elif key == "run" and chosen().get(key) is not None:
            _miss(key, chosen()[key], f"shown is {default}")
        chosen()[key] = default
    # What was asked for has been looked up: what another run lacks later is no fault of the address.
    _noted(ASKED).pop(key, None)


def _miss(key: str, value: Any, instead: str) -> None:
    where = "in these folders" if key in ("run", "baseline") else "in this run"
    _noted(UNMET)[key] = f"There is no {key} {plain_markdown(value)} {where}; {plain_markdown(instead)}."


def _noted(key: str) -> dict[str, str]:
    return st.session_state.setdefault(key, {})


def _pick(
    label: str,
    key: str,
    options: list[Any],
    *,
    slider: bool = False,
    help: str | None = None,
    words: Callable[[Any], str] = str,
) -> None:
    """A widget for one key of the selection, which outlives the widget."""
    widget = f"_pick_{key}"
    st.session_state[widget] = chosen()[key]

    def take() -> None:
        choose(**{key: st.session_state[widget]})

    if slider:
        st.select_slider(label, options, key=widget, on_change=take, format_func=lambda step: f"{step:,}", help=help)
    else:
        st.selectbox(
            label, options, key=widget, on_change=take, format_func=lambda value: escaped(words(value)), help=help
        )


def _parsed(key: str, value: str) -> Any:
    if key not in NUMBERS:
        return value
    return int(value) if value.isdecimal() else None
