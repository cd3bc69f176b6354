"""What the reports of the experiments share: finished runs in long form, numbers as summaries and tables give them."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, SupportsInt

import numpy as np
import pandas as pd

from nnmech.belief.rates import CLAIMS, QUESTIONS, RATE_COLUMNS, belief_rate
from nnmech.claims import MATCHED_FALSE
from nnmech.claims.sources import EMBEDDED
from nnmech.errors import InputError, RunError
from nnmech.probes import ChosenPlace, choose_place
from nnmech.runs import Run
from nnmech.sources import open_source
from nnmech.statistics import FEWEST, Interval, mean_interval

LABELS = ("claim", "tier", "arm", "condition", "seed", "boundary", "steps")
SINGLE_RUN_DRAWS = 50
"""For the coordinate of a single run, whose interval is not shown: those of results are over claims."""
PEOPLE_DRAWS = 100
"""Of the people of probe and controls, which the intervals of results count."""
BASIS = ("claims", "questions", "seeds")
CROSSED = tuple((truth, polarity) for truth in (True, False) for polarity in (1, -1))
"""The cells of truth and polarity that a probe needs."""


def finished_runs(experiment: Run, among: Sequence[Run] | None = None) -> tuple[Run, ...]:
    """The finished runs of an experiment, or those `among` some of them; RunError where there is none."""
    runs = tuple(run for run in (experiment.children() if among is None else among) if run.finished)
    if not runs:
        raise RunError(f"{experiment.path}: no run has finished yet; go on with --resume {experiment.path}")
    return runs


def labelled(run: Run, table: pd.DataFrame) -> pd.DataFrame:
    """A table of a run with a column for each of the run's labels that it has: claim, tier, arm, condition, seed, …"""
    labels = {name: getattr(run.labels, name) for name in LABELS}
    return table.assign(**{name: value for name, value in labels.items() if value is not None})


def answer_table(runs: Sequence[Run]) -> pd.DataFrame:
    """The answers of all runs with their labels."""
    return pd.concat([labelled(run, run.answers) for run in runs], ignore_index=True)


def loss_rows(runs: Sequence[Run]) -> pd.DataFrame:
    """The losses of held-out documents of all runs: step, phase, loss, and labels."""
    losses = []
    for run in runs:
        held_out = run.metrics.dropna(subset=["held_out_documents"])[["step", "phase", "held_out_documents"]]
        losses.append(labelled(run, held_out.rename(columns={"held_out_documents": "loss"})))
    return pd.concat(losses, ignore_index=True)


def tier_words(experiment: Run) -> dict[str, str]:
    """The source's scale of plausibility with its words; empty where the source has none."""
    tiers = experiment.config.get("tiers")
    # Runs of versions that knew no other source do not say.
    return dict(open_source(EMBEDDED).tiers) if tiers is None else dict(tiers)


def last_step(run: Run) -> int:
    """The last step of the last phase; 0 of a run that trains nothing."""
    return run.labels.steps or 0


def about_matched_false(answers: pd.DataFrame, asked: bool) -> pd.DataFrame:
    """The answers about matched false facts, or those about the claims instead."""
    return answers[(answers["category"] == MATCHED_FALSE) == asked]


def rates_by(answers: pd.DataFrame, by: Sequence[str], *, over: str | None = None) -> pd.DataFrame:
    """Belief rates as `belief_rate`; no rows where there are no answers."""
    if answers.empty:
        return pd.DataFrame(columns=pd.Index([*by, *RATE_COLUMNS]))
    return belief_rate(answers, by, over=over)


def rounded(value: float) -> float | None:
    """Three decimals; None for what is no finite number."""
    return round(float(value), 3) if np.isfinite(value) else None


def figure_of(
    mean: float, low: float, high: float, n: SupportsInt, *, over: str = CLAIMS, **counts: SupportsInt
) -> dict[str, Any]:
    """A number with its 95% interval, what that is over, n, and counts of claims, questions, seeds, for a summary."""
    found = {"mean": rounded(mean), "ci95": [rounded(low), rounded(high)], "n": int(n)}
    return found | {name: int(count) for name, count in counts.items()} | {"over": over}


def row_figure(row: pd.Series) -> dict[str, Any]:
    """A row of a table of `belief_rate` or `belief_change` as a summary gives it."""
    counts = {"claims": row["claims"], "questions": row["clusters"], "seeds": row["seeds"]}
    return figure_of(row["mean"], row["low"], row["high"], row["n"], over=row["over"], **counts)


def coordinate_figure(row: pd.Series, value: str = "z") -> dict[str, Any]:
    """A row of a table of `average_coordinates` as a summary gives it."""
    return figure_of(row[value], row["low"], row["high"], row["n"], claims=row["n"], seeds=row["seeds"])


def figure(interval: Interval) -> dict[str, Any]:
    """An interval over claims as a summary gives it."""
    counts = {"claims": interval.units, "questions": interval.clusters, "seeds": interval.seeds}
    return figure_of(interval.mean, interval.low, interval.high, interval.n, **counts)


