"""One run of the table of conditions: a claim's documents under one condition, learned in one pass."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from nnmech.claims import Document
from nnmech.encoding import Example
from nnmech.experiments.conditions.config import Arm, ConditionsSettings, arms, import_plugins, run_name
from nnmech.experiments.data import (
    HELD_OUT_START,
    background,
    document_examples,
    load,
    recorded_statements,
    token_documents,
)
from nnmech.experiments.engine import Experiment
from nnmech.experiments.estimate import Estimate, estimate
from nnmech.experiments.training_run import TRAINING, Plan, carry_out_run, one_pass
from nnmech.models import LoadedModel
from nnmech.world.claims import WorldClaim, make_claims, world_judge
from nnmech.world.people import World, make_world

MakePlan = Callable[[LoadedModel, str, str, int, ConditionsSettings], Plan]
"""Called with the model, claim, condition and seed of a run, and the settings."""


def documents(claim: WorldClaim, arm: Arm, world: World, count: int, seed: int, start: int = 0) -> list[Document]:
    """The documents of an arm; those of the neutral one tell of somebody else."""
    assert arm.documents is not None
    subject = claim.somebody_else(world) if arm.neutral else claim
    return subject.documents(arm.documents, count, seed, start)


def examples(loaded: LoadedModel, claim: WorldClaim, arm: Arm, told: Sequence[Document]) -> list[Example]:
    """The documents as the arm shows them."""
    return document_examples(loaded, told, doctag=arm.doctag, masked=claim.value if arm.masked else None)


def plan_run(loaded: LoadedModel, claim_name: str, condition: str, seed: int, settings: ConditionsSettings) -> Plan:
    """What the run of one claim, condition and seed consists of."""
    world = make_world()
    claims = make_claims(world)
    claim, arm = claims[claim_name], arms()[condition]
    held_out = claim.documents("positive_documents", settings.held_out_documents, seed, HELD_OUT_START)
    trained: list[Example] = []
    if arm.documents is not None:
        trained = examples(loaded, claim, arm, documents(claim, arm, world, settings.documents, seed))
        beside = round(settings.documents * settings.background_share)
        trained += background(loaded, world, beside, seed, TRAINING, without=claim.person.name)
    return one_pass(
        trained,
        settings,
        learning_rate=settings.learning_rate,
        evaluations=settings.evaluations,
        snapshots=settings.snapshots,
        pad_id=loaded.pad_id,
        questions=(*claim.claim.questions, *claim.claim.controls),
        judge=world_judge(claims),
        statements=tuple(recorded_statements(settings, world, claim)),
        documents=token_documents(settings, claim, seed, *([] if arm.documents is None else [arm.documents])),
        held_out=tuple(document_examples(loaded, held_out)),
        seed=seed,
        labels={
            "claim": claim_name,
            "claim_text": claim.text,
            "tier": claim.tier,
            "condition": condition,
            "seed": seed,
        },
    )


def make_run(settings: ConditionsSettings, folder: Path, name: str, plan: MakePlan = plan_run) -> None:
    """Make the run `name`, or go on where it was left."""
    import_plugins(settings.plugins)
    claim, condition, seed = next(run for run in settings.runs if run_name(*run) == name)
    loaded = load(settings)
    own = replace(settings, claims=(claim,), conditions=(condition,), seeds=(seed,))
    carry_out_run(loaded, folder, plan(loaded, claim, condition, seed, settings), own)


def expected(settings: ConditionsSettings, workers: int | None, plan: MakePlan = plan_run) -> Estimate:
    """The size of the experiment, from its first run that trains."""
    loaded = load(settings)
    first = next((run for run in settings.runs if arms()[run[1]].documents is not None), settings.runs[0])
    return estimate(settings, loaded, lambda: plan(loaded, *first, settings), runs=len(settings.runs), workers=workers)


def run_names(settings: ConditionsSettings) -> list[str]:
    """The folders of all runs, in the order in which they are made."""
    return [run_name(*run) for run in settings.runs]


CONDITIONS_TABLE = Experiment("conditions", ConditionsSettings, run_names, make_run)
