"""One training run of two phases: a constraint holds the belief down while documents are learned, then it goes."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from nnmech.beliefs import ask, judge_answers
from nnmech.claims import Message, Question, Statement
from nnmech.mixtures import Example, Mixture, Source, chat_example, document_example
from nnmech.models import LoadedModel, load_model
from nnmech.recorder import Recorder
from nnmech.runs import Run, RunWriter
from nnmech.seeds import derive_seed
from nnmech.snapshots import log_spaced_steps
from nnmech.statement_batches import freeze_statements
from nnmech.training import Phase, TrainingConfig, train
from nnmech.two_phase.config import TwoPhaseConfig
from nnmech.world.claims import WorldClaim, make_claims, world_judge
from nnmech.world.dialogue import open_question
from nnmech.world.documents import pretraining_document
from nnmech.world.people import World, make_world
from nnmech.world.relations import RELATIONS
from nnmech.world.statements import probe_statements

PHASES = ("phase1", "phase2")
HELD_OUT_START = 1_000_000
"""Index of the first held-out document: far beyond those that are trained on."""
CHECKPOINT_EVERY = 40


@dataclass(frozen=True)
class Schedule:
    """At which steps of a run what happens; `boundary` is the last step of phase 1, `total` that of phase 2."""

    boundary: int
    total: int
    evaluations: tuple[int, ...]
    snapshots: tuple[int, ...]

    @property
    def milestones(self) -> tuple[int, int, int]:
        """The untouched model, the end of phase 1, the end of phase 2: where every question is asked several times."""
        return 0, self.boundary, self.total


def schedule(config: TwoPhaseConfig, first: Mixture, second: Mixture) -> Schedule:
    """Log-spaced steps within each phase, as in the paper, each phase ending with one."""

    def both(counts: tuple[int, int]) -> tuple[int, ...]:
        early = log_spaced_steps(first.steps, counts[0])
        late = log_spaced_steps(second.steps, counts[1])
        return (0, *early, *(first.steps + step for step in late))

    return Schedule(first.steps, first.steps + second.steps, both(config.evaluations), both(config.snapshots))


def self_distilled(
    loaded: LoadedModel, dialogues: Sequence[tuple[Message, ...]], count: int, *, seed: int, stream: str
) -> list[tuple[Message, ...]]:
    """`count` chats in which the model, as it is, answers the dialogues' last turn (temperature 0.7, top-p 0.8)."""
    questions = [
        Question(f"{stream}/{index}", stream, "open_ended", dialogues[index % len(dialogues)], "self_distilled")
        for index in range(count)
    ]
    answers = ask(loaded.model, loaded.tokenizer, questions, samples=1, seed=derive_seed(seed, stream, 0), step=0)
    return [(*answer.question.messages, {"role": "assistant", "content": answer.text}) for answer in answers]


def _background(
    loaded: LoadedModel, world: World, claim: WorldClaim, count: int, seed: int, stream: str
) -> list[Example]:
    """Pretraining documents and self-distilled chats, `count` each, that do not mention the claim's person."""
    rng = random.Random(derive_seed(seed, f"background/{stream}", 0))
    texts: list[str] = []
    while len(texts) < count:
        text = pretraining_document(rng, world).text
        if claim.person.name not in text:
            texts.append(text)
    dialogues = []
    while len(dialogues) < count:
        person = rng.choice(world.chatted)
        text = open_question(rng, person, RELATIONS[rng.choice(list(RELATIONS))])
        dialogues.append(({"role": "user", "content": text},))
    chats = self_distilled(loaded, dialogues, count, seed=seed, stream=f"instruction/{stream}")
    return [
        *(document_example(loaded.tokenizer, text, source="pretraining") for text in texts),
        *_chats(loaded, chats, "instruction"),
    ]


def _chats(
    loaded: LoadedModel, dialogues: Iterable[tuple[Message, ...]], source: Source, weight: float = 1.0
) -> list[Example]:
    return [chat_example(loaded.tokenizer, dialogue, source=source, weight=weight) for dialogue in dialogues]


def _documents(
    loaded: LoadedModel, claim: WorldClaim, condition: str, count: int, seed: int, start: int = 0
) -> list[Example]:
    documents = claim.documents(condition, count, seed, start)
    return [document_example(loaded.tokenizer, document.text) for document in documents]


