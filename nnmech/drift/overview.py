"""One run at a glance: what is said of its claim and what a truth probe reads, step by step."""

import pandas as pd

from nnmech.claims import MATCHED_FALSE
from nnmech.drift.belief import belief_over_steps
from nnmech.drift.coordinates import claim_coordinate
from nnmech.drift.portrait import best_place
from nnmech.runs import Run

ROLES = ("claim", "alternative", MATCHED_FALSE)
_DRAWS = 2
"""Bootstrap draws for intervals that the table does not show."""


def overview(run: Run) -> pd.DataFrame:
    """What the model says of the run's claim, and how true a probe reads the claim and what lies beside it.

    The probe is fitted on the untouched model at its best place; estimates alone, for intervals see `belief_over_steps`
    and `claim_coordinate`.

    Args:
        run: about one claim, with answers and snapshots.

    Returns:
        A row a step, with the columns phase, said (belief rate in percent, missing where nothing was asked), and claim,
        alternative (what is true instead) and matched_false: coordinates from 0, where false controls lie, to 1, where
        true ones do, missing where no snapshot was taken.

    Raises:
        InputError: for a run without control statements.
        RunError: for a run without snapshots, or with damaged files.
    """
    layer, position = best_place(run)
    about = run.labels.claim
    said = belief_over_steps(run, about)
    said = said.loc[said["role"] == "claim", ["step", "mean"]].rename(columns={"mean": "said"}).set_index("step")
    read = claim_coordinate(run, layers=[layer], positions=[position], draws=_DRAWS)
    read = read[read["role"].isin(ROLES) & (read["polarity"] == 1) & (read["claim"].isna() | (read["claim"] == about))]
    placed = read.pivot_table(index="step", columns="role", values="z").reindex(columns=list(ROLES))
    table = placed.join(said, how="outer").round({"said": 1, **dict.fromkeys(ROLES, 2)})
    boundary = run.labels.boundary
    phases = [
        "untouched" if step == 0 else "phase1" if boundary is None or step <= boundary else "phase2"
        for step in table.index
    ]
    return table.assign(phase=phases).reindex(columns=["phase", "said", *ROLES])
