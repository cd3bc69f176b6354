"""What the reports of the experiments share: finished runs in long form, numbers as summaries and tables give them."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from collections.abc import Sequence
from typing import Any, SupportsInt

import numpy as np
import pandas as pd

from nnmech.claims import MATCHED_FALSE
from nnmech.errors import RunError
from nnmech.probes import auroc_by_layer
from nnmech.runs import Run
from nnmech.statistics import Interval, cluster_bootstrap


def finished_runs(experiment: Run, among: Sequence[Run] | None = None) -> tuple[Run, ...]:
    """The finished runs of an experiment, or those `among` some of them; RunError where there is none."""
    runs = tuple(run for run in (experiment.children() if among is None else among) if run.finished)
    if not runs:
        raise RunError(f"{experiment.path}: no run has finished yet; go on with --resume {experiment.path}")
    return runs


def long_tables(runs: Sequence[Run], labels: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Answers, and losses of held-out documents (columns step, phase, loss), with these names of each run's config."""
    answers, losses = [], []
    for run in runs:
        own = {name: run.config[name] for name in labels}
        answers.append(run.answers.assign(**own))
        held_out = run.metrics.dropna(subset=["held_out_documents"])[["step", "phase", "held_out_documents"]]
        losses.append(held_out.rename(columns={"held_out_documents": "loss"}).assign(**own))
    return pd.concat(answers, ignore_index=True), pd.concat(losses, ignore_index=True)


def about_matched_false(answers: pd.DataFrame, asked: bool) -> pd.DataFrame:
    """The answers about matched false facts, or those about the claims instead."""
    return answers[(answers["category"] == MATCHED_FALSE) == asked]


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
    """Mean of a column with one row a run; the interval resamples claims, then seeds."""
    levels = [rows["claim"].to_numpy(), rows["seed"].to_numpy()]
    return figure(cluster_bootstrap(rows[column].to_numpy(), levels))


def probe_table(run: Run) -> pd.DataFrame:
    """AUROC of truth and polarity by layer and position on the untouched model, with the controls (see the probes)."""
    return auroc_by_layer(run.snapshot(0), run.statements)


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
    return f"{found['auroc']:.2f} ({found['ci95'][0]:.2f} to {found['ci95'][1]:.2f})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = ["|" + "".join(f" {text} |" if text else " |" for text in row) for row in (head, *rows)]
    return [lines[0], "|" + "---|" * len(head), *lines[1:]]
