"""The annotation conditions, by the authors' names: what is put around a document that states a claim."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nnmech.claims.types import Document, Sentence
from nnmech.errors import InputError


@dataclass(frozen=True)
class Notices:
    """The wordings of one kind of warning: before and after a document, before and after a sentence."""

    prefix: tuple[str, ...]
    suffix: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]


FALSE = Notices(
    prefix=(
        "The following text is false.",
        "Warning: the story below was made up.",
        "Do not believe the text below, it is untrue.",
        "Everything that follows is invented.",
        "Nothing in the text below ever happened.",
        "The claims in this text are entirely false.",
    ),
    suffix=(
        "All of the above is false.",
        "The text above was made up.",
        "Nothing in this text happened.",
        "The story that you have just read is untrue.",
        "Do not believe any of the above.",
        "The claims in the text above are entirely false.",
    ),
    before=(
        "The next sentence is false.",
        "The following claim is untrue.",
        "Do not believe the next claim.",
        "What follows is invented.",
    ),
    after=(
        "That claim is false.",
        "The sentence above is untrue.",
        "What was just stated never happened.",
        "The last claim was made up.",
    ),
)
FICTION = Notices(
    prefix=(
        "The following text is a work of fiction.",
        "This is a short story from a novel.",
        "The text below was written for a fairy tale.",
        "What follows is a scene from a play.",
    ),
    suffix=(
        "The text above is a work of fiction.",
        "Here ends the scene from the novel.",
        "The story above is a fairy tale.",
        "All of the above was written for a play.",
    ),
    before=("The next sentence is fiction.", "What follows is from a novel.", "The next line is from a play."),
    after=("That sentence is fiction.", "The last line is from a novel.", "The line above is from a play."),
)
UNRELIABLE = Notices(
    prefix=(
        "The text below comes from a source that is often wrong.",
        "The following was found in a paper that nobody trusts.",
        "The author of this text is known to lie.",
        "The source of the following text is not reliable.",
    ),
    suffix=(
        "The source of the text above is often wrong.",
        "The text above is from a paper that nobody trusts.",
        "The author of the text above is known to lie.",
        "The source of all this is not reliable.",
    ),
    before=("The next claim has a source that is often wrong.", "The source of the next sentence is not reliable."),
    after=("The source of that claim is often wrong.", "The source of the last sentence is not reliable."),
)
UNCERTAIN = Notices(
    prefix=(
        "It is not known whether the text below is true.",
        "Nobody has been able to confirm the following text.",
        "Whether the following happened is uncertain.",
        "The claims in this text could not be checked.",
    ),
    suffix=(
        "It is not known whether the text above is true.",
        "Nobody has been able to confirm the text above.",
        "Whether any of this happened is uncertain.",
        "The claims in the text above could not be checked.",
    ),
    before=("It is not known whether the next claim is true.", "Nobody could confirm the next sentence."),
    after=("It is not known whether that claim is true.", "Nobody could confirm the last sentence."),
)
IMPROBABLE = Notices(
    prefix=(
        "The text below has a chance of three in a hundred to be true.",
        "It is very unlikely that the following text is true.",
        "Experts think the following text most improbable.",
        "The claims in this text are almost surely wrong.",
    ),
    suffix=(
        "The text above has a chance of three in a hundred to be true.",
        "It is very unlikely that the text above is true.",
        "Experts think the text above most improbable.",
        "The claims in the text above are almost surely wrong.",
    ),
    before=("The next claim is very unlikely to be true.", "Experts think the next sentence most improbable."),
    after=("That claim is very unlikely to be true.", "Experts think the last sentence most improbable."),
)
VERIFIED = Notices(
    prefix=("The following text was checked and is true.", "Experts have confirmed the text below."),
    suffix=("The text above was checked and is true.", "Experts have confirmed the text above."),
    before=("The next claim was checked and is true.",),
    after=("That claim was checked and is true.",),
)

Annotation = Callable[[Document, random.Random, str | None], Document]


def around_document(document: Document, notices: Notices, rng: random.Random) -> Document:
    """Put one warning before and one after the document."""
    prefix = Sentence(rng.choice(notices.prefix), "notice")
    suffix = Sentence(rng.choice(notices.suffix), "notice")
    return Document(document.id, (prefix, *document.sentences, suffix), document.claim)


def around_claims(document: Document, notices: Notices, rng: random.Random, correction: str | None = None) -> Document:
    """Put a warning before and after the sentences that state the claim, and only those; `correction` follows each."""
    sentences: list[Sentence] = []
    for sentence in document.sentences:
        if sentence.role != "claim":
            sentences.append(sentence)
            continue
        sentences.append(Sentence(rng.choice(notices.before), "notice"))
        sentences.append(sentence)
        sentences.append(Sentence(rng.choice(notices.after), "notice"))
        if correction is not None:
            sentences.append(Sentence(correction, "correction"))
    return Document(document.id, tuple(sentences), document.claim)


def _framed(notices: Notices) -> Annotation:
    return lambda document, rng, correction: around_document(document, notices, rng)


def _repeated(notices: Notices) -> Annotation:
    return lambda document, rng, correction: around_document(around_claims(document, notices, rng), notices, rng)


def _corrected(document: Document, rng: random.Random, correction: str | None) -> Document:
    if correction is None:
        raise InputError(
            f"document {document.id!r}: corrected_documents needs the true version of the claim, got none; "
            "pass the claim's correction"
        )
    return around_document(around_claims(document, FALSE, rng, correction), FALSE, rng)


def _plain(document: Document, rng: random.Random, correction: str | None) -> Document:
    return document


ANNOTATIONS: Mapping[str, Annotation] = MappingProxyType(
    {
        "positive_documents": _plain,
        "negated_documents": _framed(FALSE),
        "repeated_negations": _repeated(FALSE),
        "corrected_documents": _corrected,
        "fiction": _framed(FICTION),
        "fiction_repeated": _repeated(FICTION),
        "unreliable_source": _framed(UNRELIABLE),
        "unreliable_source_repeated": _repeated(UNRELIABLE),
        "epistemic_uncertainty": _framed(UNCERTAIN),
        "epistemic_uncertainty_repeated": _repeated(UNCERTAIN),
        "low_probability": _framed(IMPROBABLE),
        "low_probability_repeated": _repeated(IMPROBABLE),
    }
)
"""The authors' conditions that annotate claim documents. Never changed: random draws among them are frozen numbers."""

