"""The Python that makes each table and figure of the page Compare from the library alone."""

from collections.abc import Sequence

from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.views.compare.runs import Compared

COORDINATES = {"truth": "claim_coordinate", "polarity": "polarity_coordinate"}
OF_CLAIM = (
    '    own = own[(own["claim"] == claims[name]) & (own["polarity"] == 1)]',
    '    own = own[own["role"].isin(["claim", "matched_false"])]',
    "    parts.append(own.assign(run=name, condition=conditions[name]))",
)
TABLE = "table = pd.concat(parts, ignore_index=True)"


def said_snippet(runs: Sequence[Compared]) -> str:
    return _snippet(
        runs,
        ("from nnmech.drift import belief_over_steps", "from nnmech.plots import belief_of_runs"),
        "    rates = belief_over_steps(run, claims[name])",
        "    parts.append(rates.assign(run=name, condition=conditions[name]))",
        TABLE,
        "figure = belief_of_runs(table, ends=ends)",
    )


def represented_snippet(runs: Sequence[Compared], selection: Selection) -> str:
    function = COORDINATES[selection.probe]
    return _snippet(
        runs,
        (f"from nnmech.drift import {function}", "from nnmech.plots import coordinate_of_runs"),
        f"    own = {function}(run, {_positions(selection)})",
        f'    own = own[own["layer"] == {selection.layer}]',
        *OF_CLAIM,
        TABLE,
        f"figure = coordinate_of_runs(table, ends=ends, probe={selection.probe!r})",
    )


def said_apart_snippet(runs: Sequence[Compared], baseline: Compared) -> str:
    return _snippet(
        runs,
        ("from nnmech.drift import belief_difference", "from nnmech.plots import difference_over_steps"),
        '    for role in ("claim", "matched_false"):',
        "        apart = belief_difference(run, baseline, claim=claims[name], role=role)",
        "        parts.append(apart.assign(role=role, run=name, condition=conditions[name]))",
        TABLE,
        f'figure = difference_over_steps(table, ends=ends, of="belief", baseline={baseline.name!r})',
        baseline=baseline,
    )


def represented_apart_snippet(runs: Sequence[Compared], baseline: Compared, selection: Selection) -> str:
    place = f"probe={selection.probe!r}, layers=[{selection.layer}], {_positions(selection)}"
    return _snippet(
        runs,
        ("from nnmech.drift import coordinate_difference", "from nnmech.plots import difference_over_steps"),
        f"    own = coordinate_difference(run, baseline, {place})",
        *OF_CLAIM,
        TABLE,
        f"figure = difference_over_steps(table, ends=ends, of={selection.probe!r}, baseline={baseline.name!r})",
        baseline=baseline,
    )


def portrait_snippet(runs: Sequence[Compared], selection: Selection) -> str:
    return _snippet(
        runs,
        (
            "from nnmech.drift import belief_over_steps, claim_coordinate, portrait_of",
            "from nnmech.plots import portrait_of_runs",
        ),
        f"    own = claim_coordinate(run, {_positions(selection)})",
        f'    own = own[own["layer"] == {selection.layer}]',
        *OF_CLAIM,
        "    rates = belief_over_steps(run, claims[name]).assign(claim=claims[name])",
        "    said.append(rates.assign(run=name, condition=conditions[name]))",
        'table = portrait_of(pd.concat(parts), pd.concat(said), by=["run", "condition", "role"])',
        "figure = portrait_of_runs(table, ends=ends)",
        lists=("parts", "said"),
    )


def _snippet(
    runs: Sequence[Compared],
    imports: Sequence[str],
    *lines: str,
    baseline: Compared | None = None,
    lists: Sequence[str] = ("parts",),
) -> str:
    """Python that opens the runs by name, with claims, conditions and ends, and fills `lists` from them by `lines`."""
    head = ["from nnmech.drift import phase_ends", "from nnmech.runs import Run", *imports]
    return "\n".join(
        [
            "import pandas as pd",
            "",
            *sorted(head),
            "",
            "runs = {",
            *(f"    {run.name!r}: Run({run.path!r})," for run in runs),
            "}",
            *([] if baseline is None else [f"baseline = Run({baseline.path!r})"]),
            f"claims = { {run.name: run.claim for run in runs}!r}",
            f"conditions = { {run.name: run.condition for run in runs}!r}",
            "ends = {name: phase_ends(run) for name, run in runs.items()}",
            *(f"{name} = []" for name in lists),
            "for name, run in runs.items():",
            *lines,
        ]
    )


def _positions(selection: Selection) -> str:
    return f"positions=[{selection.position!r}], reference_step=run.steps[0]"
