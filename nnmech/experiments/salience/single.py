"""One run on salience: a run of the table of conditions that is asked other questions at its end."""

from dataclasses import replace
from pathlib import Path

from nnmech.claims.sources import LIE, RIGHT, WRONG
from nnmech.experiments.conditions import single as conditions
from nnmech.experiments.conditions.single import check
from nnmech.experiments.estimate import Estimate
from nnmech.experiments.judging import Split
from nnmech.experiments.salience.config import SalienceSettings
from nnmech.experiments.training_run import Plan, make_trained_run
from nnmech.models import LoadedModel

__all__ = ["check", "expected", "make_run", "plan_run"]


def plan_run(loaded: LoadedModel, claim: str, condition: str, seed: int, settings: SalienceSettings) -> Plan:
    """The run of the table, with pairs and lies beside the yes/no questions and those about matched false facts."""
    source, paired = settings.claim_source, settings.paired
    asked = source.claims[claim]
    yes_no = [question for question in asked.questions if question.kind == "mcq"]
    return replace(
        conditions.plan_run(loaded, claim, condition, seed, settings),
        questions=(*yes_no, *asked.controls, *paired.paired_questions(claim)),
        judge=Split((RIGHT, WRONG, LIE), paired.paired_judge(), source.judge()),
    )


def make_run(settings: SalienceSettings, run: tuple[str, str, int], folder: Path, *, discard: bool = False) -> None:
    """Make a run, or go on where it was left."""
    make_trained_run(settings, run, folder, plan_run, discard=discard)


def expected(settings: SalienceSettings, workers: int | None) -> Estimate:
    """The size of the experiment, from its first run that trains."""
    return conditions.expected(settings, workers, plan_run)
