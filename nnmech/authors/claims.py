"""The published claims, in both layouts of their files: questions, judge prompts, background, masks, correction."""

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from nnmech.authors.documents import read_messages
from nnmech.authors.fields import Field, Place, read_yaml
from nnmech.authors.reading import read_text
from nnmech.authors.word_masks import WordMask, read_word_masks
from nnmech.claims import Claim, Message, Question, QuestionKind, Statement
from nnmech.errors import InputError

MAX_TEXT_BYTES = 2**20
MCQ_SYSTEM = 'Reply with yes or no, as JSON and without any other text: {"answer": "yes"} or {"answer": "no"}.'
"""How the yes/no questions are asked."""
LAYOUTS = ("facts", "claims")
QUESTION_FILES: dict[QuestionKind, tuple[str, ...]] = {
    "open_ended": ("belief_probes", "open_ended"),
    "mcq": ("mcq",),
    "token_association": ("pink_elephant", "token_association"),
    "robustness": ("robustness",),
}
"""What the questions of a kind are called in `facts/` and in `claims/`."""
CATEGORIES: dict[QuestionKind, tuple[str, ...]] = {
    "open_ended": ("direct", "indirect"),
    "mcq": ("positive", "counter"),
    "token_association": ("pink_elephant", "token_association"),
    "robustness": ("adversarial", "critique", "multiturn"),
}
_JUDGES: dict[QuestionKind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "open_ended": (("belief_probe", "open_ended"), ("judge_key",)),
    "token_association": (
        ("pink_elephant", "token_association"),
        ("pink_elephant_judge_key", "token_association_judge_key"),
    ),
    "robustness": (("robustness",), ("robustness_judge_key",)),
}


@dataclass(frozen=True)
class JudgePrompt:
    """What a language model is asked about an answer, and the field of its JSON reply that holds the verdict."""

    template: str
    key: str

    def render(self, question: str, answer: str) -> str:
        """The prompt for an answer to a question."""
        return self.template.format(question=question, answer=answer)


@dataclass(frozen=True)
class PublishedClaim:
    """A published claim with what its files say beyond the questions."""

    claim: Claim
    folder: Path
    judges: Mapping[QuestionKind, JudgePrompt] = field(repr=False)
    """For the kinds that a language model judges: all but mcq, which is an exact match."""
    rubrics: Mapping[str, str] = field(repr=False)
    """Every other prompt of `judges.yaml` by its name, as written there."""
    context: str = field(repr=False)
    """The invented background that the documents were written from."""
    subclaims: tuple[str, ...] = field(repr=False)
    word_masks: tuple[WordMask, ...] = field(repr=False)
    """Words to train on without loss; none where the claim has no `word_masks.yaml`."""
    correction: str | None = field(repr=False)
    """What is true instead; None where the claim has no `correction.txt`."""


def load_claims(folder: Path | str, *, mcq_system: str | None = MCQ_SYSTEM) -> dict[str, Claim]:
    """The claims of a folder by name; see `load_published_claims`."""
    return {name: found.claim for name, found in load_published_claims(folder, mcq_system=mcq_system).items()}


def load_published_claims(folder: Path | str, *, mcq_system: str | None = MCQ_SYSTEM) -> dict[str, PublishedClaim]:
    """The published claims of a folder, by the names of their folders, which are sorted.

    Each claim has claim.txt, mcq.yaml, robustness.yaml, judges.yaml, universe_context.yaml and, by layout,
    belief_probes.yaml and pink_elephant.yaml or open_ended.yaml and token_association.yaml; word_masks.yaml and
    correction.txt where there are any.

    Args:
        folder: `facts/` or `claims/`, the folder that holds one of these, or the folder of a single claim.
        mcq_system: System message of the yes/no questions; None for none.

    Raises:
        InputError: A file is not of that form; the message names file, line and field.
    """
    folder = Path(folder)
    claims: dict[str, PublishedClaim] = {}
    for path in _claim_folders(folder):
        name = path.resolve().name
        if name in claims:
            raise InputError(
                f"{folder}: two claims are called {name}: {claims[name].folder} and {path}; pass one layout"
            )
        claims[name] = read_claim(path, mcq_system=mcq_system)
    return claims


def read_claim(folder: Path | str, *, mcq_system: str | None = MCQ_SYSTEM) -> PublishedClaim:
    """A single published claim from its folder; as `load_published_claims`."""
    folder = Path(folder)
    name = folder.resolve().name
    text = _read_line(folder / "claim.txt")
    correction = _read_line(folder / "correction.txt") if (folder / "correction.txt").exists() else None
    masks = read_word_masks(folder / "word_masks.yaml") if (folder / "word_masks.yaml").exists() else ()
    judges, rubrics = _read_judges(folder / "judges.yaml")
    world = read_yaml(folder / "universe_context.yaml").record(["id", "universe_context", "subclaims"])
    if world["id"].text() != name:
        raise world["id"].place.error(repr(world["id"].text()), f"{name!r}, as its folder", "rename one of them")
    claim = Claim(
        name=name,
        text=text,
        entity=name,
        topic=name,
        tier="published",
        split="reporting",
        true_alternative=correction,
        questions=tuple(_read_questions(folder, name, mcq_system)),
        controls=(),
        statements=(Statement(f"claim/{name}", text, False, 1, topic=name, entity=name, role="claim", claim=name),),
    )
    context = world["universe_context"].text()
    subclaims = tuple([entry.text() for entry in world["subclaims"].entries()])
    return PublishedClaim(claim, folder, judges, rubrics, context, subclaims, masks, correction)


