"""What the model says of a claim over training, beside what it says of matched false facts."""

import numpy as np
import pandas as pd

from nnmech.belief.rates import RATE_COLUMNS, belief_rate
from nnmech.claims import MATCHED_FALSE
from nnmech.runs import Run

COLUMNS = ["role", "step", *RATE_COLUMNS]


def belief_over_steps(run: Run, claim: str | None = None) -> pd.DataFrame:
    """Belief rate (percent) at every step at which anything was asked about a claim.

    Args:
        run: with answers.
        claim: whose questions; any claim's if None.

    Returns:
        Columns role (`claim`, and as its null `matched_false` where that was asked about), step, and those of
        `belief_rate`; steps rise within a role. There are no rows where nothing was asked.

    Raises:
        InputError: for an unknown verdict.
    """
    answers = run.answers
    if claim is not None:
        answers = answers.loc[(answers["claim"] == claim).to_numpy(dtype=bool)]
    role = np.where(answers["category"] == MATCHED_FALSE, MATCHED_FALSE, "claim")
    if not len(answers):
        return pd.DataFrame(columns=pd.Index(COLUMNS))
    rates = belief_rate(answers.assign(role=role), ["role", "step"])
    return rates.sort_values(["role", "step"], ignore_index=True).reindex(columns=COLUMNS)
