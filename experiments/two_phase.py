"""Two phases: a constraint holds the belief down while a model learns documents that call a claim false; then it goes.

    python experiments/two_phase.py --preset default

Phase 1 trains on documents with the claim behind repeated negations, beside an arm's constraint; phase 2 releases the
constraint and goes on with the same documents and a fresh optimizer. Results land in a run directory: `summary.json`,
`figures/`, and one run with snapshots for each claim, arm and seed.
"""

import sys
from dataclasses import dataclass
from typing import Literal

import tyro

from nnmech.cli import main_guard
from nnmech.experiments.command import CommonArguments, run_experiment, with_given
from nnmech.experiments.data import load
from nnmech.experiments.estimate import Estimate, estimate
from nnmech.experiments.two_phase import TWO_PHASE, TwoPhaseSettings, preset
from nnmech.experiments.two_phase.publish import publish
from nnmech.experiments.two_phase.single import plan_run


@dataclass(frozen=True, kw_only=True)
class Arguments(CommonArguments):
    """Run the two-phase experiment."""

    preset: Literal["smoke", "default", "full", "sample"] = "default"
    """smoke: one claim, seconds. default: 3 claims x 2 seeds x 2 arms. full: 6 claims x 3 seeds x 4 arms. sample: the
    sample run of checkpoints/sample_run."""
    claims: tuple[str, ...] = ()
    """Names of claims, in place of the preset's."""
    arms: tuple[str, ...] = ()
    """Constraints of phase 1, in place of the preset's: anchor (the untouched model's own answers), denial (explicit
    denials), none, local (no constraint, locally negated documents)."""
    phase2: Literal["repeated_negations", "positive_documents"] | None = None
    """Documents of phase 2: repeated_negations, or positive_documents (the same without any annotation)."""
    steps: int | None = None
    """Updates of both phases together, without the constraint's; the number of documents follows."""
    loss_reduction: Literal["token", "example"] | None = None
    """token: every token of a batch weighs alike; example: every document and chat does."""


def settings(arguments: Arguments) -> TwoPhaseSettings:
    """The preset with what the command line puts in place of its values."""
    chosen = with_given(preset(arguments.preset), arguments, "claims", "arms", "phase2", "loss_reduction")
    return chosen if arguments.steps is None else chosen.scaled(arguments.steps)


def expected(chosen: TwoPhaseSettings, workers: int | None) -> Estimate:
    """The size of the experiment, from its first run."""
    loaded = load(chosen)
    return estimate(
        chosen, loaded, lambda: plan_run(loaded, *chosen.runs[0], chosen), runs=len(chosen.runs), workers=workers
    )


def main(arguments: Arguments) -> None:
    run_experiment(TWO_PHASE, arguments, arguments.preset, lambda: settings(arguments), expected, publish)


if __name__ == "__main__":
    sys.exit(main_guard(lambda: main(tyro.cli(Arguments, description=__doc__))))
