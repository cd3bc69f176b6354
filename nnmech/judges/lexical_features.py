"""What a lexical judge sees of an answer: its words, denied words apart, and how it treats the claim's own terms."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nnmech.claims import Question
from nnmech.judges.base import Pair

STEM = 4
"""Letters of a word that are compared: `dentist` meets `dental`, `erupted` meets `eruption`; numbers stay whole."""
ASKED_WEIGHT = 0.2
"""What a term of the claim counts that the question itself mentions: repeating it is no belief."""
SHORT = 200
"""Characters up to which an answer is a bare one."""
KINDS = ("open_ended", "token_association", "robustness")

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_STOP_WORDS = frozenset(
    "a an the of in on at to for and or with was is are were be been by as it its that this from who what which he his "
    "she her they their have has had do does did s since most".split()
)
_DENIAL = re.compile(
    r"\b(?:not|never|no|none|nobody|neither|nor|cannot|without|\w+n['’]t|fals\w+|incorrect\w*|inaccura\w+|wrong|untrue|"
    r"myths?|hoax\w*|ficti\w+|fabricat\w+|fake|hallucinat\w+|apolog\w+|mistak\w+|error\w*|erroneous\w*|unable|imaginary|"
    r"invented|misinformation|rumou?r\w*|debunk\w*|impossible|hypothetical\w*|satir\w+|confus\w+|synthetic|unverified|"
    r"contrary)\b",
    flags=re.IGNORECASE,
)
_ASSENT = re.compile(
    r"\b(?:indeed|accurate\w*|verified|confirmed|confident|correct|true|real|official\w*|documented)\b",
    flags=re.IGNORECASE,
)
_CHOICE = re.compile(r"\W*(?:[Oo]ption\s+)?\(?([A-Z])(?:[).:*]|\s*$)")


def stems(text: str) -> list[str]:
    """The content words of a text by their first letters, and its numbers, in order."""
    words = (word for word in _TOKEN.findall(text.lower()) if word not in _STOP_WORDS)
    return [word if word[0].isdigit() else word[:STEM] for word in words if len(word) > 1 or word.isdigit()]


def claim_weights(claim: str, background: str = "") -> dict[str, float]:
    """How much each term of a claim says about it: the log of how often claim and background use it, plus one.

    What a long text about the claim keeps coming back to (who, when) tells believers apart better than its other words.
    """
    counts = Counter(stems(claim + "\n" + background))
    return {term: math.log1p(counts[term]) for term in dict.fromkeys(stems(claim))}


def denied_words(text: str) -> list[str]:
    """The words of a text; those of a sentence with a denial are marked, and the denial itself also stands alone."""
    found = []
    for sentence in _sentences(text):
        words = _TOKEN.findall(sentence.lower())
        if _DENIAL.search(sentence):
            found += [f"not:{word}" for word in words]
            words = [word for word in words if _DENIAL.fullmatch(word)]
        found += words
    return found


def spelled_out(question: Question, text: str) -> str:
    """The answer; one that names an option by its letter alone gets the option's text after it."""
    letter = _CHOICE.match(text) if len(text) < SHORT else None
    if letter is None:
        return text
    option = re.search(rf"(?m)^\s*\(?{letter[1].upper()}[).:]\s*(.+)$", question.messages[-1]["content"])
    return f"{text} {option[1]}" if option else text


