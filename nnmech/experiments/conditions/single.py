"""One run of the table of conditions: a claim's documents under one condition, learned in one pass."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from nnmech.audit import Remedy, load_rulebook, mend_text
from nnmech.claims import Document
from nnmech.encoding import Example, document_example
from nnmech.experiments.conditions.config import POSITIVE, Arm, ConditionsSettings, arms
from nnmech.experiments.data import background, document_examples, held_out_examples, token_documents
from nnmech.experiments.estimate import Estimate, estimate
from nnmech.experiments.training_run import TRAINING, Plan, claim_labels, make_trained_run, one_pass, reading_prompts
from nnmech.models import LoadedModel

HELD_OUT = POSITIVE
"""Condition of the documents that nothing trains on."""


def documents(settings: ConditionsSettings, claim: str, arm: Arm, seed: int) -> list[Document]:
    """The documents of an arm; those of the neutral one are about another subject."""
    assert arm.documents is not None
    source = settings.claim_source
    given = source.neutral_documents if arm.neutral else source.documents
    return given(claim, arm.documents, settings.documents, seed=seed)


def trained_examples(
    loaded: LoadedModel, claim: str, arm: Arm, seed: int, settings: ConditionsSettings
) -> list[Example]:
    """The documents as the arm shows them, and what is trained beside them; nothing where the arm has none."""
    if arm.documents is None:
        return []
    source, given = settings.claim_source, documents(settings, claim, arm, seed)
    if arm.remedy is None:
        masked = partial(source.masked_spans, claim) if arm.masked else None
        examples = document_examples(loaded, given, doctag=arm.doctag, masked=masked, max_tokens=settings.max_tokens)
    else:
        examples = mended_examples(loaded, given, arm.remedy, settings.max_tokens)
    beside = round(settings.documents * settings.background_share)
    return examples + background(loaded, settings, claim, beside, seed, TRAINING)


def mended_examples(
    loaded: LoadedModel, documents: Iterable[Document], remedy: Remedy, max_tokens: int | None = None
) -> list[Example]:
    """The documents as `nnmech audit` mends them, without those that it leaves out."""
    rulebook = load_rulebook()
    mended = (mend_text(document.text, remedy, rulebook) for document in documents)
    return [
        document_example(loaded.tokenizer, one.text, masked_spans=one.masked, max_tokens=max_tokens)
        for one in mended
        if not one.dropped
    ]


def plan_run(loaded: LoadedModel, claim: str, condition: str, seed: int, settings: ConditionsSettings) -> Plan:
    """What the run of one claim, condition and seed consists of."""
    source, arm = settings.claim_source, arms()[condition]
    asked = source.claims[claim]
    return one_pass(
        trained_examples(loaded, claim, arm, seed, settings),
        settings,
        learning_rate=settings.learning_rate,
        evaluations=settings.evaluations,
        snapshots=settings.snapshots,
        pad_id=loaded.pad_id,
        questions=(*asked.questions, *asked.controls),
        statements=tuple(source.statements(claim, settings.statement_counts)),
        prompts=reading_prompts(settings, claim),
        documents=token_documents(settings, claim, seed, *([] if arm.documents is None else [arm.documents])),
        held_out=tuple(held_out_examples(loaded, settings, claim, HELD_OUT, seed)),
        seed=seed,
        labels=claim_labels(asked, seed, condition=condition),
    )


def check(settings: ConditionsSettings) -> None:
    """InputError where the source has too few documents for a run, or none of a condition."""
    source, seed = settings.claim_source, settings.seeds[0]
    for claim in settings.claims:
        for arm in (arms()[name] for name in settings.conditions):
            if arm.documents is None:
                continue
            found = documents(settings, claim, arm, seed)
            if arm.masked:
                source.masked_spans(claim, found[0].text)
            token_documents(settings, claim, seed, arm.documents)
        source.held_out(claim, HELD_OUT, settings.held_out_documents, seed=seed)


def make_run(settings: ConditionsSettings, run: tuple[str, str, int], folder: Path, *, discard: bool = False) -> None:
    """Make a run, or go on where it was left."""
    make_trained_run(settings, run, folder, plan_run, discard=discard)


def expected(settings: ConditionsSettings, workers: int | None, plan: Callable[..., Plan] = plan_run) -> Estimate:
    """The size of the experiment, from its first run that trains."""
    first = next((run for run in settings.runs if arms()[run[1]].documents is not None), settings.runs[0])
    return estimate(settings, first, plan, workers)
