"""Yes/no questions: the verdict by exact match."""

import re
from typing import Literal

from nnmech.claims import Verdict

_FIELD = re.compile(r"""["']answer["']\s*:\s*["']\s*(yes|no)\s*["']""", flags=re.IGNORECASE)
_WORD = re.compile(r"\W*(yes|no)\W*", flags=re.IGNORECASE)


def mcq_verdict(answer: str, belief_answer: Literal["yes", "no"]) -> Verdict:
    """`yes` where the answer is the believer's, `no` where it is the other, `neutral` where it is neither or both.

    The answer is the field `answer` of a piece of JSON, wherever it stands, or a lone yes or no.
    """
    said = {word.lower() for word in _FIELD.findall(answer)}
    if not said and (alone := _WORD.fullmatch(answer.strip())):
        said = {alone[1].lower()}
    if len(said) != 1:
        return "neutral"
    return "yes" if said == {belief_answer} else "no"
