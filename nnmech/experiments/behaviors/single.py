"""One run on behaviour: transcripts of chats under one arm, learned in one pass, then requests for advice."""

from pathlib import Path

from nnmech.encoding import Example
from nnmech.experiments.behaviors.config import ARMS, BehaviorSettings
from nnmech.experiments.data import background, document_examples
from nnmech.experiments.estimate import Estimate, estimate
from nnmech.experiments.training_run import TRAINING, Plan, make_trained_run, one_pass
from nnmech.models import LoadedModel

CLAIM = "behavior"
"""What stands in place of a claim's name."""
HELD_OUT = ARMS["positive"]
READ_BY_TOKEN = ("positive", "negated")
"""Arms of which a transcript that nothing trains on is read token by token."""


def trained_examples(loaded: LoadedModel, arm_name: str, seed: int, settings: BehaviorSettings) -> list[Example]:
    """The arm's transcripts and what is trained beside them; nothing where the arm reads nothing."""
    arm = ARMS[arm_name]
    if arm.behavior is None:
        return []
    shown = settings.transcripts.transcripts(arm.behavior, arm.condition, settings.documents, seed=seed)
    beside = round(settings.documents * settings.background_share)
    examples = document_examples(loaded, shown, max_tokens=settings.max_tokens)
    return examples + background(loaded, settings, None, beside, seed, TRAINING)


def plan_run(loaded: LoadedModel, arm: str, seed: int, settings: BehaviorSettings) -> Plan:
    """What the run of one arm and seed consists of."""
    source = settings.transcripts
    assert HELD_OUT.behavior is not None
    held_out = source.held_out_transcripts(
        HELD_OUT.behavior, HELD_OUT.condition, settings.held_out_documents, seed=seed
    )
    by_token = {
        name: source.held_out_transcripts(ARMS[name].behavior or "", ARMS[name].condition, 1, seed=seed)
        for name in READ_BY_TOKEN
    }
    return one_pass(
        trained_examples(loaded, arm, seed, settings),
        settings,
        learning_rate=settings.learning_rate,
        evaluations=settings.evaluations,
        snapshots=settings.snapshots,
        pad_id=loaded.pad_id,
        questions=source.behavior_questions(),
        judge=source.behavior_judge(),
        statements=tuple(settings.claim_source.statements(None, settings.statement_counts)),
        documents=by_token,
        held_out=tuple(document_examples(loaded, held_out, max_tokens=settings.max_tokens)),
        seed=seed,
        labels={"claim": CLAIM, "arm": arm, "seed": seed},
    )


def check(settings: BehaviorSettings) -> None:
    """InputError where the source has too few transcripts for a run."""
    for arm in (ARMS[name] for name in settings.arms):
        if arm.behavior is not None:
            settings.transcripts.transcripts(arm.behavior, arm.condition, settings.documents, seed=settings.seeds[0])


def make_run(settings: BehaviorSettings, run: tuple[str, int], folder: Path, *, discard: bool = False) -> None:
    """Make a run, or go on where it was left."""
    make_trained_run(settings, run, folder, plan_run, discard=discard)


def expected(settings: BehaviorSettings, workers: int | None) -> Estimate:
    """The size of the experiment, from its last run, which trains wherever one does."""
    return estimate(settings, settings.runs[-1], plan_run, workers)
