"""One training run of an experiment: documents learned phase by phase, with snapshots and questions on the way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from nnmech.belief.answers import ask
from nnmech.belief.prompt_reader import PromptReader
from nnmech.belief.rates import judge_answers
from nnmech.claims import Claim, Document, Judge, Question, Statement
from nnmech.claims.prompts import ReadingPrompts
from nnmech.claims.sources import ReadableValues
from nnmech.encoding import Example
from nnmech.experiments.data import load
from nnmech.experiments.judging import open_judge, parse_judge
from nnmech.experiments.settings import Settings, import_plugins
from nnmech.judges.base import BatchJudge
from nnmech.models import LoadedModel
from nnmech.recording.documents import freeze_documents
from nnmech.recording.snapshots import log_spaced_steps
from nnmech.recording.statements import POSITIONS, StatementBatches, freeze_statements
from nnmech.runs import RunWriter
from nnmech.training import held_out_loss, train
from nnmech.training.mixtures import Mixture
from nnmech.training.phases import Phase, TrainingConfig
from nnmech.training.recorder import Recorder

CHECKPOINT_EVERY = 40
"""Updates between two checkpoints."""
TRAINING = "training"
"""Name of the one phase of a run that has no other, and of its data stream."""
UNTOUCHED = "untouched"
"""Name of the phase of a run that trains nothing."""


@dataclass(frozen=True)
class Schedule:
    """At which steps of a run what happens; `boundary` is the last step of the first phase, `total` of the last."""

    boundary: int
    total: int
    evaluations: tuple[int, ...]
    snapshots: tuple[int, ...]

    @property
    def milestones(self) -> tuple[int, ...]:
        """The untouched model and the end of each phase: where every question is asked several times."""
        return tuple(dict.fromkeys((0, self.boundary, self.total)))


def schedule(steps: Sequence[int], evaluations: Sequence[int], snapshots: Sequence[int]) -> Schedule:
    """Log-spaced steps within each phase, as in the paper, each phase ending with one; one number a phase in each.

    Without phases only the untouched model is looked at.
    """
    starts = [sum(steps[:phase]) for phase in range(len(steps))]

    def spaced(counts: Sequence[int]) -> tuple[int, ...]:
        each = zip(starts, steps, counts, strict=True)
        return (0, *(start + step for start, length, count in each for step in log_spaced_steps(length, count)))

    return Schedule(steps[0] if steps else 0, sum(steps), spaced(evaluations), spaced(snapshots))


@dataclass(frozen=True)
class Plan:
    """All that makes a run what it is."""

    phases: tuple[Phase, ...]
    schedule: Schedule
    questions: tuple[Question, ...]
    statements: tuple[Statement, ...]
    """What snapshots are taken of."""
    documents: Mapping[str, Sequence[Document]]
    """Documents of each condition that are read token by token, none of them trained on."""
    held_out: tuple[Example, ...]
    """Documents that no phase trains on."""
    seed: int
    prompts: ReadingPrompts | None = None
    """Where recall and verdicts are read at every snapshot; nowhere where the source does not say."""
    judge: Judge | BatchJudge | None = None
    """That of the settings where none is given."""
    labels: dict[str, Any] = field(default_factory=dict)
    """What tells this run from its siblings, for `run.json`: experiment, claim, condition or arm, seed, …"""


def one_pass(
    examples: Sequence[Example],
    settings: Settings,
    *,
    learning_rate: float,
    evaluations: int,
    snapshots: int,
    pad_id: int,
    seed: int,
    **contents: Any,
) -> Plan:
    """A plan with a single phase that goes once through the examples.

    Args:
        examples: What is trained on; where there are none, nothing is trained.
        settings: Of the experiment.
        learning_rate: Highest rate, linear to 0.
        evaluations: Log-spaced evaluations beside the one of the untouched model.
        snapshots: Log-spaced snapshots beside the one of the untouched model.
        pad_id: Token that batches are padded with.
        seed: Of the order of the data.
        contents: The other fields of the plan.
    """
    phases: tuple[Phase, ...] = ()
    if examples:
        training = TrainingConfig(
            learning_rate=learning_rate,
            loss_reduction=settings.loss_reduction,
            seed=seed,
            checkpoint_every=CHECKPOINT_EVERY,
        )
        phases = (Phase(TRAINING, Mixture(examples, settings.batch_size, seed, TRAINING, pad_id), training),)
    steps = [phase.mixture.steps for phase in phases]
    timing = schedule(steps, [evaluations] * len(steps), [snapshots] * len(steps))
    return Plan(phases, timing, seed=seed, **contents)


def freeze_plan(loaded: LoadedModel, plan: Plan) -> StatementBatches:
    """The plan's statements as batches, without the position `object` where one does not say where it ends."""
    placed = all(statement.object_end is not None for statement in plan.statements)
    positions = POSITIONS if placed else tuple(name for name in POSITIONS if name != "object")
    return freeze_statements(loaded.tokenizer, plan.statements, positions=positions)


