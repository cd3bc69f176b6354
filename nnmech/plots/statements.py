"""Single statements over training, a panel for each role."""

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnmech.plots.axes import band, header, inside_note, mark_steps, note, outer_labels, panel_grid, step_label
from nnmech.plots.style import (
    COORDINATE_LABELS,
    INK,
    NULL,
    NULLS,
    PROBE_COLOURS,
    PROBE_ENDS,
    ROLE_LABELS,
    SMALL,
    mix,
    role_label,
    styled,
)
from nnmech.plots.tables import check_table, counted, levels_of, require_rows, rows_where, single

STATEMENT_COLUMNS = ("id", "text", "truth", "polarity", "role", "layer", "position", "step", "z")
MEAN_COLUMNS = ("role", "truth", "polarity", "step", "z", "low", "high", "n")
MOST = 12
MEAN_DASH = (0, (4, 1.5))


def statement_trajectories(
    statements: pd.DataFrame,
    means: pd.DataFrame,
    *,
    roles: Sequence[str] | None = None,
    most: int = MOST,
    chosen: str | None = None,
    boundary: int | None = None,
    phases: tuple[str, str] = ("phase 1", "phase 2"),
    probe: str = "truth",
    title: str | None = None,
) -> Figure:
    """Coordinate of single statements over training steps, a panel for each of `roles` (else all), on one scale.

    Takes the tables of `statement_coordinates` and `average_statements` for one layer and position. Thin lines are
    statements, those of `representatives`; a thick line is the mean of all in `means`, which may be of more statements
    than are drawn, and dashed where it is of those that the probe should read as 0 and the role has others too. The
    statement with the id `chosen` is drawn in black. `boundary` is the last step of phase 1. Raises InputError for
    missing columns, rows that are not unique, and roles or an id without rows.
    """
    check_table(statements, STATEMENT_COLUMNS, unique=("id", "step"))
    check_table(means, MEAN_COLUMNS, unique=("role", "truth", "polarity", "step"))
    place_of = {name: single(statements, name) for name in ("layer", "position")}
    shown = ordered_roles(statements) if roles is None else list(roles)
    groups = {role: require_rows(statements, "role", role) for role in shown}
    thin = {role: _drawn(rows, most) for role, rows in groups.items()}
    if chosen is not None:
        require_rows(statements, "id", chosen)
    with styled(1.6 + 1.85 * (-(-len(shown) // 3))) as figure:
        panels = panel_grid(figure, len(shown))
        place = mark_steps(panels, list(statements["step"]), boundary, phases, parts=2)
        # A line of one step would not be seen.
        dots = {"marker": "o", "ms": 3} if len(set(statements["step"])) < 2 else {}
        for axes, (role, rows) in zip(panels, groups.items(), strict=True):
            for end in (0, 1):
                axes.axhline(end, color=SMALL, lw=0.8, ls=(0, (1, 2)))
            colour = NULL if role in NULLS else PROBE_COLOURS[probe]
            for name in thin[role]:
                line = rows_where(rows, id=name).sort_values(by="step")
                look = {"color": mix(colour, "#FFFFFF", 0.45), "lw": 0.8, "label": "a statement"}
                axes.plot(place(line["step"]), line["z"], **(look | dots))
            for dashed, mean in mean_lines(rows_where(means, role=role), probe):
                label = f"mean of the {PROBE_ENDS[probe][0]} ones" if dashed else "mean and its 95% interval"
                look = {"ls": MEAN_DASH if dashed else "-", "lw": 2.4, "label": label}
                band(axes, place(mean["step"]), mean, colour, "z", **(look | dots | {"ms": 7}))
            if chosen is not None and chosen in set(rows["id"]):
                line = rows_where(rows, id=chosen).sort_values(by="step")
                look = {"color": INK, "lw": 1.6, "marker": "o", "ms": 3, "label": _quoted(line["text"].iloc[0])}
                axes.plot(place(line["step"]), line["z"], **look)
            _name(axes, role, rows, number=len(thin[role]), phases=boundary is not None and axes is panels[0])
            if bool(rows["z"].isna().to_numpy().all()):
                inside_note(axes, "controls not told apart")
        drawn = pd.concat([rows.loc[rows["id"].isin(thin[role])] for role, rows in groups.items()])
        averaged = means.loc[means["role"].isin(shown)]
        panels[0].set_ylim(*shared_limits(drawn["z"].to_numpy(), averaged["z"].to_numpy()))
        outer_labels(panels, step_label(boundary), COORDINATE_LABELS[probe])
        words = "Single statements: layer {layer}, token position {position}".format(**place_of)
        header(figure, title or words, panels)
        note(figure, _words(shown, probe, most))
    return figure


def ordered_roles(statements: pd.DataFrame) -> list[str]:
    """The roles of a table in the order in which they are shown: the claim first, controls last."""
    known = list(ROLE_LABELS)
    roles = levels_of(statements, "role")
    return sorted(roles, key=lambda role: known.index(role) if role in known else known.index("control") - 0.5)


def matching(statements: pd.DataFrame, *, roles: Sequence[str] = (), words: Sequence[str] = ()) -> pd.DataFrame:
    """The rows of statements that have all of the `words` in their text and one of the `roles`; no roles are all."""
    return statements.loc[matching_mask(statements, roles=roles, words=words)]


def matching_mask(
    statements: pd.DataFrame, *, roles: Sequence[str] = (), words: Sequence[str] = ()
) -> Bool[np.ndarray, "row"]:
    """Which rows `matching` keeps."""
    texts = statements["text"].astype(str).str.lower()
    kept = statements["role"].isin(list(roles)).to_numpy() if roles else np.ones(len(statements), dtype=bool)
    for word in words:
        kept = kept & texts.str.contains(word.lower(), regex=False).to_numpy(dtype=bool)
    return kept


def representatives(z: Float[np.ndarray, "statement step"], most: int = MOST) -> Int[np.ndarray, "shown"]:
    """Row numbers of at most `most` statements, evenly spread over their ranks at the last step at which one has a z.

    The lowest and the highest are among them, so that a few of many statements show how far they reach. Where more than
    `most` are there, those without a z at that step are left out.
    """
    known = np.isfinite(z)
    steps = np.flatnonzero(known.any(axis=0))
    if len(z) <= most or not len(steps):
        return np.arange(min(most, len(z)))
    rows = np.flatnonzero(known[:, steps[-1]])
    ranked = rows[np.argsort(z[rows, steps[-1]], kind="stable")]
    places = np.linspace(0, len(ranked) - 1, min(most, len(ranked))).round().astype(int)
    return np.sort(ranked[places])


def mean_lines(means: pd.DataFrame, probe: str) -> list[tuple[bool, pd.DataFrame]]:
    """The means of one role, each in order of steps, and whether its line is dashed.

    That is so for statements that the probe should read as 0 in a role that has others too.
    """
    ends = means[probe].isin([False, -1]).to_numpy(dtype=bool)
    mixed = bool(ends.any() and not ends.all())
    lines = means.assign(_low=ends & mixed).groupby(["truth", "polarity"], sort=False, dropna=False)
    return [(bool(line["_low"].iloc[0]), line.sort_values(by="step")) for _, line in lines]


def shared_limits(single_z: np.ndarray, mean_z: np.ndarray) -> tuple[float, float]:
    """Ends of the y axis: 0, 1, all means and the middle 98% of what is drawn; where controls lie close, z runs far."""
    known = single_z[np.isfinite(single_z)]
    low, high = np.quantile(known, [0.01, 0.99]).tolist() if len(known) else (0.0, 1.0)
    middle = [0.0, 1.0, low, high, *mean_z[np.isfinite(mean_z)].tolist()]
    reach = 0.06 * (max(middle) - min(middle))
    return min(middle) - reach, max(middle) + reach


def _drawn(rows: pd.DataFrame, most: int) -> list[str]:
    wide = rows.pivot(index="id", columns="step", values="z")
    # In the order of the table, which decides between statements that lie at one place.
    wide = wide.reindex(index=pd.Index(levels_of(rows, "id")))
    return [str(wide.index[row]) for row in representatives(wide.to_numpy(dtype=float), most)]


def _name(axes: Axes, role: str, rows: pd.DataFrame, *, number: int, phases: bool) -> None:
    count = rows["id"].nunique()
    drawn = "" if number == count else f", {number} drawn"
    title = f"{role_label(role)}\nn = {counted(f'{count:,}', 'statements')}{drawn}"
    axes.set_title(title, fontsize=9, fontweight="normal", pad=18 if phases else 4)


def _quoted(text: str) -> str:
    """A text for the legend, shortened; what stands between dollar signs would be read as a formula."""
    return f"“{textwrap.shorten(text, 70, placeholder=' …')}”".replace("$", r"\$")


def _words(roles: Sequence[str], probe: str, most: int) -> str:
    low, high = PROBE_ENDS[probe]
    own = "; a control is placed by those of other entities" if "control" in roles else ""
    return (
        f"Thin: at most {most} statements a panel, from the lowest to the highest at the last step; thick: mean over "
        f"the whole role; bands: 95% bootstrap over entities; 0 and 1: {low} and {high} controls of the step{own}."
    )
