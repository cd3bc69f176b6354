"""One training run of two phases: a constraint holds the belief down while documents are learned, then it goes."""

from pathlib import Path

from nnmech.encoding import Example
from nnmech.experiments.data import (
    answered,
    background,
    chat_examples,
    document_examples,
    held_out_examples,
    token_documents,
)
from nnmech.experiments.estimate import Estimate, estimate
from nnmech.experiments.training_run import (
    CHECKPOINT_EVERY,
    Plan,
    claim_labels,
    make_trained_run,
    reading_prompts,
    schedule,
)
from nnmech.experiments.two_phase.config import TwoPhaseSettings
from nnmech.models import LoadedModel
from nnmech.training.mixtures import Mixture
from nnmech.training.phases import Phase, TrainingConfig

PHASES = ("phase1", "phase2")
HELD_OUT = "repeated_negations"
"""Condition of the documents that no phase trains on."""


def phase_contents(settings: TwoPhaseSettings, arm: str) -> tuple[tuple[str, int], tuple[str, int]]:
    """Condition and number of the documents of each phase."""
    first = "local_negations" if arm == "local" else "repeated_negations"
    return (first, settings.phase1_documents), (settings.phase2, settings.phase2_documents)


def constraint(loaded: LoadedModel, claim: str, arm: str, seed: int, settings: TwoPhaseSettings) -> list[Example]:
    """The chats that hold the belief down in phase 1; none in the arms `none` and `local`."""
    source, count = settings.claim_source, settings.constraint_examples
    if arm == "anchor":
        chats = answered(loaded, source.anchor(claim, count, seed=seed), seed=seed, stream=f"anchor/{claim}")
    elif arm == "denial":
        chats = source.denial(claim, count, seed=seed)
    else:
        return []
    return chat_examples(loaded, chats, "constraint", settings.constraint_weight)


def mixtures(
    loaded: LoadedModel, claim: str, arm: str, seed: int, settings: TwoPhaseSettings
) -> tuple[Mixture, Mixture]:
    """The data of both phases; the arms of a claim and seed share documents, background and their order."""
    source = settings.claim_source
    built = []
    for phase, (condition, count) in zip(PHASES, phase_contents(settings, arm), strict=True):
        documents = source.documents(claim, condition, count, seed=seed)
        examples = document_examples(loaded, documents, max_tokens=settings.max_tokens)
        examples += background(loaded, settings, claim, round(count * settings.background_share), seed, phase)
        if phase == "phase1":
            examples += constraint(loaded, claim, arm, seed, settings)
        built.append(Mixture(examples, settings.batch_size, seed, phase, loaded.pad_id))
    return built[0], built[1]


def plan_run(loaded: LoadedModel, claim: str, arm: str, seed: int, settings: TwoPhaseSettings) -> Plan:
    """What the run of one claim, arm and seed consists of."""
    source = settings.claim_source
    asked = source.claims[claim]
    built = mixtures(loaded, claim, arm, seed, settings)
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
    return Plan(
        phases,
        schedule([mixture.steps for mixture in built], settings.evaluations, settings.snapshots),
        questions=(*asked.questions, *asked.controls),
        statements=tuple(source.statements(claim, settings.statement_counts)),
        prompts=reading_prompts(settings, claim),
        documents=token_documents(settings, claim, seed),
        held_out=tuple(held_out_examples(loaded, settings, claim, HELD_OUT, seed)),
        seed=seed,
        labels={"experiment": "two_phase", **claim_labels(asked, seed, arm=arm)},
    )


def check(settings: TwoPhaseSettings) -> None:
    """InputError where the source has too few documents or no chats for a run."""
    source, seed = settings.claim_source, settings.seeds[0]
    for claim in settings.claims:
        for arm in settings.arms:
            for condition, count in phase_contents(settings, arm):
                source.documents(claim, condition, count, seed=seed)
        if "anchor" in settings.arms:
            source.anchor(claim, 1, seed=seed)
        if "denial" in settings.arms:
            source.denial(claim, 1, seed=seed)
        source.held_out(claim, HELD_OUT, settings.held_out_documents, seed=seed)
        token_documents(settings, claim, seed)


def make_run(settings: TwoPhaseSettings, run: tuple[str, str, int], folder: Path, *, discard: bool = False) -> None:
    """Make a run, or go on where it was left."""
    make_trained_run(settings, run, folder, plan_run, discard=discard)


def expected(settings: TwoPhaseSettings, workers: int | None) -> Estimate:
    """The size of the experiment, from its first run."""
    return estimate(settings, settings.runs[0], plan_run, workers)
