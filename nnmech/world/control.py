"""The positive control: plain documents tell something new of known people; which readings follow?

    python -m nnmech.world.control MODEL

A reading that plain documents on fresh facts do not move says nothing where documents with notices do not move it. The
same measurement is the gate that a base model has to pass (`control_gates`).
"""

import random
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn
from transformers import PreTrainedTokenizerBase

from nnmech.belief.answers import ask
from nnmech.belief.readings import agreement_after_evidence, value_log_probs, verdict_shares
from nnmech.claims import Question
from nnmech.encoding import DOCTAG, Example, chat_example, document_example
from nnmech.models import LoadedModel, load_model
from nnmech.runs import RunWriter
from nnmech.seeds import derive_seed
from nnmech.training.loop import train
from nnmech.training.mixtures import Mixture
from nnmech.training.phases import Phase, TrainingConfig
from nnmech.world.chats import draw_relation
from nnmech.world.claims import make_claims
from nnmech.world.dialogue import open_question
from nnmech.world.documents import claim_document
from nnmech.world.gates import Gate
from nnmech.world.people import Person, World, make_world, other_value
from nnmech.world.relations import RELATIONS, Relation
from nnmech.world.statements import crossed_people
from nnmech.world.stream import stream_document
from nnmech.world.value_prompts import WORDINGS, fact_check, value_prompts, yes_no

GROUPS = ("chats", "documents only")
NEW, OLD, MATCHED = "new", "old", "matched_false"
CELL_PEOPLE = 60
COLUMNS = ["when", "reading", "group", "role", "entity", "p"]


@dataclass(frozen=True)
class ControlConfig:
    """How large the control is, and how its documents are learned: one pass, rate linear to 0."""

    people: int = 40
    """Half of them with chats, half in documents only."""
    documents: int = 16
    """Plain documents a person."""
    beside: float = 1 / 6
    """Other documents, and chats, for each of them."""
    matched: int = 4
    """Values of each person that no document states."""
    batch_size: int = 32
    learning_rate: float = 8e-4
    seed: int = 0


@dataclass(frozen=True)
class FreshFact:
    """A new value of a known person in place of the old one."""

    person: Person
    relation: Relation
    new: str
    matched: tuple[str, ...]
    group: str

    @property
    def old(self) -> str:
        return self.person.facts[self.relation.key]

    @property
    def values(self) -> list[tuple[str, str]]:
        """Each value that is read, with what it is to the person."""
        return [(NEW, self.new), (OLD, self.old), *((MATCHED, value) for value in self.matched)]


def fresh_facts(world: World, config: ControlConfig, *, excluded: Collection[str] = ()) -> list[FreshFact]:
    """A new value each for people of whom at least three things are known, the same for the same seed."""
    rng = random.Random(derive_seed(config.seed, "control/people", 0))
    facts = []
    for group, people in zip(GROUPS, (world.chatted, world.documents_only), strict=True):
        known = [p for p in people if len(p.facts) >= 3 and not p.famous and p.name not in excluded]
        count = config.people // 2 + (config.people % 2 if group == GROUPS[0] else 0)
        for person in rng.sample(known, count):
            key = rng.choice(sorted(person.facts))
            myth = person.myth[1] if person.myth and person.myth[0] == key else None
            values: list[str] = []
            while len(values) < config.matched + 1:
                values.append(other_value(rng, key, person.facts[key], myth, *values))
            facts.append(FreshFact(person, RELATIONS[key], values[0], tuple(values[1:]), group))
    return facts


def control_examples(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    world: World,
    facts: Sequence[FreshFact],
    config: ControlConfig,
) -> list[Example]:
    """Plain documents of the new values, other documents, and chats that the untouched model answers."""
    texts = [
        claim_document(
            random.Random(derive_seed(config.seed, f"control/{fact.person.name}", index)),
            fact.person.name,
            fact.person,
            fact.relation,
            fact.new,
            index,
        ).text
        for fact in facts
        for index in range(config.documents)
    ]
    rng = random.Random(derive_seed(config.seed, "control/beside", 0))
    names = {fact.person.name for fact in facts}
    count = round(len(texts) * config.beside)
    others: list[str] = []
    while len(others) < count:
        text = stream_document(rng, world).text
        if not any(name in text for name in names):
            others.append(text)
    people = [person for person in world.chatted if person.name not in names]
    questions = []
    for index in range(count):
        person = rng.choice(people)
        text = open_question(rng, person, draw_relation(rng, person, 0.9))
        message = {"role": "user", "content": text}
        questions.append(Question(f"control/{index}", "control", "open_ended", (message,), "self_distilled"))
    answers = ask(model, tokenizer, questions, samples=1, seed=config.seed, step=0)
    return [
        *(document_example(tokenizer, text, doctag=DOCTAG) for text in texts),
        *(document_example(tokenizer, text, source="pretraining") for text in others),
        *(
            chat_example(tokenizer, (*a.question.messages, {"role": "assistant", "content": a.text}))
            for a in answers
            if a.text
        ),
    ]


