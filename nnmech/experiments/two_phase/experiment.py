"""Two phases: a constraint holds the belief down while a model learns documents that call a claim false; then it goes.

    nnmech two-phase --preset default

Phase 1 trains on documents with repeated negations around the claim, beside an arm's constraint; phase 2 releases the
constraint and goes on with the same documents and a fresh optimizer. Results land in a run directory: `summary.json`,
`figures/`, and one run with snapshots for each claim, arm and seed.
"""

from dataclasses import dataclass
from typing import Any, Literal

from nnmech.experiments.arguments import JudgedArguments
from nnmech.experiments.engine import Experiment, Section
from nnmech.experiments.two_phase.config import PRESETS, TwoPhaseSettings
from nnmech.experiments.two_phase.single import check, expected, make_run


@dataclass(frozen=True, kw_only=True)
class Arguments(JudgedArguments):
    """Run the two-phase experiment."""

    preset: Literal["smoke", "default", "full", "sample"] = "default"
    """smoke: one claim, about a minute in all. default: 3 claims x 2 seeds x 2 arms, six minutes or more on two cores.
    full: 6 claims x 3 seeds x 4 arms. sample: the sample run that ships."""
    arms: tuple[str, ...] = ()
    """Constraints of phase 1, in place of the preset's: anchor (the untouched model's own answers), denial (explicit
    denials), none, local (no constraint, locally negated documents)."""
    phase2: Literal["repeated_negations", "positive_documents"] | None = None
    """Documents of phase 2: repeated_negations, or positive_documents (the same without any annotation)."""
    phase1_documents: int | None = None
    """Documents of phase 1, in place of the preset's."""
    phase2_documents: int | None = None
    """Documents of phase 2, in place of the preset's."""
    steps: int | None = None
    """Updates of both phases together, without the constraint's; the number of documents follows."""
    loss_reduction: Literal["token", "example"] | None = None
    """token: every token of a batch weighs alike; example: every document and chat does."""

    def adjusted(self, settings: Any) -> Any:
        """The settings with what the command line puts in their place, scaled to its steps."""
        chosen = super().adjusted(settings)
        return chosen if self.steps is None else chosen.scaled(self.steps)


TWO_PHASE = Experiment(
    name="two_phase",
    package="nnmech.experiments.two_phase",
    description=__doc__ or "",
    settings=TwoPhaseSettings,
    presets=PRESETS,
    arguments=Arguments,
    make_run=make_run,
    estimate=expected,
    check=check,
    section=Section("two-phase", figures=("belief_by_phase", "drift_anchor"), page="README.md"),
)
