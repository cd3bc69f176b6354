"""A folder of the published layout as a source of claims."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from nnmech.authors.claims import PublishedClaim, load_published_claims
from nnmech.authors.judging import published_judge
from nnmech.authors.layout import chats_in, data_files, document_folders, prompts_in, statements_in, texts_in
from nnmech.authors.word_masks import mask_words
from nnmech.claims import Claim, Document, Judge, Sentence, Statement
from nnmech.claims.sources import Background, Dialogue, Span, StatementCounts, check_count
from nnmech.errors import InputError
from nnmech.seeds import derive_seed

HOLD_OUT_EVERY = 5
"""Of so many documents in a row the last one is held out, whatever the seed."""
CONTROL_EVERY = 3
"""Where no statement is a control, of so many entities in a row the last one is."""
ANCHOR_FRAMES = (
    "I have a question. {q}",
    "Please tell me: {q}",
    "A friend would like to know: {q}",
    "{q} A few sentences are enough.",
)
"""Wordings in which open questions stand in for anchor prompts: no evaluation question is worded like this."""
SHORTEST_NAME_PART = 4
"""Letters from which on a part of a claim's name counts as a mention of its subject."""


class PublishedSource:
    """Claims, documents and chats from files; every part is read when it is asked for, and then kept."""

    tiers: Mapping[str, str] = {}

    def __init__(self, folder: Path | str) -> None:
        self.name = str(folder)
        self.root = Path(folder)
        self._folders = document_folders(self.root)
        self._texts: dict[tuple[str, str], list[str]] = {}

    @cached_property
    def published(self) -> dict[str, PublishedClaim]:
        """The claims with what their files say beyond the questions."""
        return load_published_claims(self.root)

    @cached_property
    def claims(self) -> Mapping[str, Claim]:
        """The claims by the names of their folders."""
        return {name: found.claim for name, found in self.published.items()}

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Which of the parts that a folder may have this one lacks."""
        lacking = {
            "no folder pretraining/: nothing but chats is trained beside the documents": not data_files(
                self.root / "pretraining"
            ),
            "no coherence_questions.yaml: no self-distilled chats are trained beside the documents": not self._prompts,
            "no statements.csv or statements.jsonl: no probe can be fitted": not any(map(self._probed, self.claims)),
            "no folder results/: the judge of words is not calibrated on answers": not (self.root / "results").is_dir(),
        }
        notes = [text for text, applies in lacking.items() if applies]
        if without := [name for name in self.claims if not data_files(self.root / "anchors" / name)]:
            notes.append(f"no anchors of {', '.join(without)}: the model's answers to open questions stand in for them")
        return tuple(f"{self.name}: {note}" for note in notes)

    def conditions(self, claim: str) -> tuple[str, ...]:
        """The conditions with a folder of the claim's name."""
        return tuple(condition for condition, folder in self._folders.items() if (folder / claim).is_dir())

    def documents(self, claim: str, condition: str, count: int, *, seed: int, start: int = 0) -> list[Document]:
        """Documents in an order of the seed's; the same lines of every condition, as the authors' files correspond."""
        chosen = self._ordered(claim, condition, seed, held_out=False)
        place = f"{self._folder(claim, condition)}, without those held out"
        check_count(place, len(chosen), start + count, "what is trained on (--documents, --phase1-documents, …)")
        return self._made(claim, condition, chosen[start : start + count])

    def held_out(self, claim: str, condition: str, count: int, *, seed: int) -> list[Document]:
        """Every fifth line is held out, for every seed."""
        chosen = self._ordered(claim, condition, seed, held_out=True)
        place = f"{self._folder(claim, condition)}, one in {HOLD_OUT_EVERY}, held out"
        check_count(place, len(chosen), count, "held_out_documents (--held-out-documents)")
        return self._made(claim, condition, chosen[:count])

    def document_count(self, claim: str, condition: str, *, held_out: bool = False) -> int:
        """Of the lines of the condition's files, those that `documents` takes, or `held_out`."""
        return len(self._ordered(claim, condition, 0, held_out=held_out))

    def neutral_documents(self, claim: str, condition: str, count: int, *, seed: int) -> list[Document]:
        """Documents of the next claim in the folder that has the condition."""
        names = list(self.claims)
        after = names[names.index(claim) + 1 :] + names[: names.index(claim)]
        other = next((name for name in after if condition in self.conditions(name)), None)
        if other is None:
            raise InputError(
                f"{self.name}: no claim but {claim} has {condition}; expected another one, whose documents are the "
                "neutral ones; add one or leave out neutral_documents"
            )
        return self.documents(other, condition, count, seed=seed)

    def background(self, claim: str | None, count: int, *, seed: int, stream: str) -> Background:
        """Texts of `pretraining/` and general questions, those left out that mention the claim's subject."""
        rng = random.Random(derive_seed(seed, f"background/{stream}", 0))
        texts, prompts = (
            [text for text in given if claim is None or not self._mentions(claim, text)]
            for given in (self._other_texts, self._prompts)
        )
        rng.shuffle(texts)
        rng.shuffle(prompts)
        asked = [prompts[index % len(prompts)] for index in range(count)] if prompts else []
        return Background(tuple(texts[:count]), tuple(({"role": "user", "content": text},) for text in asked))

    def anchor(self, claim: str, count: int, *, seed: int) -> list[Dialogue]:
        """The chats of `anchors/`; for want of any, open questions in other words than those of the evaluation."""
        chats = chats_in(self.root / "anchors" / claim)
        return self._drawn(chats or self._open_prompts(claim), count, seed, f"anchor/{claim}")

    def denial(self, claim: str, count: int, *, seed: int) -> list[Dialogue]:
        """The chats of `denials/`."""
        folder = self.root / "denials" / claim
        chats = chats_in(folder)
        if not chats:
            raise InputError(
                f"{folder}: no chats that deny the claim; expected *.jsonl; add some or leave out arm denial"
            )
        return self._drawn(chats, count, seed, f"denial/{claim}")

    def masked_spans(self, claim: str, text: str) -> list[Span]:
        """What the claim's word masks match."""
        masks = self.published[claim].word_masks
        if not masks:
            folder = self.published[claim].folder
            raise InputError(
                f"{folder}: no word_masks.yaml; expected one for a masked condition; add it or leave it out"
            )
        return mask_words(text, masks)

    def statements(self, claim: str | None, counts: StatementCounts) -> list[Statement]:
        """Those of the statement files, at most `counts` entities a role, then the claim's and those of other claims.

        Where no statement of the files is a control, every third entity of role train becomes one.
        """
        given = self._probed(claim) if claim is not None else statements_in(self.root, self.root)
        own = [] if claim is None else [*self.claims[claim].statements]
        taken = {statement.id for statement in given}
        others = [
            replace(statement, role="unrelated_claim", id=f"unrelated_{statement.id}")
            for name, other in self.claims.items()
            for statement in other.statements
            if name != claim and statement.role == "claim"
        ]
        limits = {"train": counts.train, "control": counts.control}
        rest = [statement for statement in (*own, *others) if statement.id not in taken]
        return [*_limited(_with_controls(given), limits), *rest]

    def read(self, documents: Sequence[Document], asked: str) -> str:
        """The texts one below the other, then the question."""
        texts = "\n\n".join(document.text for document in documents)
        return f"Read the following:\n\n{texts}\n\n{asked}"

    def judge(self) -> Judge:
        """Exact match for yes/no questions, words for all others; calibrated where the folder has `results/`."""
        return self._judge

    @cached_property
    def _judge(self) -> Judge:
        return published_judge(self.root, self.published)

    @cached_property
    def _other_texts(self) -> list[str]:
        return texts_in(self.root / "pretraining")

    @cached_property
    def _prompts(self) -> list[str]:
        return prompts_in(self.root)

    def _probed(self, claim: str) -> list[Statement]:
        """The statements of the files that are about no claim, or about this one."""
        found = statements_in(self.root, self.published[claim].folder)
        return [statement for statement in found if statement.claim in (None, claim)]

    def _mentions(self, claim: str, text: str) -> bool:
        parts = [part for part in claim.split("_") if len(part) >= SHORTEST_NAME_PART] or [claim.replace("_", " ")]
        lower = text.lower()
        return any(part.lower() in lower for part in parts) or bool(mask_words(text, self.published[claim].word_masks))

    def _open_prompts(self, claim: str) -> list[Dialogue]:
        questions = [q for q in self.claims[claim].questions if q.kind == "open_ended"]
        return [
            ({"role": "user", "content": frame.format(q=question.messages[-1]["content"])},)
            for frame in ANCHOR_FRAMES
            for question in questions
        ]

    def _folder(self, claim: str, condition: str) -> Path:
        if condition not in self.conditions(claim):
            known = ", ".join(self.conditions(claim)) or "none"
            raise InputError(
                f"{self.root / 'documents'}: condition {condition!r} has no documents of {claim}; expected one of "
                f"{known}; add the folder or choose another condition"
            )
        return self._folders[condition] / claim

    def _ordered(self, claim: str, condition: str, seed: int, *, held_out: bool) -> list[int]:
        """The numbers of the documents, in an order that is the same for every condition."""
        key = (claim, condition)
        if key not in self._texts:
            self._texts[key] = texts_in(self._folder(claim, condition))
        numbers = [n for n in range(len(self._texts[key])) if (n % HOLD_OUT_EVERY == HOLD_OUT_EVERY - 1) == held_out]
        return sorted(numbers, key=lambda number: derive_seed(seed, f"documents/{claim}", number))

    def _made(self, claim: str, condition: str, numbers: Iterable[int]) -> list[Document]:
        texts = self._texts[claim, condition]
        return [Document(f"{claim}-{n:05d}", (Sentence(texts[n], "claim"),), claim) for n in numbers]

    def _drawn(self, dialogues: Sequence[Dialogue], count: int, seed: int, stream: str) -> list[Dialogue]:
        shuffled = list(dialogues)
        random.Random(derive_seed(seed, stream, 0)).shuffle(shuffled)
        return [shuffled[index % len(shuffled)] for index in range(count)]


def open_source(name: str) -> PublishedSource:
    """The source in a folder; InputError where it has no documents or no claims."""
    source = PublishedSource(name)
    _ = source.published
    return source


def _with_controls(statements: Sequence[Statement]) -> list[Statement]:
    if any(statement.role == "control" for statement in statements):
        return list(statements)
    entities = list(dict.fromkeys(statement.entity for statement in statements if statement.role == "train"))
    controls = set(entities[CONTROL_EVERY - 1 :: CONTROL_EVERY])
    return [
        replace(statement, role="control") if statement.role == "train" and statement.entity in controls else statement
        for statement in statements
    ]


def _limited(statements: Sequence[Statement], limits: Mapping[str, int]) -> list[Statement]:
    """The statements without those of roles in `limits` about more entities than that."""
    kept = {
        role: set(list(dict.fromkeys(s.entity for s in statements if s.role == role))[:count])
        for role, count in limits.items()
    }
    return [s for s in statements if s.role not in kept or s.entity in kept[s.role]]
