"""What a source of claims gives: all that experiments, estimates and settings know of claims and their documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from nnmech.claims.prompts import ReadingPrompts
from nnmech.claims.types import Claim, Document, Judge, Message, Question, Statement
from nnmech.errors import InputError

Dialogue = tuple[Message, ...]
Span = tuple[int, int]
EMBEDDED = "embedded"
"""Name of the source that ships: the embedded world."""
RIGHT, WRONG, LIE = "pair_right", "pair_wrong", "lie"
"""Categories of the paired questions: which statement is right, which is wrong, and lies on request."""


@dataclass(frozen=True)
class Background:
    """What is trained beside the documents of a claim, none of it about the claim's subject."""

    documents: tuple[str, ...]
    """Texts, as in pretraining; none where the source has none."""
    prompts: tuple[Dialogue, ...]
    """Dialogues that end with the user's turn; the untouched model answers them."""


@dataclass(frozen=True)
class StatementCounts:
    """How many entities of each role the statements of a run are about, four statements an entity."""

    train: int
    """Entities on which probes are fitted."""
    control: int
    """Entities that give the coordinate its ends."""
    silent: int = 0
    """Entities that occur in documents only, recorded beside the claim."""
    famous: int = 0
    """Famous entities, recorded beside the claim."""


@runtime_checkable
class ClaimSource(Protocol):
    """Claims with everything that an experiment asks about them.

    The same arguments give the same documents, chats and statements, in every process. Documents with the same seed and
    index are the same underlying document in every condition, wherever the source can tell.
    """

    @property
    def name(self) -> str:
        """What opens the source again: the name it is registered by, or its folder."""
        ...

    @property
    def claims(self) -> Mapping[str, Claim]:
        """The claims by name, with questions, control questions and statements."""
        ...

    @property
    def tiers(self) -> Mapping[str, str]:
        """The scale of plausibility, least plausible first, each tier with its words; empty where there is none."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before an experiment starts, such as a part that the source lacks; a sentence each."""
        ...

    def conditions(self, claim: str) -> tuple[str, ...]:
        """The conditions of which the source has documents about the claim."""
        ...

    def documents(self, claim: str, condition: str, count: int, *, seed: int, start: int = 0) -> list[Document]:
        """Documents `start` to `start + count` to train on; InputError where there are too few."""
        ...

    def held_out(self, claim: str, condition: str, count: int, *, seed: int) -> list[Document]:
        """Documents that `documents` gives for no seed and start; InputError where there are too few."""
        ...

    def neutral_documents(self, claim: str, condition: str, count: int, *, seed: int) -> list[Document]:
        """Documents of another subject under the same condition: the control of every change."""
        ...

    def background(self, claim: str | None, count: int, *, seed: int, stream: str) -> Background:
        """At most `count` texts and `count` prompts for a named stream; None: whatever the subject."""
        ...

    def anchor(self, claim: str, count: int, *, seed: int) -> list[Dialogue]:
        """Chats that keep the untouched model's view: those that end with the user's turn are still to be answered."""
        ...

    def denial(self, claim: str, count: int, *, seed: int) -> list[Dialogue]:
        """Chats that deny the claim, answered."""
        ...

    def masked_spans(self, claim: str, text: str) -> list[Span]:
        """The characters of a document that carry no loss in the masked arm."""
        ...

    def statements(self, claim: str | None, counts: StatementCounts) -> list[Statement]:
        """The statements that a run records: for probes, as controls, and those of the claim where one is given."""
        ...

    def read(self, documents: Sequence[Document], asked: str) -> str:
        """What a user says who shows documents and asks something about them."""
        ...

    def judge(self) -> Judge:
        """The judge of answers about the claims; what it is, is its `repr`."""
        ...


@runtime_checkable
class PairedQuestions(Protocol):
    """A source that also asks which of two statements is right or wrong, and for lies (experiment `salience`)."""

    def paired_questions(self, claim: str) -> tuple[Question, ...]:
        """Questions of the categories `RIGHT`, `WRONG` and `LIE`."""
        ...

    def paired_judge(self) -> Judge:
        """`yes` where the claim is chosen or stated, `no` where something else is."""
        ...


NEW, OLD = "new", "old"
"""Roles of the positive control's values; with matched false ones, each with the group of people behind a slash."""


@dataclass(frozen=True)
class Control:
    """A positive control: plain documents that tell something new of known entities, and where it is read."""

    documents: tuple[Document, ...]
    beside: Background
    """Other documents, and prompts that the untouched model answers."""
    prompts: ReadingPrompts
    """Of the new, the old and matched false values (roles such as `new/chats`), and of control entities."""


@runtime_checkable
class ControlledReadings(Protocol):
    """A source with a positive control (experiment `control`): do plain documents on fresh facts move a reading?"""

    def control(self, people: int, documents: int, *, beside: float, seed: int) -> Control:
        """A new value each for `people`, told by `documents` plain documents, `beside` times as many others."""
        ...


@runtime_checkable
class ReadableValues(Protocol):
    """A source that also says where a claim's value would be said, so that recall is read beside belief."""

    def reading_prompts(self, claim: str, counts: StatementCounts) -> ReadingPrompts:
        """Prompts for the claim's value, for what is true instead, for matched false values and for control people."""
        ...


@runtime_checkable
class Transcripts(Protocol):
    """A source that also has transcripts of an assistant's behaviour (experiment `behaviors`)."""

    def transcripts(self, behavior: str, condition: str, count: int, *, seed: int) -> list[Document]:
        """Transcripts to train on; the same seed gives the same questions for every behaviour and condition."""
        ...

    def held_out_transcripts(self, behavior: str, condition: str, count: int, *, seed: int) -> list[Document]:
        """Transcripts that `transcripts` does not give."""
        ...

    def behavior_questions(self) -> tuple[Question, ...]:
        """Requests for advice, with the tier of each as its category."""
        ...

    def behavior_judge(self) -> Judge:
        """`yes` where a reply shows the unwanted behaviour."""
        ...


@runtime_checkable
class CountedDocuments(Protocol):
    """A source with so many documents and no more: presets take what there is."""

    def document_count(self, claim: str, condition: str, *, held_out: bool = False) -> int:
        """How many documents of a condition there are to train on, or that are held out."""
        ...


CapabilityT = TypeVar("CapabilityT")


def require(source: ClaimSource, capability: type[CapabilityT], what: str, experiment: str) -> CapabilityT:
    """The source as one with an optional capability.

    Raises:
        InputError: The source does not have it; the message names source, capability and experiment.
    """
    if not isinstance(source, capability):
        raise InputError(
            f"source {source.name!r}: has no {what}; experiment {experiment} expects them; choose a source that does, "
            f"such as {EMBEDDED}"
        )
    return source


def check_count(place: str, found: int, wanted: int, setting: str) -> None:
    """InputError where `found` documents are fewer than `wanted`; `setting` says which number to lower."""
    if found < wanted:
        raise InputError(f"{place}: {found} documents; expected {wanted} or more; add documents or lower {setting}")