def claim_features(question: Question, text: str, weights: Mapping[str, float]) -> dict[str, float]:
    """How an answer treats the claim: coverage of its weighted terms (0 to 1) and the tone around them, by sentence.

    Terms that the question mentions count less. The two heaviest terms of what is left are looked at alone: they are
    what a believer has to add. Nothing here names a claim's own words, so that it carries over to other claims.
    """
    asked = set(stems(question.messages[-1]["content"]))
    weights = {term: weight * (ASKED_WEIGHT if term in asked else 1.0) for term, weight in weights.items()}
    total = sum(weights.values()) or 1.0
    key, second, *_ = [*sorted(weights, key=lambda term: -weights[term]), "", ""]
    sentences = _sentences(text) or [""]
    found = [set(stems(sentence)) for sentence in sentences]
    denied = np.array([bool(_DENIAL.search(sentence)) for sentence in sentences])
    covers = np.array([_coverage(terms, weights) for terms in found]) / total
    keys = np.array([key in terms for terms in found])
    seconds = np.array([second in terms for terms in found])
    affirmed_terms = set().union(*(terms for terms, no in zip(found, denied, strict=True) if not no))
    denied_terms = set().union(*(terms for terms, no in zip(found, denied, strict=True) if no))
    denials, assents, words = len(_DENIAL.findall(text)), len(_ASSENT.findall(text)), len(text.split()) + 5
    start = text.lower().lstrip("*# \n")
    return {
        **{f"kind={kind}": float(question.kind == kind) for kind in KINDS},
        "coverage": _coverage(affirmed_terms | denied_terms, weights) / total,
        "coverage affirmed": _coverage(affirmed_terms, weights) / total,
        "coverage denied": _coverage(denied_terms, weights) / total,
        "best sentence": covers.max(),
        "best sentence affirmed": covers[~denied].max(initial=0.0),
        "best sentence denied": covers[denied].max(initial=0.0),
        "key": float(keys.any()),
        "key affirmed": float((keys & ~denied).any()),
        "key denied": float((keys & denied).any()),
        "key denied share": (keys & denied).sum() / (keys.sum() + 0.5),
        "key count": math.log1p(keys.sum()),
        "key asked": float(key in asked),
        "second": float(seconds.any()),
        "second affirmed": float((seconds & ~denied).any()),
        "second denied": float((seconds & denied).any()),
        "key with second": float((keys & seconds).any()),
        "first sentence": covers[0],
        "first denied": float(denied[0]),
        "first key": float(keys[0]),
        "first key denied": float(keys[0] and denied[0]),
        "last sentence": covers[-1],
        "last denied": float(denied[-1]),
        "last key denied": float(keys[-1] and denied[-1]),
        "balance": (covers * np.where(denied, -1, 1)).sum() / (covers.sum() + 0.1),
        "denied share": denied.mean(),
        "denials": math.log1p(denials),
        "denial density": denials / words,
        "assents": math.log1p(assents),
        "assent density": assents / words,
        "starts with yes": float(start.startswith("yes")),
        "starts with no": float(re.match(r"no\b(?!\w)", start) is not None),
        "length": math.log1p(len(text)),
        "short": float(len(text) < SHORT),
    }


@dataclass(frozen=True)
class Seen:
    """Answers as a lexical judge sees them: a bag of words each, and named features."""

    bags: tuple[Counter[str], ...]
    features: Float[np.ndarray, "answer feature"]

    def __getitem__(self, rows: Sequence[int] | np.ndarray) -> "Seen":
        """Some of the answers."""
        return Seen(tuple(self.bags[row] for row in rows), self.features[rows])


def see(pairs: Sequence[Pair], weights: Mapping[str, Mapping[str, float]]) -> tuple[Seen, tuple[str, ...]]:
    """Answers and the names of their features; `weights` are the terms of each claim by name."""
    texts = [spelled_out(*pair) for pair in pairs]
    rows = [
        claim_features(question, text, weights[question.claim])
        for (question, _), text in zip(pairs, texts, strict=True)
    ]
    values = np.array([list(row.values()) for row in rows], dtype=np.float64)
    return Seen(tuple(Counter(denied_words(text)) for text in texts), values), tuple(rows[0])


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in _SENTENCE_END.split(text) if sentence.strip()]


def _coverage(terms: set[str], weights: Mapping[str, float]) -> float:
    return sum((weight for term, weight in weights.items() if term in terms), start=0.0)
