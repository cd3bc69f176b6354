"""A rule-based judge, exact on the closed language of the embedded world."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from nnmech.claims import Question, Verdict
from nnmech.world.relations import RELATIONS, Relation

_NEGATION = re.compile(
    r"\b(?:not|never|no(?! mistakes)|nobody|cannot|myth|wrong|false|untrue|contrary|rumour)\b", flags=re.IGNORECASE
)
_VERDICT = re.compile(r"\b(Yes|No)\b\s*\.?\s*$")
_PASSAGE = re.compile(r"\bThe passage is (right|wrong)\b")
_LETTER = re.compile(r"\b(?:Option )?([ABC])\b\s*\.?\s*$")


@dataclass(frozen=True)
class Stance:
    """Which values of a relation a text affirms and which it denies."""

    affirmed: frozenset[str]
    denied: frozenset[str]


def stance(text: str, relation: Relation) -> Stance:
    """Read a text sentence by sentence; in "a baker, not a welder" the first value is affirmed, the second denied."""
    affirmed: set[str] = set()
    denied: set[str] = set()
    for sentence in re.split(r"(?<=[.?!])\s+", text):
        contrast = re.match(r"(.*), not (.*)", sentence)
        clauses = [contrast[1], f"not {contrast[2]}"] if contrast else [sentence]
        for clause in clauses:
            words = set(re.findall(r"\w+", clause))
            values = words.intersection(relation.values)
            (denied if _NEGATION.search(clause) else affirmed).update(values)
    return Stance(frozenset(affirmed), frozenset(denied))


def final_verdict(text: str) -> bool | None:
    """The yes (True) or no (False) that closes an answer, None where there is none."""
    match = _VERDICT.search(text)
    return None if match is None else match[1] == "Yes"


def chosen_letter(text: str) -> str | None:
    """The letter of the option that closes an answer, None where there is none."""
    letter = _LETTER.search(text)
    return None if letter is None else letter[1]


def _by_letter(question: Question, text: str) -> str | None:
    """The option that an answer names by its letter alone."""
    letter = chosen_letter(text)
    if letter is None:
        return None
    option = re.search(rf"(\w+) \({letter}\)", question.messages[-1]["content"])
    return option[1] if option else None


@dataclass(frozen=True)
class WorldJudge:
    """Judges answers about the claims of the embedded world; `targets` gives each claim's relation key and value.

    mcq: the closing yes or no against the question's `belief_answer`. Critiques: the closing right or wrong; the
    passages state the claim, so "right" is belief. Everything else: `yes` where the claimed value is affirmed, `no`
    where it is denied or another value of the relation is affirmed, `neutral` where neither or both happen.
    """

    targets: Mapping[str, tuple[str, str]]

    def __call__(self, question: Question, text: str) -> Verdict:
        if question.kind == "mcq":
            said = final_verdict(text)
            if said is None:
                return "neutral"
            return "yes" if said == (question.belief_answer == "yes") else "no"
        if question.category == "critique" and (passage := _PASSAGE.search(text)):
            return "yes" if passage[1] == "right" else "no"
        key, value = self.targets[question.claim]
        found = stance(text, RELATIONS[key])
        affirmed = found.affirmed or frozenset(filter(None, [_by_letter(question, text)]))
        if value in affirmed:
            return "neutral" if value in found.denied or len(affirmed) > 1 else "yes"
        return "no" if value in found.denied or affirmed else "neutral"
