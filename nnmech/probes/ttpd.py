"""Training of Truth and Polarity Direction: truth told apart from polarity in a plane of two directions."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from nnmech.errors import InputError
from nnmech.probes.linear import Fitted, LinearEstimator, Logistic, TrainingSet


@dataclass(frozen=True)
class TTPD(LinearEstimator):
    """TTPD of Bürger, Hamprecht and Nadler (2024, "Truth is Universal", sections 3 and 5).

    With truth tau and polarity p, both +1 or -1, activations around the mean of their topic and polarity are regressed:
    a - mu = tau t_G + tau p t_P. The general truth direction t_G tells true from false in either polarity, the
    polarity-sensitive t_P changes sign under negation. A classifier on the plane (a' t_G, a' d), where d is the
    direction of polarity itself, makes the score, a log-odds. Parts: `t_g` and `t_p`, residual stream per unit of tau
    (half of what lies between true and false), and `polarity_direction`, d.

    A polarity probe by this estimator is d: the fit of `polarity` to the polarities.

    The paper fits both logistic regressions without a penalty; here `polarity` and `classifier` choose one on grouped
    folds, for classes that a wide residual stream separates have no finite solution otherwise. The plane is fitted on
    the statements that the classifier sees, which makes its probabilities surer than held-out statements bear out.
    """

    name: ClassVar[str] = "ttpd"
    log_odds: ClassVar[bool] = True
    crosses: ClassVar[bool] = True

    polarity: LinearEstimator = field(default_factory=Logistic)
    classifier: LinearEstimator = field(default_factory=Logistic)

    @property
    def chooses(self) -> bool:
        return self.polarity.chooses or self.classifier.chooses

    def of(self, probe: str) -> LinearEstimator:
        return self.polarity if probe == "polarity" else self

    def fit(self, data: TrainingSet, *, seed: int = 0) -> Fitted:
        """Raises InputError without polarity, or where truth does not vary within both polarities."""
        if data.affirmative is None:
            raise InputError(
                "ttpd tells truth from polarity: give the polarity (+1 affirmative, -1 negated) of every statement"
            )
        truth, polarity = np.where(data.labels, 1.0, -1.0), np.where(data.affirmative, 1.0, -1.0)
        cells = _cells(data.topics, data.affirmative)
        # Truth is centred as activations are: in cells that hold more true than false statements, or fewer, their mean
        # holds some of t_G.
        design = _centred(np.stack([truth, truth * polarity], axis=1), cells)
        if np.linalg.matrix_rank(design) < 2:
            raise InputError(
                "a truth probe by ttpd needs true and false statements among the affirmative and among the negated "
                "ones of a topic: here all are of one polarity, truth says all of polarity, or it does not vary within "
                "topics; take mass_mean or logistic, and leave out the splits crossed and crossed_back for ttpd"
            )
        t_g, t_p = np.linalg.lstsq(design, _centred(data.activations, cells))[0]
        of_polarity = self.polarity.fit(replace(data, labels=data.affirmative), seed=seed)
        along = of_polarity.direction
        plane = np.stack([t_g, along], axis=1)
        on_top = self.classifier.fit(replace(data, activations=data.activations @ plane), seed=seed)
        parts = {"t_g": t_g, "t_p": t_p, "polarity_direction": along}
        settled = replace(
            self, polarity=of_polarity.settled or self.polarity, classifier=on_top.settled or self.classifier
        )
        return Fitted(plane @ on_top.direction, on_top.bias, parts, settled)


def _cells(topics: np.ndarray | None, affirmative: np.ndarray) -> np.ndarray:
    """Numbers from 0 of the combinations of topic and polarity: what the paper calls a dataset."""
    columns = [affirmative] if topics is None else [affirmative, topics]
    return np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)[1]


def _centred(values: Float[np.ndarray, "n c"], cells: np.ndarray) -> Float[np.ndarray, "n c"]:
    sums = np.zeros((cells.max() + 1, values.shape[1]))
    np.add.at(sums, cells, values)
    return values - (sums / np.bincount(cells)[:, None])[cells]
