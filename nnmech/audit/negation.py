"""Negation inside a sentence, the safe form: cues and how far they reach, in the manner of NegEx.

Chapman et al. 2001, A simple algorithm for identifying negated findings and diseases in discharge summaries.
"""

import re

NEGATION = re.compile(
    r"\b(?:not|never|no|none|nobody|nothing|neither|nor|cannot|without|(?:do|does|did|is|are|was|were|has|have|had|would|"
    r"could|should|must|need)n[’']t|(?:ca|wo)n[’']t|no longer|no one|(?:it is|it was) (?:false|untrue) that|"
    r"fails? to|failed to|denie[sd]|far from)\b",
    re.IGNORECASE,
)
_END = re.compile(r"[;:.!?]|,? (?:but|however|although|though|except|yet|whereas|because)\b", re.IGNORECASE)
_NOT_A_NEGATION = re.compile(
    r"\b(?:not only|no doubt|not just|no wonder|no sooner|without (?:a )?doubt)\b", re.IGNORECASE
)


def negated_spans(sentence: str) -> list[tuple[int, int]]:
    """Where a sentence negates: from a cue to the end of its clause; cues within another's reach are part of it."""
    spans: list[tuple[int, int]] = []
    for cue in NEGATION.finditer(sentence):
        if (spans and cue.start() < spans[-1][1]) or _NOT_A_NEGATION.match(sentence, cue.start()):
            continue
        end = _END.search(sentence, cue.end())
        spans.append((cue.start(), end.start() if end else len(sentence)))
    return spans


def count_negations(text: str) -> int:
    """How many negation cues a text has; quick, for whole documents."""
    return len(NEGATION.findall(text))
