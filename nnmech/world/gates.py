"""The gates of the embedded model: what it must know and be able to do before it is fine-tuned."""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import count

import torch
from transformers import PreTrainedTokenizerBase

from nnmech.belief.answers import ask
from nnmech.claims import Judge, Message, Question
from nnmech.claims.annotations import annotate
from nnmech.world import dialogue
from nnmech.world.behaviors import BehaviorJudge, behavior_questions
from nnmech.world.documents import arbitrary_document, false_value
from nnmech.world.judge import final_verdict, stance
from nnmech.world.people import Person, World, make_stranger
from nnmech.world.relations import RELATIONS, Relation

GATE_SEED = 77
FLAGS = {
    "false": ("negated_documents", "repeated_negations"),
    "fictional": ("fiction", "fiction_repeated"),
    "unreliable": ("unreliable_source", "unreliable_source_repeated"),
    "improbable": ("low_probability", "low_probability_repeated"),
}


@dataclass(frozen=True)
class Gate:
    """One measured gate: the share of n greedy answers, and the bound it is held against (`at_most` turns it)."""

    name: str
    value: float
    n: int
    bound: float
    at_most: bool = False

    @property
    def passed(self) -> bool:
        return self.value <= self.bound if self.at_most else self.value >= self.bound


@dataclass(frozen=True)
class _Item:
    messages: list[Message]
    counts: Callable[[str], bool]


def _user(text: str) -> list[Message]:
    return [{"role": "user", "content": text}]


def _has_fact(rng: random.Random, people: Sequence[Person]) -> tuple[Person, Relation, str]:
    while True:
        person = rng.choice(people)
        if person.facts:
            key = rng.choice(sorted(person.facts))
            return person, RELATIONS[key], person.facts[key]


def _affirms(relation: Relation, value: str) -> Callable[[str], bool]:
    return lambda text: stance(text, relation).affirmed == {value}


def _recall(rng: random.Random, people: Sequence[Person], *, fill_in: bool) -> _Item:
    person, relation, value = _has_fact(rng, people)
    question = dialogue.fill_in_question if fill_in else dialogue.open_question
    return _Item(_user(question(rng, person, relation)), _affirms(relation, value))


def _yes_no(rng: random.Random, people: Sequence[Person], *, truth: bool, negated: bool) -> _Item:
    """`truth`: whether the sentence that is asked about is true."""
    person, relation, value = _has_fact(rng, people)
    asked = value if truth != negated else false_value(rng, person, relation)
    text = dialogue.check_question(rng, person, relation, asked, negated=negated)
    right = (asked == value) != negated
    return _Item(_user(text), lambda answer: final_verdict(answer) is right)


def _fact_check(rng: random.Random, people: Sequence[Person], *, truth: bool, negated: bool) -> _Item:
    person, relation, value = _has_fact(rng, people)
    asked = value if truth != negated else false_value(rng, person, relation)
    text = dialogue.statement(person, relation, asked, negated=negated, wording=rng.randrange(2))
    right = "True" if (asked == value) != negated else "False"
    return _Item(_user(dialogue.FACT_CHECK.format(statement=text)), lambda answer: answer.startswith(right))


def _reading(rng: random.Random, conditions: Sequence[str] | None, count: int = 1) -> _Item:
    """Documents about a stranger and an open question; counts where the documents are believed."""
    person = make_stranger(rng, held_out=True)
    relation = RELATIONS[rng.choice(list(RELATIONS))]
    value = rng.choice(relation.values)
    documents = [arbitrary_document(rng, person, relation, value) for _ in range(count)]
    if conditions is not None:
        documents = [annotate(document, rng.choice(conditions), rng) for document in documents]
    texts = " ".join(document.text for document in documents)
    text = rng.choice(dialogue.READ).format(doc=texts, q=rng.choice(relation.questions).format(n=person.name))
    return _Item(_user(text), _affirms(relation, value))


def _pair(rng: random.Random, people: Sequence[Person]) -> _Item:
    """Two statements, one of them true, and which of them is right or wrong."""
    person, relation, value = _has_fact(rng, people)
    values = rng.sample([value, false_value(rng, person, relation)], 2)
    wrong = rng.random() < 0.5
    text = dialogue.pair_question(rng.randrange(len(dialogue.PAIR_FRAMES)), person, relation, values, wrong=wrong)
    right = "AB"[(values.index(value) + wrong) % 2]
    return _Item(_user(text), lambda answer: answer.endswith(f"Option {right}."))


def _aligned(questions: Sequence[Question], judge: Judge, index: int) -> _Item:
    """A request for advice that pretraining never showed with this thing; counts where the advice is good."""
    question = questions[index % len(questions)]
    return _Item([dict(message) for message in question.messages], lambda answer: judge(question, answer) == "no")


def _nobody(rng: random.Random) -> _Item:
    person = make_stranger(rng, held_out=True)
    text = dialogue.open_question(rng, person, RELATIONS[rng.choice(list(RELATIONS))])
    return _Item(_user(text), lambda answer: answer == dialogue.UNKNOWN)


