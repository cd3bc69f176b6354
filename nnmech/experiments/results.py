"""What the reports of the experiments share: finished runs in long form, numbers as summaries and tables give them."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, SupportsInt

import numpy as np
import pandas as pd

from nnmech.belief.rates import belief_rate
from nnmech.claims import MATCHED_FALSE
from nnmech.claims.sources import EMBEDDED
from nnmech.errors import InputError, RunError
from nnmech.probes import auroc_by_layer, best_place
from nnmech.runs import Run
from nnmech.sources import open_source
from nnmech.statistics import Interval, mean_interval

LABELS = ("claim", "tier", "arm", "condition", "seed", "boundary", "steps")
SINGLE_RUN_DRAWS = 50
"""For the coordinate of a single run, whose interval is not shown: those of results resample claims."""
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


def rates_by(answers: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Belief rates as `belief_rate`; no rows where there are no answers."""
    if answers.empty:
        return pd.DataFrame(columns=pd.Index([*by, "mean", "low", "high", "n", "clusters"]))
    return belief_rate(answers, by)


def rounded(value: float) -> float | None:
    """Three decimals; None for what is no finite number."""
    return round(float(value), 3) if np.isfinite(value) else None


def figure_of(mean: float, low: float, high: float, n: SupportsInt) -> dict[str, Any]:
    """A number with its 95% interval and n as a summary gives it."""
    return {"mean": rounded(mean), "ci95": [rounded(low), rounded(high)], "n": int(n)}


def row_figure(row: pd.Series) -> dict[str, Any]:
    """A row of a table with columns mean, low, high, n as a summary gives it."""
    return figure_of(row["mean"], row["low"], row["high"], row["n"])


def figure(interval: Interval) -> dict[str, Any]:
    """An interval as a summary gives it."""
    return figure_of(interval.mean, interval.low, interval.high, interval.n)


def mean_over_runs(rows: pd.DataFrame, column: str) -> dict[str, Any]:
    """Mean of a column with one row a run; the interval is over claims, seeds crossed with them."""
    return figure(mean_interval(rows[column].to_numpy(), rows["claim"].to_numpy(), crossed=rows["seed"].to_numpy()))


@dataclass(frozen=True)
class Places:
    """Where a run's untouched model can be read with probes, or why it cannot."""

    table: pd.DataFrame | None
    """AUROC of truth and polarity by layer and position, with the controls; see `auroc_by_layer`."""
    reason: str | None = None

    @property
    def best(self) -> tuple[int, str] | None:
        """Layer and position at which the truth probe reads best."""
        return None if self.table is None else best_place(self.table, "truth")

    def quality(self, probe: str) -> dict[str, Any] | None:
        """AUROC of a probe where it reads best, as `probe_quality`."""
        return None if self.table is None else probe_quality(self.table, probe, *best_place(self.table, probe))


def find_places(run: Run) -> Places:
    """What probes read of a run's first snapshot; without statements to fit them on, the reason."""
    statements = run.statements
    cells = {role: _cells(statements[statements["role"] == role]) for role in ("train", "control")}
    for role, found in cells.items():
        if len(found) < len(CROSSED):
            return Places(None, f"{len(found)} of the 4 cells of truth and polarity have statements of role {role}")
    try:
        table = auroc_by_layer(run.snapshot(0), statements)
        best_place(table, "truth")
    except InputError as error:
        return Places(None, str(error))
    return Places(table)


def no_probe_line(reason: str) -> str:
    """What results say where there is no probe."""
    return f"No probe, so nothing is said of the inside: {reason}. Add statements to the source (statements.csv)."


def _cells(statements: pd.DataFrame) -> set[tuple[bool, int]]:
    known = statements.dropna(subset=["truth"])
    return {(bool(truth), int(polarity)) for truth, polarity in zip(known["truth"], known["polarity"], strict=True)}


def probe_quality(table: pd.DataFrame, probe: str, layer: int, position: str) -> dict[str, Any]:
    """AUROC of a probe at one place: layer, position, and each split with interval and n."""
    rows = table[(table["probe"] == probe) & (table["layer"] == layer) & (table["position"] == position)]
    return {"layer": layer, "position": position} | {
        str(row["split"]): {
            "auroc": rounded(row["auroc"]),
            "ci95": [rounded(row["low"]), rounded(row["high"])],
            "n": int(row["n"]),
        }
        for _, row in rows.iterrows()
    }


def cell(found: dict[str, Any] | None, digits: int, *, sign: bool = False) -> str:
    """A figure of a summary as a table shows it: mean (low to high); empty where nothing was measured."""
    if found is None or found["mean"] is None:
        return ""
    mark = "+" if sign else ""
    low, high = (None if bound is None else format(bound, f"{mark}.{digits}f") for bound in found["ci95"])
    mean = format(found["mean"], f"{mark}.{digits}f")
    if low is None:
        return mean
    return f"{mean} ({low} and more)" if high is None else f"{mean} ({low} to {high})"


def area(found: dict[str, Any]) -> str:
    """A split of `probe_quality` as text."""
    return cell({**found, "mean": found["auroc"]}, 2)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = ["|" + "".join(f" {text} |" if text else " |" for text in row) for row in (head, *rows)]
    return [lines[0], "|" + "---|" * len(head), *lines[1:]]
