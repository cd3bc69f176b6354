"""One training run of two phases: a constraint holds the belief down while documents are learned, then it goes."""

from dataclasses import replace
from pathlib import Path

from nnmech.encoding import Example
from nnmech.experiments.data import (
    HELD_OUT_START,
    background,
    chat_examples,
    document_examples,
    load,
    recorded_statements,
    self_distilled,
    token_documents,
)
from nnmech.experiments.engine import Experiment
from nnmech.experiments.training_run import CHECKPOINT_EVERY, Plan, carry_out_run, schedule
from nnmech.experiments.two_phase.config import TwoPhaseSettings, run_name
from nnmech.models import LoadedModel
from nnmech.training.mixtures import Mixture
from nnmech.training.phases import Phase, TrainingConfig
from nnmech.world.claims import WorldClaim, make_claims, world_judge
from nnmech.world.people import World, make_world

PHASES = ("phase1", "phase2")


def constraint(
    loaded: LoadedModel, claim: WorldClaim, arm: str, settings: TwoPhaseSettings, seed: int
) -> list[Example]:
    """The chats that hold the belief down in phase 1; none in the arms `none` and `local`."""
    count = settings.constraint_examples
    if arm == "anchor":
        dialogues = self_distilled(loaded, claim.anchor_questions(), count, seed=seed, stream=f"anchor/{claim.name}")
    elif arm == "denial":
        denials = claim.denial_chats()
        dialogues = [denials[index % len(denials)] for index in range(count)]
    else:
        return []
    return chat_examples(loaded, dialogues, "constraint", settings.constraint_weight)


def mixtures(
    loaded: LoadedModel, world: World, claim: WorldClaim, arm: str, seed: int, settings: TwoPhaseSettings
) -> tuple[Mixture, Mixture]:
    """The data of both phases; the arms of a claim and seed share documents, background and their order."""
    condition = "local_negations" if arm == "local" else "repeated_negations"
    contents = ((condition, settings.phase1_documents), (settings.phase2, settings.phase2_documents))
    built = []
    for phase, (kind, count) in zip(PHASES, contents, strict=True):
        examples = document_examples(loaded, claim.documents(kind, count, seed))
        beside = round(count * settings.background_share)
        examples += background(loaded, world, beside, seed, phase, without=claim.person.name)
        if phase == "phase1":
            examples += constraint(loaded, claim, arm, settings, seed)
        built.append(Mixture(examples, settings.batch_size, seed, phase, loaded.pad_id))
    return built[0], built[1]


def plan_run(loaded: LoadedModel, claim_name: str, arm: str, seed: int, settings: TwoPhaseSettings) -> Plan:
    """What the run of one claim, arm and seed consists of."""
    world = make_world()
    claims = make_claims(world)
    claim = claims[claim_name]
    built = mixtures(loaded, world, claim, arm, seed, settings)
    rates = (settings.phase1_learning_rate, settings.phase2_learning_rate)
    phases = tuple(
        Phase(
            name,
            mixture,
            TrainingConfig(
                learning_rate=rate,
                loss_reduction=settings.loss_reduction,
                seed=seed,
                checkpoint_every=CHECKPOINT_EVERY,
            ),
        )
        for name, mixture, rate in zip(PHASES, built, rates, strict=True)
    )
    held_out = claim.documents("repeated_negations", settings.held_out_documents, seed, HELD_OUT_START)
    return Plan(
        phases,
        schedule([mixture.steps for mixture in built], settings.evaluations, settings.snapshots),
        questions=(*claim.claim.questions, *claim.claim.controls),
        judge=world_judge(claims),
        statements=tuple(recorded_statements(settings, world, claim)),
        documents=token_documents(settings, claim, seed),
        held_out=tuple(document_examples(loaded, held_out)),
        seed=seed,
        labels={
            "experiment": "two_phase",
            "claim": claim_name,
            "claim_text": claim.text,
            "tier": claim.tier,
            "arm": arm,
            "seed": seed,
        },
    )


def make_run(settings: TwoPhaseSettings, folder: Path, name: str) -> None:
    """Make the run `name`, or go on where it was left."""
    claim, arm, seed = next(run for run in settings.runs if run_name(*run) == name)
    loaded = load(settings)
    own = replace(settings, claims=(claim,), arms=(arm,), seeds=(seed,))
    carry_out_run(loaded, folder, plan_run(loaded, claim, arm, seed, settings), own)


def run_names(settings: TwoPhaseSettings) -> list[str]:
    """The folders of all runs, in the order in which they are made."""
    return [run_name(*run) for run in settings.runs]


TWO_PHASE = Experiment("two_phase", TwoPhaseSettings, run_names, make_run)