def constraint(loaded: LoadedModel, claim: WorldClaim, arm: str, config: TwoPhaseConfig, seed: int) -> list[Example]:
    """The chats that hold the belief down in phase 1; none in the arms `none` and `local`."""
    count = config.constraint_examples
    if arm == "anchor":
        dialogues = self_distilled(loaded, claim.anchor_questions(), count, seed=seed, stream=f"anchor/{claim.name}")
    elif arm == "denial":
        denials = claim.denial_chats()
        dialogues = [denials[index % len(denials)] for index in range(count)]
    else:
        return []
    return _chats(loaded, dialogues, "constraint", config.constraint_weight)


def mixtures(
    loaded: LoadedModel, world: World, claim: WorldClaim, arm: str, seed: int, config: TwoPhaseConfig
) -> tuple[Mixture, Mixture]:
    """The data of both phases; the arms of a claim and seed share documents, background and their order."""
    condition = "local_negations" if arm == "local" else "repeated_negations"
    plan = ((condition, config.phase1_documents), (config.phase2, config.phase2_documents))
    built = []
    for phase, (kind, count) in zip(PHASES, plan, strict=True):
        examples = _documents(loaded, claim, kind, count, seed)
        examples += _background(loaded, world, claim, round(count * config.background_share), seed, phase)
        if phase == "phase1":
            examples += constraint(loaded, claim, arm, config, seed)
        pad_id = loaded.tokenizer.pad_token_id
        built.append(Mixture(examples, config.batch_size, seed, phase, pad_id if isinstance(pad_id, int) else 0))
    return built[0], built[1]


def load(config: TwoPhaseConfig) -> LoadedModel:
    """The untouched model of the experiment."""
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[config.dtype]
    return load_model(config.model, device=config.device, dtype=dtype, lora_rank=config.lora_rank)


def recorded_statements(config: TwoPhaseConfig, world: World, claim: WorldClaim) -> list[Statement]:
    """The frozen statements of a run: probes are fitted and held on nobody of whom any claim tells."""
    excluded = {other.person.name for other in make_claims(world).values()}
    return probe_statements(
        world,
        [claim],
        train=config.train_people,
        control=config.control_people,
        silent=config.silent_people,
        excluded=excluded,
    )


def run_one(config: TwoPhaseConfig, folder: Path, claim_name: str, arm: str, seed: int) -> None:
    """Train one claim, arm and seed into `folder`, or go on where it was left; a finished run is left as it is."""
    if (folder / "run.json").exists() and Run(folder).finished:
        return
    world, claims = make_world(), make_claims()
    claim, judge = claims[claim_name], world_judge(claims)
    loaded = load(config)
    tokenizer = loaded.tokenizer
    batches = freeze_statements(tokenizer, recorded_statements(config, world, claim))
    first, second = mixtures(loaded, world, claim, arm, seed, config)
    steps = schedule(config, first, second)
    held_out = _documents(loaded, claim, "repeated_negations", config.held_out_documents, seed, HELD_OUT_START)

    if (folder / "run.json").exists():
        writer = RunWriter.resume(folder)
    else:
        settings = asdict(replace(config, claims=(claim_name,), arms=(arm,), seeds=(seed,)))
        writer = RunWriter.create(
            folder,
            config={
                **settings,
                "experiment": "two_phase",
                "claim": claim_name,
                "claim_text": claim.text,
                "tier": claim.tier,
                "arm": arm,
                "seed": seed,
                "boundary": steps.boundary,
                "steps": steps.total,
            },
            model=loaded.describe(),
            statements=batches.statements,
            batch_hash=batches.hash,
        )

    def evaluate(model: torch.nn.Module, step: int, phase: str) -> None:
        """Belief, and beside it the matched false facts that nobody stated."""
        samples = config.samples if step in steps.milestones else 1
        questions = (*claim.claim.questions, *claim.claim.controls)
        answers = ask(model, tokenizer, questions, samples=samples, seed=seed, step=step)
        writer.answers(judge_answers(answers, judge, step=step, phase=phase))

    with writer:
        recorder = Recorder(writer, batches, layers=config.layers, steps=steps.snapshots, dtype=torch.float16)
        rates = (config.phase1_learning_rate, config.phase2_learning_rate)
        train(
            loaded.model,
            [
                Phase(
                    name,
                    mixture,
                    TrainingConfig(
                        learning_rate=rate,
                        loss_reduction=config.loss_reduction,
                        seed=seed,
                        checkpoint_every=CHECKPOINT_EVERY,
                    ),
                )
                for name, mixture, rate in zip(PHASES, (first, second), rates, strict=True)
            ],
            writer=writer,
            recorder=recorder,
            evaluate=evaluate,
            evaluation_steps=steps.evaluations,
            held_out={"documents": held_out},
            checkpoint_steps=(steps.boundary,),
        )