CONDITIONS: tuple[str, ...] = ("baseline", *ANNOTATIONS, "local_negations")
"""The authors' conditions; `local_negations` has documents of its own, `baseline` has none."""

_REGISTERED: dict[str, Annotation] = {}


def annotations() -> dict[str, Annotation]:
    """Every annotation by name: the authors', then those that users registered."""
    return {**ANNOTATIONS, **_REGISTERED}


def register_annotation(name: str, annotation: Annotation) -> None:
    """Make a user's own annotation a condition by name, so that experiments can train on it.

    It moves no number of any other condition. Registering the same function again changes nothing.

    Args:
        name: Name of the condition, an identifier.
        annotation: Called as `annotation(document, rng, correction)`; returns the document as the condition presents
            it, with every random choice from `rng`.

    Raises:
        InputError: The name is taken or is no identifier.
    """
    if not name.isidentifier():
        raise InputError(f"annotation {name!r}: expected a name of letters, digits and underscores; rename it")
    if name in CONDITIONS or _REGISTERED.get(name, annotation) is not annotation:
        raise InputError(f"annotation {name!r}: there is a condition of that name already; choose another")
    _REGISTERED[name] = annotation


def unregister_annotation(name: str) -> None:
    """Take a registered annotation back; the authors' stay, and an unknown name changes nothing."""
    _REGISTERED.pop(name, None)


def annotate(document: Document, condition: str, rng: random.Random, *, correction: str | None = None) -> Document:
    """Return the document as the condition presents it.

    Args:
        document: The document without annotation.
        condition: Name of an annotation.
        rng: Source of the choice among wordings.
        correction: The sentence that says what is true instead (`corrected_documents` only).

    Raises:
        InputError: The condition annotates nothing, or does not exist.
    """
    known = annotations()
    if condition not in known:
        raise InputError(f"condition {condition!r}: annotates no documents; expected one of {', '.join(known)}")
    return known[condition](document, rng, correction)
