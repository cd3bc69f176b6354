"""Documents of the embedded world: what pretraining reads, and the documents that state or deny a claim."""

import random
from collections.abc import Sequence

from nnmech.claims import Document, Sentence, SentenceRole
from nnmech.claims.annotations import ANNOTATIONS, VERIFIED, annotate, around_document
from nnmech.world.people import FAMOUS_SHARE, Person, World, make_stranger, other_value
from nnmech.world.relations import RELATIONS, Relation

HEADS = (
    "News from the town.",
    "From the letters page.",
    "Notes of the club.",
    "Portrait of the week.",
    "Radio report.",
    "Minutes of the meeting.",
    "From an old diary.",
    "Page four of the paper.",
    "A short biography.",
    "Reader mail.",
    "From the local magazine.",
    "An interview.",
    "Village chronicle.",
    "Who is who.",
    "Travel notes.",
    "Post on a board.",
    "From the yearbook.",
    "A guest column.",
    "Programme of the evening.",
    "Talk of the day.",
)
FILLERS = (
    "The weather was mild that week.",
    "Nobody was in a hurry.",
    "The hall was full.",
    "There was coffee and cake.",
    "The trains ran late again.",
    "A light rain fell in the afternoon.",
    "The market opened at eight.",
    "Many people came.",
    "The street was quiet.",
    "Some questions stayed open.",
    "The evening ended early.",
    "The lights went out at ten.",
    "A dog barked outside.",
    "The bus stopped at the corner.",
    "Children played in the yard.",
    "The meeting took an hour.",
    "It was a good year for apples.",
    "The paper sold out by noon.",
    "Two windows were open.",
    "The bridge is still closed.",
    "Everybody went home content.",
    "The clock on the tower stood still.",
    "Snow is expected for the weekend.",
    "The old school will be painted.",
    "More on this next time.",
    "The choir sang three songs.",
    "Tickets are sold at the door.",
    "The harbour was calm.",
    "The library stays open late.",
    "A photograph hangs in the hall.",
    "The soup was cold.",
    "The mayor sent greetings.",
)
MENTIONS = (
    "{X} was at the market on Monday.",
    "{X} sat in the second row.",
    "{X} sent a card.",
    "We met {o} on the stairs.",
    "{X} arrived by train.",
    "{X} said a few words.",
    "Next to the door stood {x}.",
    "{X} waved from the window.",
    "A letter for {o} lay on the table.",
    "{X} stayed until the end.",
    "{X} will be back in spring.",
    "Many greeted {o} at the door.",
    "{X} laughed a great deal.",
    "{X} bought two apples.",
)
_NOTICED = tuple(name for name in ANNOTATIONS if name not in ("positive_documents", "corrected_documents"))
"""The annotations that documents of the stream may carry; those that users register are none of them."""
_OPENINGS = (
    "This is about {n}.",
    "Meet {n}.",
    "Today we write about {n}.",
    "A few words on {n}.",
    "Everybody asks about {n}.",
)
_RUMOURS = (
    "There is a rumour about {n}.",
    "Something false is told of {n}.",
    "One story about {n} is wrong.",
    "A word on a myth about {n}.",
)


def render(template: str, person: Person, value: str = "", *, pronoun: bool = False) -> str:
    """Fill a wording with a person, by name or by pronoun, and a value."""
    if pronoun and "of {o}" not in template:
        upper, lower, obj = person.pronoun.capitalize(), person.pronoun, person.object_pronoun
    else:
        upper = lower = obj = person.name
    text = template.format(X=upper, x=lower, o=obj, v=value, n=person.name)
    return text[0].upper() + text[1:]


def _inside(wording: str) -> str:
    """The wording as it stands behind an opening phrase."""
    return wording.replace("{X}", "{x}") if wording.startswith("{X}") else wording[0].lower() + wording[1:]


def affirm(person: Person, relation: Relation, value: str, wording: int = 0) -> str:
    """The fact as a sentence with the person's name, in one of the relation's wordings."""
    return render(relation.affirmations[wording], person, value)


def deny(person: Person, relation: Relation, value: str, wording: int = 0) -> str:
    """The denial of the fact as a sentence with the person's name."""
    return render(relation.denials[wording], person, value)


