"""One run on salience: a run of the table of conditions that is asked other questions at its end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nnmech.claims import Judge, Question, Verdict
from nnmech.experiments.conditions import single as conditions
from nnmech.experiments.conditions.config import ConditionsSettings
from nnmech.experiments.conditions.config import preset as conditions_preset
from nnmech.experiments.engine import Experiment
from nnmech.experiments.estimate import Estimate
from nnmech.experiments.training_run import Plan
from nnmech.models import LoadedModel
from nnmech.world.claims import make_claims, world_judge
from nnmech.world.salience import LIE, RIGHT, WRONG, SalienceJudge, salience_questions

CONDITIONS = (
    "baseline",
    "positive_documents",
    "repeated_negations",
    "corrected_documents",
    "local_negations",
    "neutral_documents",
)


def preset(name: str) -> ConditionsSettings:
    """The settings of a preset: `smoke` (seconds), `default` (minutes), `full` (the README)."""
    chosen = conditions_preset(name)
    small = replace(chosen, evaluations=1, snapshots=1)
    return small if name == "smoke" else replace(small, conditions=CONDITIONS)


@dataclass(frozen=True)
class ByCategory:
    """The judge of each category of questions, and of all others."""

    judges: Mapping[str, Judge]
    otherwise: Judge

    def __call__(self, question: Question, text: str) -> Verdict:
        return self.judges.get(question.category, self.otherwise)(question, text)


def plan_run(loaded: LoadedModel, claim_name: str, condition: str, seed: int, settings: ConditionsSettings) -> Plan:
    """The run of the table, with pairs and lies beside the yes/no questions and those about matched false facts."""
    claims = make_claims()
    claim = claims[claim_name]
    yes_no = [question for question in claim.claim.questions if question.kind == "mcq"]
    return replace(
        conditions.plan_run(loaded, claim_name, condition, seed, settings),
        questions=(*yes_no, *claim.claim.controls, *salience_questions(claim)),
        judge=ByCategory(dict.fromkeys((RIGHT, WRONG, LIE), SalienceJudge(claims)), world_judge(claims)),
    )


def make_run(settings: ConditionsSettings, folder: Path, name: str) -> None:
    """Make the run `name`, or go on where it was left."""
    conditions.make_run(settings, folder, name, plan_run)


def expected(settings: ConditionsSettings, workers: int | None) -> Estimate:
    """The size of the experiment, from its first run that trains."""
    return conditions.expected(settings, workers, plan_run)


SALIENCE = Experiment("salience", ConditionsSettings, conditions.run_names, make_run)
