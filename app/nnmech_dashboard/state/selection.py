"""What the reader looks at: one run, claim, probe, layer, position and step for all pages, kept in the address."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from nnmech.errors import NnmechError
from nnmech.probes import best_place
from nnmech.runs import Run
from nnmech_dashboard.parts.theme import is_dark
from nnmech_dashboard.parts.words import plain_markdown
from nnmech_dashboard.state.background import table
from nnmech_dashboard.state.listing import Entry, Listing, stamp
from nnmech_dashboard.state.tables import FIRST_FILES, answer_steps, probe_quality

KEYS = ("run", "claim", "probe", "layer", "position", "step", "baseline")
NUMBERS = ("layer", "step")
PROBES = ("truth", "polarity")


@dataclass(frozen=True)
class Selection:
    """The run that is looked at, and where in it."""

    listing: Listing
    entry: Entry
    run: Run
    claim: str | None
    """Name of the claim; None where the run tells of none."""
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
        text = self.run.config.get("claim_text")
        return None if text is None else str(text)

    def recorded_step(self, steps: "list[int]") -> int | None:
        """The last of `steps` that is not behind the chosen one; None where there is none."""
        return max((step for step in steps if step <= self.step), default=None)


def chosen() -> dict[str, Any]:
    """What was chosen so far, by key; pages change it through `choose`."""
    return st.session_state.setdefault("_chosen", {})


def choose(**values: Any) -> None:
    """Choose something, in a callback or before the selection is drawn."""
    chosen().update({key: value for key, value in values.items() if value is not None})


def forget(key: str) -> None:
    """Take a choice back, in a callback; only the baseline may be without one."""
    chosen().pop(key, None)


def read_address() -> None:
    """Take over what a link says, once: when the page is opened, and when the reader goes back."""
    asked = {key: st.query_params[key] for key in KEYS if key in st.query_params}
    if asked and asked != st.session_state.get("_told"):
        # What is missing was not chosen then: nothing else stays without a value.
        forget("baseline")
        choose(**{key: _parsed(key, value) for key, value in asked.items()})


def write_address() -> None:
    """Put what is chosen into the address, so that it can be sent to somebody."""
    told = {key: str(chosen()[key]) for key in KEYS if chosen().get(key) is not None}
    for key in KEYS:
        if key in told and st.query_params.get(key) != told[key]:
            st.query_params[key] = told[key]
        elif key not in told and key in st.query_params:
            del st.query_params[key]
    st.session_state["_told"] = told


def select(listing: Listing, *, inside: bool) -> Selection:
    """Draw the widgets of the selection, those of probe, layer and position where a page looks `inside` the model.

    Raises NnmechError where the chosen run cannot be read.
    """
    _default("run", listing.names, _newest(listing))
    _pick("Run", "run", listing.names, help="Type to search. The table of the page Runs has all that is told of them.")
    entry = listing[chosen()["run"]]
    run = Run(entry.path)
    claim = _claim(run)
    position = None
    if inside and run.steps:
        position = _place(entry, run)
    steps = _steps(entry, run)
    last = max(_whole(run.config.get("steps")) or 0, steps[-1])
    boundary = _whole(run.config.get("boundary"))
    boundary = boundary if boundary is not None and 0 < boundary < last else None
    _follow(entry.id, steps)
    _default("step", steps, steps[-1])
    if len(steps) > 1:
        _pick("Step", "step", steps, slider=True)
    _say_phase(boundary, last)
    if chosen().get("baseline") not in (None, *listing.names):
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
    own = run.config.get("claim")
    # Statements about other claims are there as a null.
    names = [str(own)] if own is not None else found
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
        quality = table(probe_quality, str(entry.path), probe, stamp([entry.path], FIRST_FILES))
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
        if key == "run" and chosen().get(key) is not None:
            st.info(f"There is no run {plain_markdown(chosen()[key])} in these folders; this is another.")
        chosen()[key] = default


def _pick(label: str, key: str, options: list[Any], *, slider: bool = False, help: str | None = None) -> None:
    """A widget for one key of the selection, which outlives the widget."""
    widget = f"_pick_{key}"
    st.session_state[widget] = chosen()[key]

    def take() -> None:
        choose(**{key: st.session_state[widget]})

    if slider:
        st.select_slider(label, options, key=widget, on_change=take, format_func=lambda step: f"{step:,}", help=help)
    else:
        st.selectbox(label, options, key=widget, on_change=take, help=help)


def _parsed(key: str, value: str) -> Any:
    if key not in NUMBERS:
        return value
    return int(value) if value.isdecimal() else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