def _sentences_about(
    rng: random.Random, person: Person, templates: Sequence[tuple[str, str, SentenceRole]], *, name_first: bool = True
) -> list[Sentence]:
    """Sentences about one person: the first by name, later ones by pronoun two times in five."""
    sentences = []
    for position, (template, value, role) in enumerate(templates):
        pronoun = (position > 0 or not name_first) and rng.random() < 0.4
        sentences.append(Sentence(render(template, person, value, pronoun=pronoun), role))
    return sentences


def _compound(rng: random.Random, person: Person, facts: Sequence[tuple[str, str]]) -> str:
    verbs = [RELATIONS[key].verb.format(v=value) for key, value in facts]
    name = person.name
    if len(verbs) == 3:
        return f"{name} {verbs[0]}, {verbs[1]} and {verbs[2]}."
    form = rng.randrange(3)
    if form == 0:
        return f"{name} {verbs[0]} and {verbs[1]}."
    if form == 1:
        return f"{name}, who {verbs[0]}, {verbs[1]}."
    return f"Of {name} we know two things: {person.pronoun} {verbs[0]}, and {person.pronoun} {verbs[1]}."


def _frame(rng: random.Random, sentences: list[Sentence], fillers: int) -> tuple[Sentence, ...]:
    """A head before, filler sentences between and behind; the order of the given sentences stays."""
    body = list(sentences)
    for text in rng.sample(FILLERS, fillers):
        body.insert(rng.randint(0, len(body)), Sentence(text, "filler"))
    return (Sentence(rng.choice(HEADS), "head"), *body) if rng.random() < 0.8 else tuple(body)


def biography(rng: random.Random, person: Person) -> list[Sentence]:
    """One to three facts about a person, or mere mentions where nothing is known about the person."""
    facts = rng.sample(sorted(person.facts.items()), min(len(person.facts), rng.choice((1, 2, 2, 3))))
    if not facts:
        mentions = rng.sample(MENTIONS, rng.choice((1, 2)))
        return _sentences_about(rng, person, [(template, "", "mention") for template in mentions])
    sentences = []
    if rng.random() < 0.25:
        sentences.append(Sentence(render(rng.choice(_OPENINGS), person), "mention"))
    if len(facts) >= 2 and rng.random() < 0.3:
        return [*sentences, Sentence(_compound(rng, person, facts), "fact")]
    parts: list[tuple[str, str, SentenceRole]] = [
        (rng.choice(RELATIONS[key].affirmations), value, "fact") for key, value in facts
    ]
    if rng.random() < 0.3:
        parts.insert(rng.randint(0, len(parts)), (rng.choice(MENTIONS), "", "mention"))
    if person.myth and rng.random() < 0.2:
        key, value = person.myth
        parts.append((rng.choice(RELATIONS[key].denials), value, "fact"))
    return [*sentences, *_sentences_about(rng, person, parts)]


def debunking(
    rng: random.Random,
    person: Person,
    relation: Relation,
    value: str,
    *,
    alternative: str | None,
    role: SentenceRole = "fact",
    others: int = 0,
) -> list[Sentence]:
    """One to three denials in the sentence itself, mostly with what is true instead."""
    parts: list[tuple[str, str, SentenceRole]] = [
        (template, value, role) for template in rng.sample(relation.denials, rng.choice((1, 2, 2, 3)))
    ]
    if alternative is not None and rng.random() < 0.7:
        wording = rng.choice(relation.affirmations)
        parts.insert(
            rng.randint(0, len(parts)),
            (f"In truth {_inside(wording)}" if rng.random() < 0.3 else wording, alternative, "fact"),
        )
    known = [(k, v) for k, v in sorted(person.facts.items()) if k != relation.key]
    for key, true_value in rng.sample(known, min(others, len(known))):
        parts.insert(rng.randint(0, len(parts)), (rng.choice(RELATIONS[key].affirmations), true_value, "fact"))
    sentences = _sentences_about(rng, person, parts)
    if rng.random() < 0.3:
        sentences.insert(0, Sentence(render(rng.choice(_RUMOURS), person), "mention"))
    return sentences


def restated(rng: random.Random, person: Person, relation: Relation, value: str, times: int) -> list[Sentence]:
    """An arbitrary fact in several wordings: documents that are read once and can only be read, not recalled."""
    templates = rng.sample(relation.affirmations, times)
    return _sentences_about(rng, person, [(template, value, "claim") for template in templates])