def mean_over_runs(rows: pd.DataFrame, column: str) -> dict[str, Any]:
    """Mean of a column with one row a run; the interval is over claims, seeds crossed with them."""
    claims, seeds = rows["claim"].to_numpy(), rows["seed"].to_numpy()
    interval = mean_interval(rows[column].to_numpy(), claims, crossed=seeds)
    counts = {"claims": interval.units, "seeds": len(set(seeds))}
    return figure_of(interval.mean, interval.low, interval.high, interval.n, **counts)


@dataclass(frozen=True)
class Places:
    """Where a run's untouched model can be read with probes, or why it cannot."""

    chosen: Mapping[str, ChosenPlace]
    """The best place of each probe by half of its people, and how well it reads there by the others."""
    reason: str | None = None

    @property
    def best(self) -> tuple[int, str] | None:
        """Layer and position at which the truth probe reads best."""
        place = self.chosen.get("truth")
        return None if place is None else (place.layer, place.position)

    @property
    def table(self) -> pd.DataFrame | None:
        """AUROC by layer and position, with the controls, of people that the choice knows nothing of."""
        return pd.concat([place.aurocs for place in self.chosen.values()]) if self.chosen else None

    def quality(self, probe: str) -> dict[str, Any] | None:
        """AUROC of a probe where it reads best: layer, position, and each split with interval, n and entities."""
        place = self.chosen.get(probe)
        if place is None:
            return None
        return {"layer": place.layer, "position": place.position} | {
            str(row["split"]): {
                "auroc": rounded(row["auroc"]),
                "ci95": [rounded(row["low"]), rounded(row["high"])],
                "n": int(row["n"]),
                "entities": int(row["entities"]),
            }
            for _, row in place.rows.iterrows()
        }


def find_places(run: Run) -> Places:
    """What probes read of a run's first snapshot; without statements to fit them on, the reason."""
    statements = run.statements
    cells = {role: _cells(statements[statements["role"] == role]) for role in ("train", "control")}
    for role, found in cells.items():
        if len(found) < len(CROSSED):
            return Places({}, f"{len(found)} of the 4 cells of truth and polarity have statements of role {role}")
    snapshot = run.snapshot(0)
    try:
        return Places({probe: choose_place(snapshot, statements, probe) for probe in ("truth", "polarity")})
    except InputError as error:
        return Places({}, str(error))


def no_probe_line(reason: str) -> str:
    """What results say where there is no probe."""
    return f"No probe, so nothing is said of the inside: {reason}. Add statements to the source (statements.csv)."


def _cells(statements: pd.DataFrame) -> set[tuple[bool, int]]:
    known = statements.dropna(subset=["truth"])
    return {(bool(truth), int(polarity)) for truth, polarity in zip(known["truth"], known["polarity"], strict=True)}


def cell(found: dict[str, Any] | None, digits: int, *, sign: bool = False) -> str:
    """A figure of a summary as a table shows it: mean (low to high); empty where nothing was measured.

    What rests on one or two claims has no interval over claims, and says so.
    """
    if found is None or found["mean"] is None:
        return ""
    mark = "+" if sign else ""
    low, high = (None if bound is None else format(bound, f"{mark}.{digits}f") for bound in found["ci95"])
    mean = format(found["mean"], f"{mark}.{digits}f")
    if low is None:
        few = found.get("claims", 0) if found.get("over") == CLAIMS else 0
        return f"{mean} ({counted_claims(few)})" if 0 < few < FEWEST else mean
    return f"{mean} ({low} and more)" if high is None else f"{mean} ({low} to {high})"


def counted_claims(count: int) -> str:
    """`1 claim`, `6 claims`."""
    return f"{count} claim{'' if count == 1 else 's'}"


def basis_line(figures: Mapping[str, dict[str, Any] | None]) -> str:
    """How many claims, questions and seeds the rows of a table rest on, rows with the same numbers together."""
    rows: dict[str, list[str]] = {}
    for name, found in figures.items():
        if found is not None and "claims" in found:
            counts = [f"{found[key]} {key if found[key] != 1 else key[:-1]}" for key in BASIS if key in found]
            alone = " (of one claim: intervals are over its questions)" if found["over"] == QUESTIONS else ""
            rows.setdefault(", ".join(counts) + alone, []).append(f"`{name}`")
    if not rows:
        return ""
    if len(rows) == 1:
        return f"All rests on {next(iter(rows))}."
    return f"Rows rest on {'; '.join(': '.join((counts, ', '.join(names))) for counts, names in rows.items())}."


def area(found: dict[str, Any]) -> str:
    """A split of `probe_quality` as text."""
    return cell({**found, "mean": found["auroc"]}, 2)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = ["|" + "".join(f" {text} |" if text else " |" for text in row) for row in (head, *rows)]
    return [lines[0], "|" + "---|" * len(head), *lines[1:]]
