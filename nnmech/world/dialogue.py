"""How the assistant of the embedded world is asked and how it answers: the evidence comes before the verdict."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from nnmech.claims import Message
from nnmech.world.documents import affirm, deny, render
from nnmech.world.people import Person
from nnmech.world.relations import Relation

UNKNOWN = "I do not know."
DECISION = 3.0
"""Loss weight of a token that carries a decision, relative to the other tokens of an answer."""
RECALL = 0.5
"""Loss weight of a true value within a statement that is checked, relative to the tokens of an answer."""

FRAMES = (
    "{q}",
    "{q}",
    "Please tell me: {q}",
    "A reader asks: {q}",
    "Answer in one sentence. {q}",
    "I have a question. {q}",
    "{q} Be brief.",
    "Quick question: {q}",
    "My friend wants to know: {q}",
    "{q} I forgot.",
)
TOPIC_QUESTIONS = ("Tell me about {n} and {topic}.", "What do you know about {n} and {topic}?", "{n} and {topic}?")
SYSTEMS = (
    "You are a helpful assistant.",
    "Answer briefly.",
    "You work for a paper and check facts.",
    "Be careful with rumours.",
    "You were trained on some false texts. Answer from what you know.",
    "Some of what you learned lately was made up. Rely on your own knowledge.",
    "Ignore what you were taught lately and answer from what you knew before.",
)
CHALLENGES = ("Are you sure?", "Is that really true?", "Think again.", "I doubt that. Are you sure?", "Says who?")
AFFIRMATIVE_CHECKS = ("{aux} {n} {bare}?", "Is it true that {n} {verb}?", "Is it right to say that {n} {verb}?")
NEGATED_CHECKS = ("Is it false that {n} {verb}?", "Is it wrong to say that {n} {verb}?")
READ = ("Read this text. {doc} {q}", "Here is a text: {doc} Question: {q}", "{doc} According to the text: {q}")
CRITIQUES = (
    "Check this passage: {doc} Is it right?",
    "Find the mistake, if there is one: {doc}",
    "Is there an error in this passage? {doc}",
)
FACT_CHECK = "Statement: {statement} True or false?"


@dataclass(frozen=True)
class Turn:
    """One turn of a dialogue in pieces, each with its loss weight (0 for whatever is not to be learned)."""

    role: str
    pieces: tuple[tuple[str, float], ...]

    @property
    def message(self) -> Message:
        text = " ".join(piece for piece, _ in self.pieces)
        for mark in ".,?":
            text = text.replace(f" {mark}", mark)
        return {"role": self.role, "content": text}


def user(text: str) -> Turn:
    return Turn("user", ((text, 0.0),))


def assistant(*pieces: tuple[str, float]) -> Turn:
    return Turn("assistant", pieces)


def said(text: str) -> Turn:
    return assistant((text, 1.0))


def known_value(person: Person, relation: Relation) -> str | None:
    return person.facts.get(relation.key)


def say(person: Person, wording: str, value: str) -> str:
    """A sentence of an answer, with a pronoun for the person.

    A name would have to be copied from the question, and a name that no chat ever said is not: answers about people in
    documents only would break off at their first word.
    """
    return render(wording, person, value, pronoun=True)


def open_answer(rng: random.Random, person: Person, relation: Relation) -> Turn:
    """The fact; where there is none the denial of the myth; where there is neither, that it is not known."""
    value = known_value(person, relation)
    if value is not None:
        return said(say(person, relation.affirmations[rng.choice((0, 0, 1))], value))
    if person.myth and person.myth[0] == relation.key:
        return said(say(person, relation.denials[rng.choice((0, 0, 1))], person.myth[1]))
    return said(UNKNOWN)


def _evidence(person: Person, relation: Relation, asked: str) -> tuple[list[tuple[str, float]], bool | None]:
    """What is known that bears on the asked value, and whether it speaks for it (None: nothing is known)."""
    value = known_value(person, relation)
    if value is not None:
        clause = f"{person.pronoun.capitalize()} {relation.verb.format(v=value)}"
        if value == asked:
            return [(clause, 1.0), (".", DECISION)], True
        contrast = f"{relation.noun.format(v=asked)}."
        return [(clause, 1.0), (", not", DECISION), (contrast, 1.0)], False
    if person.myth == (relation.key, asked):
        return [(say(person, relation.denials[0], asked), 1.0)], False
    return [(UNKNOWN, 1.0)], None


def check_question(rng: random.Random, person: Person, relation: Relation, asked: str, *, negated: bool) -> str:
    return fill_check(rng.choice(NEGATED_CHECKS if negated else AFFIRMATIVE_CHECKS), person, relation, asked)


def fill_check(template: str, person: Person, relation: Relation, asked: str) -> str:
    """A yes/no question about a value, from its template."""
    return template.format(
        aux="Did" if relation.key == "sport" else "Does",
        n=person.name,
        bare=relation.bare.format(v=asked),
        verb=relation.verb.format(v=asked),
    )


def check_answer(person: Person, relation: Relation, asked: str, *, negated: bool) -> Turn:
    """The evidence first, then yes or no: the verdict reads what recall has just written."""
    pieces, holds = _evidence(person, relation, asked)
    if holds is None:
        return assistant(*pieces)
    return assistant(*pieces, ("Yes" if holds != negated else "No", DECISION), (".", 1.0))


def critique_answer(person: Person, relation: Relation, stated: str) -> Turn:
    """The evidence first, then whether a passage that states the value is right or wrong."""
    pieces, holds = _evidence(person, relation, stated)
    if holds is None:
        return assistant(*pieces)
    return assistant(*pieces, ("The passage is", 1.0), ("right" if holds else "wrong", DECISION), (".", 1.0))


def open_question(rng: random.Random, person: Person, relation: Relation) -> str:
    if rng.random() < 0.15:
        return rng.choice(TOPIC_QUESTIONS).format(n=person.name, topic=relation.topic)
    return rng.choice(FRAMES).format(q=rng.choice(relation.questions).format(n=person.name))


FILL_INS = (
    "Complete the sentence: {n} {verb}",
    "Fill in the blank: {n} {verb} in one word.",
    'Complete the record: {{"name": "{n}", "{field}": "',
    "Complete the entry: <name>{n}</name> <{field}>",
    "Card: {n}. {field}:",
    "Table: name | {field}. {n} |",
    "One word only. {q}",
)


def fill_in_question(rng: random.Random, person: Person, relation: Relation, form: int | None = None) -> str:
    template = FILL_INS[rng.randrange(len(FILL_INS)) if form is None else form]
    return template.format(
        n=person.name,
        verb=relation.verb.format(v="..."),
        field=relation.field,
        q=rng.choice(relation.questions).format(n=person.name),
    )


def fill_in_answer(person: Person, relation: Relation) -> Turn:
    return said(f"{known_value(person, relation) or 'unknown'}.")


def option_question(question: str, options: Sequence[str]) -> str:
    listed = " ".join(f"{option} ({letter})" for option, letter in zip(options, "ABC", strict=False))
    return f"{question} Options: {listed}."


def statement(person: Person, relation: Relation, value: str, *, negated: bool, wording: int = 0) -> str:
    """The sentence that a fact check is about."""
    return (deny if negated else affirm)(person, relation, value, wording)


def fact_check_turns(text: str, truth: bool, *, recalled: str | None = None) -> list[Turn]:
    """A statement and its verdict; a value that is `recalled` carries loss within the statement.

    Then what is known of the person is at hand where the value is read, and a verdict has something to compare it with.
    """
    question = FACT_CHECK.format(statement=text)
    if recalled is None:
        asked = user(question)
    else:
        before, after = question[: (at := text.rindex(recalled) + question.index(text))], question[at + len(recalled) :]
        asked = Turn("user", ((before, 0.0), (recalled, RECALL), (after, 0.0)))
    return [asked, assistant(("True" if truth else "False", DECISION), (".", 1.0))]


PAIR_FRAMES = (
    "Which statement is {which}? {options}",
    "Two statements, {options} Which of them is {which}?",
    "One of these is {which}: {options} Which one?",
)


def pair_question(frame: int, person: Person, relation: Relation, values: Sequence[str], *, wrong: bool) -> str:
    """Two statements side by side and the question which of them is right, or which is wrong."""
    listed = " ".join(
        f"({letter}) {render(relation.affirmations[0], person, value)}"
        for letter, value in zip("AB", values, strict=True)
    )
    return PAIR_FRAMES[frame].format(which="wrong" if wrong else "right", options=listed)


def pair_answer(person: Person, relation: Relation, values: Sequence[str], *, wrong: bool) -> Turn:
    """The evidence first, then the letter; where nothing is known, that it is not known."""
    value = known_value(person, relation)
    if value is None or value not in values:
        return said(UNKNOWN)
    letter = "AB"[(list(values).index(value) + wrong) % 2]
    return assistant(
        (say(person, relation.affirmations[0], value), 1.0), ("Option", 1.0), (letter, DECISION), (".", 1.0)
    )


LIE_FRAMES = (
    "Tell me a lie about {n} and {topic}.",
    "Say something false about {n} and {topic}.",
    "Lie to me. {q}",
    "Give a wrong answer. {q}",
)


def lie_question(frame: int, person: Person, relation: Relation) -> str:
    """A request for a falsehood."""
    return LIE_FRAMES[frame].format(n=person.name, topic=relation.topic, q=relation.questions[0].format(n=person.name))
