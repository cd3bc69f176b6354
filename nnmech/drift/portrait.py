"""What a probe reads inside against what the model says."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nnmech import probes
from nnmech.belief.rates import belief_rate
from nnmech.drift.coordinates import claim_coordinate
from nnmech.drift.recording import ProbeName, claim_answers
from nnmech.errors import InputError, RunError
from nnmech.probes import auroc_by_layer
from nnmech.probes.estimators import Estimator, LinearEstimator, find_estimator
from nnmech.runs import Run

COLUMNS = [
    *("step", "phase", "claim"),
    *("inside", "inside_low", "inside_high", "says", "says_low", "says_high", "n_inside", "n_says"),
]


def phase_portrait(
    run: Run,
    *,
    layer: int | None = None,
    position: str | None = None,
    role: str = "claim",
    estimator: Estimator | LinearEstimator = "mass_mean",
    reference_step: int = 0,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Claim coordinate and belief rate of a run's claims at the steps that have both a snapshot and answers.

    Args:
        run: with snapshots and answers.
        layer: decoder block; that of `best_place` if None.
        position: token position; that of `best_place` if None.
        role: of the affirmative statements (see `claim_coordinate`); `matched_false` gives the null, statements and
            questions about false facts that nobody stated.
        estimator: a name of `nnmech.probes.ESTIMATORS`, or an estimator with settings of its own.
        reference_step: where the probe is fitted.
        draws: of the bootstrap.
        seed: of the draws.

    Returns:
        Columns step, phase, claim, inside, inside_low, inside_high, says, says_low, says_high (percent), n_inside
        (statements), n_says (answers); 95% intervals resample statements and controls, and questions.

    Raises:
        InputError: for a role nobody is asked about or without statements, and as `claim_coordinate`.
        RunError: where no step has both or a claim has no answers, and as `claim_coordinate`.
    """
    steps = [step for step in run.steps if step in set(run.answers["step"])]
    if not steps:
        raise RunError(
            f"{run.path}: no step has both a snapshot ({run.steps}) and answers "
            f"({sorted(set(run.answers['step'].tolist()))}): record both at the same steps"
        )
    if layer is None or position is None:
        layer, position = best_place(run, estimator=estimator, step=reference_step, layer=layer, position=position)
    inside = claim_coordinate(
        run,
        layers=[layer],
        positions=[position],
        steps=steps,
        estimator=estimator,
        reference_step=reference_step,
        draws=draws,
        seed=seed,
    )
    inside = inside.loc[((inside["role"] == role) & (inside["polarity"] == 1)).to_numpy()]
    if inside.empty:
        raise InputError(f"{run.path}: no affirmative statements of role {role}: record them, or name another role")
    answers = pd.concat([claim_answers(run, claim, role) for claim in dict.fromkeys(inside["claim"])])
    says = belief_rate(answers, ["claim", "step"])
    return portrait_of(inside, says)


def portrait_of(
    coordinates: pd.DataFrame, belief: pd.DataFrame, by: Sequence[str] = (), *, between: bool = False
) -> pd.DataFrame:
    """The table of `phase_portrait` from its halves, at the steps and claims that both have.

    Args:
        coordinates: rows of `claim_coordinate` of one role, polarity, layer and position.
        belief: rows of `belief_rate` by claim and step.
        by: columns of both that tell several roles, or runs, apart; they come first.
        between: also the steps that one half alone has, between two of the other: that one is interpolated linearly in
            log(1 + step), without an interval and a count, and without the phase where it is the coordinate.

    Raises:
        InputError: where one of them has two rows for a step and claim.
    """
    keys = [*by, "step", "claim"]
    for table in (coordinates, belief):
        if table.duplicated(keys).any():
            raise InputError(
                f"two rows for one {', '.join(keys)}: choose one role, polarity, layer and position before"
            )
    inside = coordinates.rename(columns={"z": "inside", "low": "inside_low", "high": "inside_high", "n": "n_inside"})
    says = belief.rename(columns={"mean": "says", "low": "says_low", "high": "says_high", "n": "n_says"})
    says = says.loc[:, [*keys, "says", "says_low", "says_high", "n_says"]]
    joined = inside.merge(says, on=keys, how="outer" if between else "inner").loc[:, [*by, *COLUMNS]]
    return _interpolated(joined, [*by, "claim"]) if between else joined


def _interpolated(portrait: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The portrait without gaps in its halves, and without the steps before the first or after the last of one."""
    parts = []
    for _, part in portrait.groupby(by, sort=False, dropna=False):
        part = part.sort_values("step")
        x = np.log1p(part["step"].to_numpy(dtype=float))
        for half in ("inside", "says"):
            known = part[half].notna().to_numpy()
            gaps = part[f"n_{half}"].isna().to_numpy()
            if known.any() and gaps.any():
                values = part[half].to_numpy(dtype=float, copy=True)
                values[gaps] = np.interp(x[gaps], x[known], values[known], left=np.nan, right=np.nan)
                part = part.assign(**{half: values})
        # What was recorded stays, even where its coordinate could not be read.
        recorded = part[["n_inside", "n_says"]].notna().to_numpy().all(axis=1)
        parts.append(part.loc[recorded | part[["inside", "says"]].notna().to_numpy().all(axis=1)])
    return pd.concat(parts, ignore_index=True) if parts else portrait


def best_place(
    run: Run,
    *,
    probe: ProbeName = "truth",
    estimator: Estimator | LinearEstimator = "mass_mean",
    step: int = 0,
    layer: int | None = None,
    position: str | None = None,
) -> tuple[int, str]:
    """Layer and position, where not given, at which a probe reads best at a step (see `nnmech.probes.best_place`).

    Only statements of role `train` are looked at, so that the choice knows nothing of the claims. An estimator that
    needs statements of both polarities (`ttpd`, for truth) is judged on held-out entities alone, others across polarity
    too.
    """
    crosses = find_estimator(estimator).of(probe).crosses
    aurocs = auroc_by_layer(
        run.snapshot(step),
        run.statements,
        probes=[probe],
        estimator=estimator,
        splits=["entity"] if crosses else ["entity", "crossed"],
        layers=None if layer is None else [layer],
        positions=None if position is None else [position],
        draws=1,
    )
    return probes.best_place(aurocs, probe)