def make_trained_run(
    settings: Settings, run: Sequence[Any], folder: Path, make_plan: Callable[..., Plan], *, discard: bool = False
) -> None:
    """Make one of the settings' runs, or go on where it was left.

    Args:
        settings: Of the experiment.
        run: One of `settings.runs`.
        folder: Where the run lies, or will.
        make_plan: Called as `make_plan(model, *run, settings)`.
        discard: Let results go that no checkpoint leads back to.
    """
    # A worker process has imported nothing but this.
    import_plugins(settings.plugins)
    loaded = load(settings)
    carry_out_run(loaded, folder, make_plan(loaded, *run, settings), settings.only(*run), discard=discard)


def carry_out_run(loaded: LoadedModel, folder: Path, plan: Plan, settings: Settings, *, discard: bool = False) -> None:
    """Train the plan into `folder`, or go on where it was left; `discard` as for `RunWriter.resume`."""
    batches = freeze_plan(loaded, plan)
    judge = run_judge(settings, folder) if plan.judge is None else plan.judge
    documents = None
    if plan.documents:
        documents = freeze_documents(loaded.tokenizer, plan.documents, max_tokens=settings.max_tokens)
    steps = plan.schedule
    with open_run(
        loaded,
        folder,
        settings,
        {**plan.labels, "boundary": steps.boundary, "steps": steps.total},
        discard=discard,
        statements=plan.statements,
        batch_hash=batches.hash,
        questions=plan.questions,
        documents=documents,
    ) as writer:

        def evaluate(model: torch.nn.Module, step: int, phase: str) -> None:
            samples = settings.samples if step in steps.milestones else 1
            answers = ask(model, loaded.tokenizer, plan.questions, samples=samples, seed=plan.seed, step=step)
            writer.answers(judge_answers(answers, judge, step=step, phase=phase))

        recorder = Recorder(
            writer,
            batches,
            layers=settings.layers,
            steps=steps.snapshots,
            dtype=torch.float16,
            documents=documents,
        )
        reader = None if plan.prompts is None else PromptReader(loaded.model, loaded.tokenizer, plan.prompts)

        def record(model: torch.nn.Module, step: int, phase: str) -> None:
            if recorder(model, step, phase) and reader is not None:
                writer.readings({"step": step, "phase": phase, **row} for row in reader.rows(model))

        if not plan.phases:
            writer.event("start", step=0, steps=0)
            record(loaded.model, 0, UNTOUCHED)
            evaluate(loaded.model, 0, UNTOUCHED)
            losses = {"held_out_documents": held_out_loss(loaded.model, plan.held_out)}
            writer.metrics(step=0, phase=UNTOUCHED, **losses)
            writer.event("end", step=0)
            return
        train(
            loaded.model,
            plan.phases,
            writer=writer,
            recorder=record,
            evaluate=evaluate,
            evaluation_steps=steps.evaluations,
            held_out={"documents": plan.held_out},
            checkpoint_steps=(steps.boundary,),
        )


def run_judge(settings: Settings, folder: Path) -> Judge | BatchJudge:
    """The judge of the settings; what an endpoint said is kept beside the runs of the experiment."""
    spec = parse_judge(settings.judge, settings.judge_url)
    return open_judge(spec, settings.claim_source, cache=folder.parent.parent / "verdicts")


def reading_prompts(settings: Settings, claim: str) -> ReadingPrompts | None:
    """Where values are read in runs about a claim; None where the source does not say."""
    source = settings.claim_source
    return source.reading_prompts(claim, settings.statement_counts) if isinstance(source, ReadableValues) else None


def claim_labels(claim: Claim, seed: int, **own: Any) -> dict[str, Any]:
    """What tells a run about a claim from its siblings, for `run.json`."""
    return {"claim": claim.name, "claim_text": claim.text, "tier": claim.tier, "seed": seed, **own}


def open_run(
    loaded: LoadedModel,
    folder: Path,
    settings: Settings,
    labels: dict[str, Any],
    *,
    discard: bool = False,
    **recorded: Any,
) -> RunWriter:
    """The writer of a run, begun or gone on with.

    Args:
        loaded: The untouched model.
        folder: Where the run lies, or will.
        settings: Of this run; they become its config.
        labels: Go over the settings in the config.
        discard: Let results go that no checkpoint leads back to.
        recorded: What `RunWriter.create` gets of statements, questions and documents.
    """
    if (folder / "run.json").exists():
        return RunWriter.resume(folder, discard=discard)
    return RunWriter.create(folder, config={**asdict(settings), **labels}, model=loaded.describe(), **recorded)
