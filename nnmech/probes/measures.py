"""Collects what a validation measures: estimates, intervals over entities, and counts of statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from nnmech.errors import InputError
from nnmech.probes.controls import (
    calibration_error,
    expected_error,
    reliability,
    weighted_partial_correlation,
    within_fits,
    word_scores,
)
from nnmech.probes.fitting import Labelled
from nnmech.probes.linear import sigmoid
from nnmech.probes.splits import Trial, trial_accuracy, trial_auroc
from nnmech.statistics import interval_bounds, middle, weighted_mean


@dataclass(eq=False)
class Collector:
    """Collects the rows of a report; the first row of `weights` gives estimates, the others their intervals."""

    data: Labelled
    weights: Int[np.ndarray, "draw n"]
    measures: list[dict[str, Any]] = field(default_factory=list)
    topics: list[dict[str, Any]] = field(default_factory=list)
    reliability: list[Any] = field(default_factory=list)

    def discrimination(
        self, name: str, split: str, scores: Sequence[Float[np.ndarray, "tested"]], trials: Sequence[Trial]
    ) -> None:
        """AUROC and accuracy, averaged over trials that test the same rows."""
        pairs = list(zip(scores, trials, strict=True))
        tested = np.unique(trials[0].tested)
        for measure, of in (("auroc", trial_auroc), ("accuracy", trial_accuracy)):
            values = np.mean([of(one, trial, self.weights) for one, trial in pairs], axis=0)
            self._add(name, split, measure, values, tested)

    def by_topic(self, name: str, scores: Float[np.ndarray, "tested"], trial: Trial, topics: np.ndarray) -> None:
        """AUROC on each topic alone, by the fits that did not see it."""
        tested = trial.tested
        for topic in pd.unique(topics):
            inside = topics[tested] == topic
            part = Trial(trial.labels, tuple(piece for piece in trial.pieces if topics[piece[1][0]] == topic))
            values = trial_auroc(scores[inside], part, self.weights)
            counts = self._counts(tested[inside])
            low, high = interval_bounds(values, counts["entities"], share=True)
            record = {"estimator": name, "topic": topic, "auroc": float(values[0])}
            self.topics.append(record | {"low": float(low), "high": float(high)} | counts)

    def calibration(
        self, name: str, scores: Float[np.ndarray, "tested"], trial: Trial, bins: int, draws: int, seed: int
    ) -> None:
        """Brier score, calibration error and reliability table of scores that are log-odds."""
        tested = trial.tested
        probability, labels, weights = sigmoid(scores), trial.labels[tested], self.weights[:, tested]
        brier = weighted_mean((probability - labels) ** 2, weights)
        self._add(name, "entity", "brier", brier, tested)
        self._add(name, "entity", "ece", calibration_error(probability, labels, weights, bins), tested)
        expected = expected_error(probability, bins, draws=draws, seed=seed)
        # A null, not a resample: where the errors of a calibrated probe lie.
        self._record(name, "entity", "ece_if_calibrated", float(expected.mean()), middle(expected), tested)
        table = reliability(probability, labels, self.data.groups[tested], bins, draws=draws, seed=seed)
        self.reliability.extend(table.assign(estimator=name).to_dict("records"))

    def correlation(self, name: str, scores: Float[np.ndarray, "tested"], trial: Trial, table: pd.DataFrame) -> None:
        """Correlation of score and label, and what is left of it given log-probability and the other label."""
        tested = trial.tested
        comparable, labels = within_fits(scores, trial), trial.labels[tested].astype(np.float64)
        weights = self.weights[:, tested]
        nothing = np.empty((len(tested), 0))
        alone = weighted_partial_correlation(comparable, labels, nothing, weights)
        self._add(name, "entity", "correlation", alone, tested)
        if "log_prob" in table:
            given = [table["log_prob"].to_numpy()[tested]]
            if self.data.other is not None:
                given.append(self.data.other[tested].astype(np.float64))
            partial = weighted_partial_correlation(comparable, labels, np.stack(given, axis=1), weights)
            self._add(name, "entity", "partial_correlation", partial, tested)

    def baselines(self, table: pd.DataFrame, trials: Mapping[str, Trial]) -> list[str]:
        """What the words and the model's own log-probability tell without a probe; gives back what it cannot say."""
        skipped = []
        if "text" not in table:
            skipped.append("bag_of_words: the texts of the statements are not given")
        else:
            try:
                for split, trial in trials.items():
                    scores = word_scores(table["text"].tolist(), trial)
                    self.discrimination("bag_of_words", split, [scores], [trial])
            except InputError as error:
                skipped.append(f"bag_of_words: {error}")
        if "log_prob" not in table:
            skipped.append("partial correlation: the log-probabilities of the statements are not given")
        else:
            trial = trials["entity"]
            # Nothing is fitted, so that pairs of different folds may be compared.
            whole = Trial(trial.labels, ((np.array([], dtype=np.int64), trial.tested),))
            area = trial_auroc(table["log_prob"].to_numpy()[trial.tested], whole, self.weights)
            self._add("log_prob", "entity", "auroc", area, trial.tested)
        return skipped

    def _add(
        self, name: str, split: str, measure: str, values: Float[np.ndarray, "draw"], tested: Int[np.ndarray, "tested"]
    ) -> None:
        value, entities = float(values[0]), len(np.unique(self.data.groups[tested]))
        ends = interval_bounds(values, entities, share=measure in ("auroc", "accuracy"))
        self._record(name, split, measure, value, ends, tested)

    def _record(
        self,
        name: str,
        split: str,
        measure: str,
        value: float,
        ends: tuple[Any, Any],
        tested: Int[np.ndarray, "tested"],
    ) -> None:
        record = {"estimator": name, "split": split, "measure": measure, "value": value}
        self.measures.append(record | {"low": float(ends[0]), "high": float(ends[1])} | self._counts(tested))

    def _counts(self, tested: Int[np.ndarray, "tested"]) -> dict[str, int]:
        return {"n": len(np.unique(tested)), "entities": len(np.unique(self.data.groups[tested]))}