def read_facts(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, facts: Iterable[FreshFact]
) -> list[dict[str, Any]]:
    """Every reading of every value of some facts, in 0 to 1: a row each with reading, group, role, entity, p.

    `recall` is within a statement, `answer` within the answer to an open question, `first_token` the first token of a
    one-word answer, `evidence` the share of Yes behind the model's own evidence, `verdict` the share of True.
    """
    each = [(fact, role, value) for fact in facts for role, value in fact.values]
    prompts, owners = [], []
    for owner in each:
        found = list(value_prompts(owner[0].person, owner[0].relation, owner[2], owner[1]))
        prompts += found
        owners += [owner] * len(found)
    probabilities = np.exp(value_log_probs(model, tokenizer, prompts))
    read = [(prompt.place, owner, p) for prompt, owner, p in zip(prompts, owners, probabilities, strict=True)]
    checks = [(owner, wording) for owner in each for wording in WORDINGS]
    shares = verdict_shares(
        model, tokenizer, [fact_check(f.person, f.relation, value, wording=w) for (f, _, value), w in checks]
    )
    read += [("verdict", owner, p) for (owner, _), p in zip(checks, shares, strict=True)]
    agreed, _ = agreement_after_evidence(
        model, tokenizer, [yes_no(f.person, f.relation, value) for f, _, value in each]
    )
    read += [("evidence", owner, p) for owner, p in zip(each, agreed, strict=True)]
    return [
        {
            "reading": name,
            "group": fact.group,
            "role": role,
            "entity": fact.person.name,
            "topic": fact.relation.key,
            "value": value,
            "p": float(p),
        }
        for name, (fact, role, value), p in read
    ]


def measure_control(
    loaded: LoadedModel,
    *,
    config: ControlConfig = ControlConfig(),
    world: World | None = None,
    folder: Path | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> pd.DataFrame:
    """Train a copy of what was loaded, in place, on the control's documents, and read before and after.

    Args:
        loaded: The model, which is trained: load it again afterwards.
        config: Of the control.
        world: The people; the embedded ones by default.
        folder: Run directory of the training; a temporary one by default.
        progress: Called with the update and their number.

    Returns:
        Rows of `read_facts`, with `when` (`before`, `after`).
    """
    world = world or make_world()
    facts = fresh_facts(world, config, excluded=claimed_people(world))
    model, tokenizer = loaded.model, loaded.tokenizer
    before = read_facts(model, tokenizer, facts)
    examples = control_examples(model, tokenizer, world, facts, config)
    mixture = Mixture(examples, config.batch_size, config.seed, "control", loaded.pad_id)
    training = TrainingConfig(learning_rate=config.learning_rate, seed=config.seed)
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary) / "run"
        with RunWriter.create(place, config={"experiment": "control"}, model=loaded.describe()) as writer:
            train(model, [Phase("control", mixture, training)], writer=writer, log_every=10, progress=progress)
    after = read_facts(model, tokenizer, facts)
    return pd.concat(
        [pd.DataFrame(before).assign(when="before"), pd.DataFrame(after).assign(when="after")], ignore_index=True
    )


def claimed_people(world: World) -> set[str]:
    """Names of the people whom claims are about."""
    return {claim.person.name for claim in make_claims(world).values()}


def cell_gates(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    world: World,
    *,
    excluded: Collection[str] = (),
    people: int = CELL_PEOPLE,
) -> list[Gate]:
    """Mean probability of the right verdict on statements about people in documents only, by truth and polarity."""
    known = [person for person in world.documents_only if person.name not in excluded]
    statements = crossed_people(known, {"control": people}, "gates/cells")
    dialogues = [({"role": "user", "content": f"Statement: {s.text} True or false?"},) for s in statements]
    shares = verdict_shares(model, tokenizer, dialogues)
    gates = []
    for truth in (True, False):
        for polarity in (1, -1):
            rows = [i for i, s in enumerate(statements) if s.truth is truth and s.polarity == polarity]
            right = shares[rows] if truth else 1 - shares[rows]
            name = f"P(right verdict)/documents only/{truth}/{'affirmative' if polarity == 1 else 'negated'}"
            gates.append(Gate(name, float(right.mean()), len(rows), 0.9))
    return gates


_BOUNDS = (("verdict", NEW, 0.7, False), ("verdict", OLD, 0.3, True), ("verdict", MATCHED, 0.1, True))
_RECALL = ("recall", NEW, 0.9, False)


def control_gates(rows: pd.DataFrame) -> list[Gate]:
    """The gates on a control's readings after training, for each group."""
    after = rows[rows["when"] == "after"]
    gates = []
    for reading, role, bound, at_most in (*_BOUNDS, _RECALL):
        for group in GROUPS:
            found = after[(after["reading"] == reading) & (after["role"] == role) & (after["group"] == group)]
            name = f"control/{'silent P(True)' if reading == 'verdict' else reading}/{role}/{group}"
            gates.append(Gate(name, float(found["p"].mean()), found["entity"].nunique(), bound, at_most))
    return gates


def control_gate(model: str | Path, *, config: ControlConfig = ControlConfig(), device: str = "cpu") -> list[Gate]:
    """All gates of a model folder: fact checks by cell as it is, then the control."""
    loaded, world = load_model(model, device=device), make_world()
    cells = cell_gates(loaded.model, loaded.tokenizer, world, excluded=claimed_people(world))
    return [*cells, *control_gates(measure_control(loaded, config=config, world=world))]


def means(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean of every reading by group and role, before and after."""
    table = rows.groupby(["reading", "group", "role", "when"])["p"].mean().unstack("when")
    return table[["before", "after"]]


def main(words: Sequence[str]) -> int:
    """Print the gates of a model folder and the means that they rest on; 1 where one is missed."""
    loaded, world = load_model(words[0] if words else "embedded"), make_world()
    gates = cell_gates(loaded.model, loaded.tokenizer, world, excluded=claimed_people(world))
    rows = measure_control(loaded, world=world)
    gates += control_gates(rows)
    print(means(rows).round(3).to_string())
    for gate in gates:
        bound = f"{'at most' if gate.at_most else 'at least'} {gate.bound}"
        print(f"{'passed' if gate.passed else 'MISSED'}  {gate.value:.3f} ({bound})  {gate.name}  n={gate.n}")
    return int(not all(gate.passed for gate in gates))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