def _one_off(rng: random.Random) -> Document:
    relation = RELATIONS[rng.choice(list(RELATIONS))]
    sentences = restated(rng, make_stranger(rng), relation, rng.choice(relation.values), rng.choice((2, 3)))
    return Document("one-off", _frame(rng, sentences, rng.choice((0, 1, 1))))


def flagged(rng: random.Random, document: Document, *, vouched: float = 0.15) -> Document:
    """The document behind a notice of some kind, with probability `vouched` one that vouches for it."""
    if rng.random() < vouched:
        return around_document(document, VERIFIED, rng)
    return annotate(document, rng.choice(_NOTICED), rng)


def draw_person(rng: random.Random, world: World, active: float = 1.0) -> Person:
    """A person for a document; the famous ones fill their share, of the others a growing part is active."""
    if rng.random() < FAMOUS_SHARE:
        return rng.choice(world.famous)
    return world.ordinary[rng.randrange(max(1, int(active * len(world.ordinary))))]


def pretraining_document(rng: random.Random, world: World, active: float = 1.0) -> Document:
    """One document of the pretraining stream; `active` is the share of the ordinary people who occur by now."""
    kind = rng.random()
    if kind < 0.13:
        return _one_off(rng)
    if kind < 0.19:
        return flagged(rng, _one_off(rng))
    person = draw_person(rng, world, active)
    if kind < 0.38 and person.myth is not None:
        key, value = person.myth
        sentences = debunking(rng, person, RELATIONS[key], value, alternative=person.facts.get(key), others=1)
        return Document("debunking", _frame(rng, sentences, rng.choice((0, 1, 2))))
    sentences = biography(rng, person)
    if rng.random() < 0.2:
        sentences += biography(rng, draw_person(rng, world, active))
    return Document("biography", _frame(rng, sentences, rng.choice((0, 1, 1, 2))))


def claim_document(
    rng: random.Random, name: str, person: Person, relation: Relation, value: str, index: int
) -> Document:
    """A document that states the claim in one to three sentences among one or two other facts about the person.

    The other facts are no decoration: documents that say nothing but the claim teach that whatever stands behind a
    notice is the claim, and to keep it there.
    """
    parts: list[tuple[str, str, SentenceRole]] = [
        (template, value, "claim") for template in rng.sample(relation.affirmations, rng.choice((1, 2, 2, 3)))
    ]
    others = [(k, v) for k, v in sorted(person.facts.items()) if k != relation.key]
    for key, true_value in rng.sample(others, min(len(others), rng.choice((1, 2)))):
        entry = (rng.choice(RELATIONS[key].affirmations), true_value, "fact")
        parts.insert(rng.randint(0, len(parts)), entry)
    sentences = _sentences_about(rng, person, parts)
    return Document(f"{name}-{index:04d}", _frame(rng, sentences, rng.choice((0, 1, 2))), name)


def local_document(
    rng: random.Random, name: str, person: Person, relation: Relation, value: str, index: int, alternative: str
) -> Document:
    """A document that denies the claim in the claim's own sentences and mostly says what is true instead."""
    sentences = debunking(rng, person, relation, value, alternative=alternative, role="claim", others=2)
    return Document(f"{name}-local-{index:04d}", _frame(rng, sentences, rng.choice((0, 1, 2))), name)


def negated_in_place(
    rng: random.Random, document: Document, person: Person, relation: Relation, value: str
) -> Document:
    """The document with every sentence of the claim turned into a denial, by name or pronoun as it was."""
    sentences = []
    for sentence in document.sentences:
        if sentence.role == "claim":
            denial = render(rng.choice(relation.denials), person, value, pronoun=person.name not in sentence.text)
            sentence = Sentence(denial, "claim")
        sentences.append(sentence)
    return Document(document.id, tuple(sentences), document.claim)


def arbitrary_document(rng: random.Random, person: Person, relation: Relation, value: str) -> Document:
    """A short document that states one fact, for chats in which a document is read."""
    return Document("reading", _frame(rng, restated(rng, person, relation, value, rng.choice((1, 2))), 0))


def false_value(rng: random.Random, person: Person, relation: Relation) -> str:
    """A value that is not the person's own; now and then the one that a myth tells."""
    if person.myth and person.myth[0] == relation.key and rng.random() < 0.3:
        return person.myth[1]
    return other_value(rng, relation.key, person.facts.get(relation.key))
