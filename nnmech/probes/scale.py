"""Where statements lie between two kinds of controls: the coordinate z, 0 at the ones and 1 at the others."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from nnmech.statistics import cluster_count, drawn_means, interval_bounds, sample_and_draws


@dataclass(frozen=True, eq=False)
class Ends:
    """Row numbers of the controls at 0 and at 1 of a coordinate."""

    zero: Int[np.ndarray, "zero"]
    one: Int[np.ndarray, "one"]


def control_ends(statements: pd.DataFrame, probe: str, polarity: int | None = None) -> Ends:
    """The controls (role `control`) on both ends, either of which may lack some.

    Args:
        statements: a table with columns role, truth and polarity.
        probe: for `truth` false and true controls, for `polarity` negated and affirmative ones.
        polarity: of the controls of a truth scale; of either if None.
    """
    controls, labels = statements["role"].to_numpy() == "control", statements[probe].to_numpy()
    if probe == "truth" and polarity is not None:
        controls = controls & (statements["polarity"].to_numpy() == polarity)
    zero, one = (controls & np.equal(labels, end) for end in (False if probe == "truth" else -1, 1))
    return Ends(np.flatnonzero(zero), np.flatnonzero(one))


def clusters_of(statements: pd.DataFrame) -> np.ndarray:
    """What is resampled of some statements: entities, or the statements themselves where all are of one entity."""
    several = len(set(statements["entity"])) > 1
    return statements["entity" if several else "id"].to_numpy()


def draw_ends(
    entities: np.ndarray, ends: Ends, draws: int, seed: int
) -> tuple[Int[np.ndarray, "draw zero"], Int[np.ndarray, "draw one"]]:
    """Weights of the controls at 0 and at 1, whose entities are drawn together."""
    rows = np.concatenate([ends.zero, ends.one])
    # Another seed than that of the members: the two are drawn independently.
    weights = sample_and_draws(entities[rows], draws, seed + 1)
    return weights[:, : len(ends.zero)], weights[:, len(ends.zero) :]


@dataclass(frozen=True, eq=False)
class Scale:
    """Mean score of the controls at 0, and the gap to those at 1, of the sample itself in the first draw.

    `unit` is the gap, NaN in every draw where its 95% interval reaches zero: controls that are not apart give none.
    """

    zero: Float[np.ndarray, "draw *place"]
    gap: Float[np.ndarray, "draw *place"]
    unit: Float[np.ndarray, "draw *place"]

    def place(self, means: Float[np.ndarray, "draw *place"]) -> Float[np.ndarray, "draw *place"]:
        """The coordinate z of mean scores; NaN where there is no unit."""
        return (means - self.zero) / self.unit


def control_scale(
    scores: Float[np.ndarray, "*place n"], entities: np.ndarray, ends: Ends, draws: int, seed: int
) -> Scale:
    """The scale between controls from the scores of n statements in every place, entities resampled."""
    weights = draw_ends(entities, ends, draws, seed)
    zero, one = (
        drawn_means(scores[..., rows], drawn) for rows, drawn in zip((ends.zero, ends.one), weights, strict=True)
    )
    gap = one - zero
    return Scale(zero, gap, separated(gap, entities, ends))


def separated(
    gap: Float[np.ndarray, "draw *place"], entities: np.ndarray, ends: Ends
) -> Float[np.ndarray, "draw *place"]:
    """The gap between controls, NaN in every draw where its 95% interval reaches zero."""
    low, _ = interval_bounds(gap, cluster_count([entities[np.concatenate([ends.zero, ends.one])]]))
    return np.where(low > 0, gap, np.nan)
