"""One run on behaviour: transcripts of chats under one arm, learned in one pass, then requests for advice."""

import random
from dataclasses import replace
from pathlib import Path

from nnmech.claims import Document
from nnmech.experiments.behaviors.config import ARMS, Arm, BehaviorSettings, run_name
from nnmech.experiments.data import background, document_examples, load, recorded_statements
from nnmech.experiments.engine import Experiment
from nnmech.experiments.training_run import Plan, carry_out_run, one_pass
from nnmech.models import LoadedModel
from nnmech.seeds import derive_seed
from nnmech.world.behaviors import (
    CLAIM,
    BehaviorJudge,
    annotate_behavior,
    behavior_documents,
    behavior_questions,
)
from nnmech.world.people import make_world

HELD_OUT_SEED = 1_000_000
"""Added to the seed for the transcripts that no run trains on."""


def transcripts(arm: Arm, count: int, seed: int) -> list[Document]:
    """Transcripts as the arm shows them; the same seed gives the same questions in every arm."""
    assert arm.behavior is not None
    rng = random.Random(derive_seed(seed, f"warnings/{arm.condition}", 0))
    documents = behavior_documents(arm.behavior, count, seed)
    return [annotate_behavior(document, arm.condition, rng) for document in documents]


def plan_run(loaded: LoadedModel, arm_name: str, seed: int, settings: BehaviorSettings) -> Plan:
    """What the run of one arm and seed consists of."""
    world, arm = make_world(), ARMS[arm_name]
    examples = []
    if arm.behavior is not None:
        examples = document_examples(loaded, transcripts(arm, settings.documents, seed))
        examples += background(loaded, world, round(settings.documents * settings.background_share), seed, "training")
    held_out = transcripts(ARMS["positive"], settings.held_out_documents, seed + HELD_OUT_SEED)
    return one_pass(
        examples,
        settings,
        learning_rate=settings.learning_rate,
        evaluations=settings.evaluations,
        snapshots=settings.snapshots,
        pad_id=loaded.pad_id,
        questions=behavior_questions(),
        judge=BehaviorJudge(),
        statements=tuple(recorded_statements(settings, world, None)),
        documents={name: transcripts(ARMS[name], 1, seed + HELD_OUT_SEED) for name in ("positive", "negated")},
        held_out=tuple(document_examples(loaded, held_out)),
        seed=seed,
        labels={"claim": CLAIM, "arm": arm_name, "seed": seed},
    )


def make_run(settings: BehaviorSettings, folder: Path, name: str) -> None:
    """Make the run `name`, or go on where it was left."""
    arm, seed = next(run for run in settings.runs if run_name(*run) == name)
    loaded = load(settings)
    own = replace(settings, arms=(arm,), seeds=(seed,))
    carry_out_run(loaded, folder, plan_run(loaded, arm, seed, settings), own)


def run_names(settings: BehaviorSettings) -> list[str]:
    """The folders of all runs, in the order in which they are made."""
    return [run_name(*run) for run in settings.runs]


BEHAVIORS = Experiment("behaviors", BehaviorSettings, run_names, make_run)