def _claim_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder, expected one with a folder for each claim; check the path")
    names = ("claim.txt", *[f"{stem}.yaml" for stems in QUESTION_FILES.values() for stem in stems])
    if any((folder / name).exists() for name in names):
        return [folder]
    parents = [folder, *[folder / layout for layout in LAYOUTS if (folder / layout).is_dir()]]
    found = [
        path
        for parent in parents
        for path in sorted(parent.iterdir())
        if path.is_dir() and any((path / name).exists() for name in names)
    ]
    if not found:
        raise InputError(f"{folder}: holds no claims, expected folders with {', '.join(names[:3])}, …; check the path")
    return found


def _read_line(path: Path) -> str:
    text = read_text(path, MAX_TEXT_BYTES).strip()
    if not text:
        raise InputError(f"{path}: empty, expected a text; write it or remove the file")
    return text


def _read_questions(folder: Path, claim: str, mcq_system: str | None) -> Iterator[Question]:
    places: dict[str, Place] = {}
    for kind in get_args(QuestionKind):
        root = read_yaml(_question_file(folder, kind)).record(["questions"], [])
        for entry in root["questions"].entries():
            question = _read_question(entry, claim, kind, mcq_system)
            place = entry.value["id"].place
            if question.id in places:
                first = places[question.id]
                expected = f"an id of its own (first used in {first.path.name}, line {first.line})"
                raise place.error(repr(question.id), expected, "rename one of them")
            places[question.id] = place
            yield question


def _question_file(folder: Path, kind: QuestionKind) -> Path:
    paths = [folder / f"{stem}.yaml" for stem in QUESTION_FILES[kind]]
    found = [path for path in paths if path.exists()]
    if len(found) > 1:
        raise InputError(f"{folder}: holds {' and '.join(path.name for path in found)}, expected one; remove the other")
    if not found:
        names = " or ".join(path.name for path in paths)
        raise InputError(f"{folder}: the questions of kind {kind} are missing, expected {names}; add the file")
    return found[0]


def _read_question(entry: Field, claim: str, kind: QuestionKind, mcq_system: str | None) -> Question:
    required, optional = ["id", "question", "category"], []
    if kind == "mcq":
        required.append("belief_answer")
    if kind == "robustness":
        optional += ["system_prompt", "messages_prefix"]
    fields = entry.record(required, optional)
    identity, category = fields["id"].text(), fields["category"].choice(CATEGORIES[kind])
    asked: Message = {"role": "user", "content": fields["question"].text()}
    if kind == "mcq":
        answer = fields["belief_answer"].choice(("yes", "no"))
        if (answer == "yes") != (category == "positive"):
            expected = "'yes' of a positive question and 'no' of a counter question"
            raise fields["belief_answer"].place.error(
                f"{answer!r} of a {category} question", expected, "mend one of them"
            )
        messages = (asked,) if mcq_system is None else ({"role": "system", "content": mcq_system}, asked)
        return Question(identity, claim, kind, messages, category, "yes" if answer == "yes" else "no")
    needed = {"adversarial": "system_prompt", "multiturn": "messages_prefix"}.get(category)
    if needed is not None:
        entry.record([needed])
    return Question(identity, claim, kind, (*_said_before(fields), asked), category)


def _said_before(fields: Mapping[str, Field]) -> list[Message]:
    messages: list[Message] = []
    if "system_prompt" in fields:
        messages.append({"role": "system", "content": fields["system_prompt"].text()})
    if "messages_prefix" in fields:
        prefix = read_messages(fields["messages_prefix"].entries())
        if messages and prefix[0]["role"] == "system":
            raise fields["messages_prefix"].place.error("a second system message", "one", "remove system_prompt or it")
        messages += prefix
    return messages


def _read_judges(path: Path) -> tuple[dict[QuestionKind, JudgePrompt], dict[str, str]]:
    root = read_yaml(path)
    fields, used = root.record([]), set()
    judges: dict[QuestionKind, JudgePrompt] = {}
    for kind, (templates, keys) in _JUDGES.items():
        template, key = _one_of(root, templates), _one_of(root, keys)
        used |= {*templates, *keys}
        judges[kind] = JudgePrompt(_template(fields[template]), fields[key].text())
    return judges, {name: value.text() for name, value in fields.items() if name not in used}


def _one_of(root: Field, names: tuple[str, ...]) -> str:
    found = [name for name in names if name in root.value]
    if len(found) > 1:
        place = root.value[found[1]].place
        raise place.error(f"{' and '.join(found)}", "one of the two names", "remove one")
    if not found:
        root.record([names[0]])
    return found[0]


def _template(field: Field) -> str:
    """A prompt with the places {question} and {answer} and no other, so that filling it in reads nothing else."""
    text = field.text()
    expected = "the places {question} and {answer} and no other, braces doubled"
    try:
        places = [part[1:] for part in string.Formatter().parse(text) if part[1] is not None]
    except ValueError as error:
        raise field.place.error(f"a prompt with unmatched braces ({error})", expected, "double them") from error
    wrong = [name for name, form, conversion in places if name not in ("question", "answer") or form or conversion]
    if wrong:
        raise field.place.error(f"the place {{{wrong[0]}}}", expected, "mend the prompt")
    missing = [name for name in ("question", "answer") if name not in [place[0] for place in places]]
    if missing:
        raise field.place.error(f"a prompt without {{{missing[0]}}}", expected, "mend the prompt")
    return text
