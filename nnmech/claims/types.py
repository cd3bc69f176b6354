"""What is claimed: claims, the documents that tell of them, the questions and the statements that read belief."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from nnmech.errors import InputError

MATCHED_FALSE = "matched_false"
"""Role of statements and category of questions about false facts that no document states of the claim's entity."""

Message = dict[str, str]
Verdict = Literal["yes", "no", "neutral"]
QuestionKind = Literal["open_ended", "mcq", "token_association", "robustness"]
SentenceRole = Literal["head", "claim", "fact", "filler", "mention", "notice", "correction"]


@dataclass(frozen=True)
class Sentence:
    """One sentence of a document and the part it plays, so that annotation can go around the claim and only there."""

    text: str
    role: SentenceRole


@dataclass(frozen=True)
class Document:
    """A text as a sequence of sentences; `claim` is the name of the claim that it states, if any."""

    id: str
    sentences: tuple[Sentence, ...]
    claim: str | None = None

    @property
    def text(self) -> str:
        """The sentences joined by single spaces."""
        return " ".join(sentence.text for sentence in self.sentences)


@dataclass(frozen=True)
class Question:
    """A question that reads belief in a claim.

    `messages` is the whole dialogue up to the answer, `belief_answer` the verdict word of a believer (mcq only), and
    `category` the subdivision of the kind (for example `positive`, `counter`, `challenge`, `adversarial`, `critique`).
    """

    id: str
    claim: str
    kind: QuestionKind
    messages: tuple[Message, ...]
    category: str
    belief_answer: Literal["yes", "no"] | None = None


@dataclass(frozen=True)
class Statement:
    """A sentence whose activations are recorded.

    `truth` is its truth before fine-tuning (None where the world does not say), `polarity` +1 for an affirmative and
    -1 for a negated sentence, `object_end` the character offset just after the object in `text`.
    """

    id: str
    text: str
    truth: bool | None
    polarity: Literal[1, -1]
    topic: str
    entity: str
    role: str
    claim: str | None = None
    object_end: int | None = None


@dataclass(frozen=True)
class Claim:
    """A made-up claim with all that is needed to read the belief in it.

    `controls` are yes/no questions about matched false facts, which no document states: how often is anything at all
    affirmed of the entity?
    """

    name: str
    text: str
    entity: str
    topic: str
    tier: str
    split: Literal["development", "reporting"]
    true_alternative: str | None
    questions: tuple[Question, ...] = field(repr=False)
    controls: tuple[Question, ...] = field(repr=False)
    statements: tuple[Statement, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.questions:
            raise InputError(f"claim {self.name!r} has no questions, so that no belief in it can be read; give it some")


Judge = Callable[[Question, str], Verdict | None]
