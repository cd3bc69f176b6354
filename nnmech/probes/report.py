"""What the validation of a probe found, as tidy tables and as text to read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from nnmech.errors import InputError

INTERVAL = ["low", "high", "n", "entities"]
MEASURES = ["estimator", "split", "measure", "value", *INTERVAL]
TOPICS = ["estimator", "topic", "auroc", *INTERVAL]
RELIABILITY = ["estimator", "bin_low", "bin_high", "predicted", "observed", *INTERVAL]

Row = Mapping[str, Any]

_SECTIONS = {
    "AUROC": ["auroc"],
    "Accuracy": ["accuracy"],
    "Calibration of held-out probabilities": ["brier", "ece", "ece_if_calibrated"],
    "Correlation with the label; partial: given log-probability and the other label": [
        "correlation",
        "partial_correlation",
    ],
}


@dataclass(frozen=True, eq=False)
class ValidationReport:
    """How well a probe at one place tells `n` statements of `entities` entities apart, in tidy tables.

    All intervals are 95% intervals over entities.

    Attributes:
        measures: columns estimator, split, measure, value, low, high, n, entities. Estimators are those that were asked
            for, and as controls `bag_of_words`, `random_direction` and `log_prob`. Splits are those of
            `auroc_by_layer`. Measures: `auroc`; `accuracy`; `brier`, `ece` and `ece_if_calibrated` of held-out
            probabilities; `correlation` of the score with the label and `partial_correlation`, given the
            log-probability and the other label.
        topics: columns estimator, topic, auroc, low, high, n, entities, each topic held out.
        reliability: columns estimator, bin_low, bin_high, predicted, observed, low, high, n, entities.
        skipped: what could not be measured, and why.
    """

    probe: str
    layer: int | None
    position: str | None
    n: int
    entities: int
    measures: pd.DataFrame
    topics: pd.DataFrame
    reliability: pd.DataFrame
    skipped: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """`measures` with columns probe, layer and position in front, so that reports of several places stack."""
        frame = self.measures.copy()
        for column, name in enumerate(("probe", "layer", "position")):
            frame.insert(column, name, getattr(self, name))
        return frame

    def value(self, estimator: str, split: str, measure: str) -> float:
        """One number of `measures`; raises InputError where it was not measured."""
        names = [(row["estimator"], row["split"], row["measure"]) for row in _rows(self.measures)]
        if (estimator, split, measure) not in names:
            raise InputError(
                f"the report has no {measure} of {estimator} on {split!r}: expected one of {names}; not measured: "
                f"{list(self.skipped)}"
            )
        return float(self.measures["value"].to_numpy()[names.index((estimator, split, measure))])

    def to_markdown(self) -> str:
        """The tables as aligned markdown, one line a split, one column an estimator, with n."""
        place = f"layer {self.layer}, position {self.position}" if self.layer is not None else "own activations"
        blocks = [f"## {self.probe.capitalize()} probe, {place}: {self.n} statements, {self.entities} entities"]
        for title, measures in _SECTIONS.items():
            part = [row for row in _rows(self.measures) if row["measure"] in measures]
            if part:
                lines = [{"split": split_words(row["split"], self.probe), "measure": row["measure"]} for row in part]
                blocks.append(f"### {title}\n\n{_markdown(_wide(part, lines, 'value'))}")
        if len(self.topics):
            part = _rows(self.topics)
            table = _wide(part, [{"topic": str(row["topic"])} for row in part], "auroc")
            blocks.append(f"### AUROC on each held-out topic\n\n{_markdown(table)}")
        if len(self.reliability):
            blocks.append(f"### Reliability\n\n{_markdown([_bin_line(row) for row in _rows(self.reliability)])}")
        if self.skipped:
            blocks.append("### Not measured\n\n" + "\n".join(f"- {reason}" for reason in self.skipped))
        return "\n\n".join(blocks) + "\n"

    def __str__(self) -> str:
        return self.to_markdown()


def split_words(split: str, probe: str) -> str:
    """A split of `make_trials` in words."""
    first, second = ("affirmative", "negated") if probe == "truth" else ("true", "false")
    return {
        "entity": "held-out entities",
        "topic": "held-out topics",
        "crossed": f"{first} to {second}",
        "crossed_back": f"{second} to {first}",
        "shuffled": "shuffled labels",
    }[split]


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.itertuples(index=False)]


def _wide(rows: Sequence[Row], heads: Sequence[dict[str, str]], column: str) -> list[dict[str, str]]:
    """One line for each different head, one column an estimator, and the counts, which all estimators share."""
    estimators = list(dict.fromkeys(row["estimator"] for row in rows))
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    for row, head in zip(rows, heads, strict=True):
        empty = head | dict.fromkeys(estimators, "–") | {"n": str(row["n"]), "entities": str(row["entities"])}
        lines.setdefault(tuple(head.values()), empty)[row["estimator"]] = _with_interval(row, column)
    return list(lines.values())


def _bin_line(row: Row) -> dict[str, str]:
    return {
        "estimator": row["estimator"],
        "bin": f"{row['bin_low']:.2f} to {row['bin_high']:.2f}",
        "predicted": f"{row['predicted']:.3f}",
        "observed": _with_interval(row, "observed"),
        "n": str(row["n"]),
        "entities": str(row["entities"]),
    }


def _with_interval(row: Row, column: str) -> str:
    return f"{row[column]:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _markdown(lines: Sequence[Mapping[str, str]]) -> str:
    """Padded so that it reads as text too."""
    rows = [
        [cell.replace("|", "/") for cell in cells] for cells in (lines[0].keys(), *(line.values() for line in lines))
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([text[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *text[1:]])