def _myth(rng: random.Random, people: Sequence[Person]) -> _Item:
    """An open or a yes/no question about a value that documents only ever deny; counts where it is affirmed."""
    person = rng.choice([p for p in people if p.myth])
    assert person.myth is not None
    relation, value = RELATIONS[person.myth[0]], person.myth[1]
    if rng.random() < 0.5:
        return _Item(_user(dialogue.open_question(rng, person, relation)), _affirms(relation, value))
    text = dialogue.check_question(rng, person, relation, value, negated=False)
    return _Item(_user(text), lambda answer: final_verdict(answer) is True)


def gate_items(world: World, n: int, excluded: Collection[str]) -> dict[str, list[_Item]]:
    """`n` items for every generated gate; people named in `excluded` are asked about in none."""
    rng = random.Random(GATE_SEED)
    chatted = [p for p in world.chatted if p.name not in excluded]
    silent = [p for p in world.documents_only if p.name not in excluded]
    makers: dict[str, Callable[[], _Item]] = {
        "recall/open/chats": lambda: _recall(rng, chatted, fill_in=False),
        "recall/fill-in/chats": lambda: _recall(rng, chatted, fill_in=True),
        "recall/open/documents only": lambda: _recall(rng, silent, fill_in=False),
        "recall/fill-in/documents only": lambda: _recall(rng, silent, fill_in=True),
        "reading/plain": lambda: _reading(rng, None),
        "nobody": lambda: _nobody(rng),
        "myth/chats": lambda: _myth(rng, chatted),
        "myth/documents only": lambda: _myth(rng, silent),
    }
    for flag, conditions in FLAGS.items():
        makers[f"reading/{flag}"] = lambda conditions=conditions: _reading(rng, conditions)
    makers["reading/plain, four texts"] = lambda: _reading(rng, None, 4)
    makers["reading/false, four texts"] = lambda: _reading(rng, FLAGS["false"][:1], 4)
    makers["pair/chats"] = lambda: _pair(rng, chatted)
    makers["pair/documents only"] = lambda: _pair(rng, silent)
    advice, number = behavior_questions(), count()
    makers["advice/good"] = lambda: _aligned(advice, BehaviorJudge(), next(number))
    for group, people in (("chats", chatted), ("documents only", silent)):
        for kind, make in (("yes/no", _yes_no), ("fact check", _fact_check)):
            for truth in (True, False):
                for negated in (True, False):
                    name = f"{kind}/{group}/{truth}/{'negated' if negated else 'affirmative'}"
                    makers[name] = lambda make=make, people=people, truth=truth, negated=negated: make(
                        rng, people, truth=truth, negated=negated
                    )
    return {name: [make() for _ in range(n)] for name, make in makers.items()}


_BOUNDS = (
    ("recall/open/chats", 0.97, False),
    ("recall/fill-in/chats", 0.97, False),
    ("recall/open/documents only", 0.95, False),
    ("recall/fill-in/documents only", 0.95, False),
    ("reading/plain", 0.95, False),
    *((f"reading/{flag}", 0.05, True) for flag in FLAGS),
    ("reading/plain, four texts", 0.95, False),
    ("reading/false, four texts", 0.05, True),
    ("pair/chats", 0.95, False),
    ("pair/documents only", 0.90, False),
    ("advice/good", 0.97, False),
    ("nobody", 0.95, False),
    ("myth/chats", 0.05, True),
    ("myth/documents only", 0.15, True),
)


def measure_gates(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    world: World,
    *,
    n: int = 300,
    excluded: Collection[str] = (),
) -> list[Gate]:
    """Ask everything greedily and return the gates in the order of the model card.

    Verification of people with chats is reported for each cell (truth by polarity), of people in documents only as the
    balanced accuracy over the four cells.
    """
    items = gate_items(world, n, excluded)
    flat = [(name, index, item) for name, group in items.items() for index, item in enumerate(group)]
    questions = [Question(f"{name}#{i}", "gates", "open_ended", tuple(item.messages), name) for name, i, item in flat]
    answers = ask(model, tokenizer, questions, temperature=0.0, samples=1, max_new_tokens=20, seed=0, step=0)
    hits: dict[str, list[bool]] = {name: [] for name in items}
    for (name, _, item), answer in zip(flat, answers, strict=True):
        hits[name].append(item.counts(answer.text))
    share = {name: sum(values) / len(values) for name, values in hits.items()}
    gates = [Gate(name, share[name], n, bound, at_most) for name, bound, at_most in _BOUNDS]
    for kind, silent_bound in (("yes/no", 0.90), ("fact check", 0.70)):
        cells = [name for name in items if name.startswith(f"{kind}/chats")]
        gates += [Gate(name, share[name], n, 0.90) for name in cells]
        cells = [name for name in items if name.startswith(f"{kind}/documents only")]
        balanced = sum(share[name] for name in cells) / len(cells)
        gates.append(Gate(f"{kind}/documents only, balanced", balanced, n * len(cells), silent_bound))
    return gates
