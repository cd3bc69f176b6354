"""What the model says of a claim over training, beside what it says of matched false facts."""

import numpy as np
import pandas as pd

from nnmech.belief.rates import belief_rate
from nnmech.claims import MATCHED_FALSE
from nnmech.runs import Run

COLUMNS = ["role", "step", "mean", "low", "high", "n", "clusters"]


def belief_over_steps(run: Run, claim: str | None = None, *, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Belief rate (percent) at every step at which anything was asked about a claim.

    Args:
        run: with answers.
        claim: whose questions; any claim's if None.
        draws: of the bootstrap.
        seed: of the draws.

    Returns:
        Columns role (`claim`, and as its null `matched_false` where that was asked about), step, mean, low, high, n
        (answers), clusters (questions); steps rise within a role. The 95% intervals resample questions within claims.
        There are no rows where nothing was asked.

    Raises:
        InputError: for an unknown verdict.
    """
    answers = run.answers
    if claim is not None:
        answers = answers.loc[(answers["claim"] == claim).to_numpy(dtype=bool)]
    role = np.where(answers["category"] == MATCHED_FALSE, MATCHED_FALSE, "claim")
    if not len(answers):
        return pd.DataFrame(columns=pd.Index(COLUMNS))
    rates = belief_rate(answers.assign(role=role), ["role", "step"], draws=draws, seed=seed)
    return rates.sort_values(["role", "step"], ignore_index=True).reindex(columns=COLUMNS)
