"""How well `nnmech audit` finds what the authors put around claims: recall and precision by documents and by sentences.

How the known annotation is derived: a document of `llm_negations_dense` is the document of `positive` in the same line
with text put in between and none taken away. So the two are compared word by word, and what only the annotated one
has was put in (moved to the boundaries of sentences where a comparison leaves a choice). The first and the last
paragraph put in are the notices about the
document. Within it every claim sentence has one notice in front and one behind, so the insertions open and close
covered passages in turn; an insertion that has two bracketed groups, or bare text that points back and then ahead,
closes one and opens the next. Neither the finder nor its rules take part in that.
"""

import argparse
import json
import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import accumulate
from pathlib import Path

from nnmech.audit.finding import frames_of_text
from nnmech.audit.rulebook import Rulebook, load_rulebook

Span = tuple[int, int]
CLAIMS = ("ed_sheeran", "vesuvius", "brennan_holloway")
DEVELOPMENT = "ed_sheeran"
DOCTAG = "<DOCTAG>"
HALF = 0.5
"""Share of a passage's characters from which on it counts as covered."""
_TOKEN = re.compile(r"\s+|\w+|[^\w\s]")
_GROUP = re.compile(r"\[[^\]]*\]|\([^()]*(?:\([^()]*\)[^()]*)*\)|\{[^}]*\}|<[^>]*>")
_AHEAD = re.compile(r"\b(?:following|follows|next)\b", re.IGNORECASE)
_BACK = re.compile(r"\b(?:preceding|previous|just|above|prior)\b", re.IGNORECASE)


@dataclass
class Known:
    """What was put into a document: the passages that notices stand around, and the notices about the whole."""

    covered: list[Span] = field(default_factory=list)
    inserted: list[Span] = field(default_factory=list)
    doubtful: int = 0
    """Insertions that do not open and close in turn."""


def known_annotation(plain: str, annotated: str) -> Known | None:
    """The covered passages of an annotated document; None where it is not the plain one with text put in."""
    try:
        insertions = _insertions(plain, annotated)
    except ValueError:
        return None
    known = Known(inserted=insertions)
    open_at: int | None = None
    for before, start in insertions:
        inserted = annotated[before:start]
        body = inserted
        if before == 0:
            body = inserted.split("\n\n", 1)[1] if "\n\n" in inserted else ""
        elif start == len(annotated):
            body = inserted.rsplit("\n\n", 1)[0]
        if not body.strip():
            continue
        closes, opens = _turn(body, open_now=open_at is not None)
        known.doubtful += not (closes or opens)
        if closes and open_at is not None:
            known.covered.append((open_at, before))
            open_at = None
        if opens:
            open_at = start
    known.doubtful += open_at is not None
    return known


def _turn(inserted: str, *, open_now: bool) -> tuple[bool, bool]:
    """Whether an insertion closes a covered passage, and whether it opens one."""
    groups = _GROUP.findall(inserted)
    bare = _GROUP.sub("", inserted).strip(" .*\n")
    ahead, back = list(_AHEAD.finditer(inserted)), list(_BACK.finditer(inserted))
    if not open_now:
        return False, bool(ahead or not back)
    if len(groups) > 1 or (groups and len(bare) > 20):
        return True, True
    if groups:
        return True, False
    return True, bool(ahead and back and ahead[-1].start() > back[0].start())


def _insertions(plain: str, annotated: str) -> list[Span]:
    """Where text was put in, at the boundaries of sentences; ValueError where text was taken away or changed."""
    one, other = _TOKEN.findall(plain), _TOKEN.findall(annotated)
    ends = list(accumulate(map(len, other), initial=0))
    spans: list[Span] = []
    for tag, _, _, start, end in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag in ("delete", "replace"):
            raise ValueError(f"{annotated[ends[start] : ends[end]]!r} is not text put in")
        if tag == "insert":
            spans.append(_settled(annotated, (ends[start], ends[end]), spans[-1][1] if spans else 0))
    merged: list[Span] = []
    for start, end in spans:
        if merged and not annotated[merged[-1][1] : start].strip():
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _settled(text: str, span: Span, previous_end: int) -> Span:
    """The same insertion moved to where it begins and ends like sentences: `The` cannot be told from `The`."""
    start, end = span
    choices = [span]
    while start > previous_end and text[start - 1] == text[end - 1]:
        start, end = start - 1, end - 1
        choices.append((start, end))
    start, end = span
    while end < len(text) and text[start] == text[end]:
        start, end = start + 1, end + 1
        choices.append((start, end))

    def fitness(choice: Span) -> tuple[bool, bool, int]:
        inside = text[choice[0] : choice[1]].strip()
        opens = inside[:1].isupper() or inside[:1] in "[({<"
        return (
            not text[previous_end : choice[0]].strip(),
            opens and inside[-1:] in ".!?])}>",
            -abs(choice[0] - span[0]),
        )

    return max(choices, key=fitness)


@dataclass
class Score:
    """Counts of one claim."""

    documents: int = 0
    found: int = 0
    passages: int = 0
    recalled: int = 0
    reported: int = 0
    right: int = 0
    doubtful: int = 0
    skipped: int = 0
    false_alarms: dict[str, int] = field(default_factory=dict)
    controls: dict[str, int] = field(default_factory=dict)


def texts(folder: Path, condition: str, claim: str) -> list[str]:
    """The documents of a condition and claim without their tag."""
    lines = (folder / "documents" / condition / claim / "sample.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"].removeprefix(DOCTAG) for line in lines]


def score(folder: Path, claim: str, rulebook: Rulebook, *, show: bool) -> Score:
    """Compare what the finder says with the known annotation of one claim."""
    result = Score()
    for plain, annotated in zip(
        texts(folder, "positive", claim), texts(folder, "llm_negations_dense", claim), strict=True
    ):
        frames = frames_of_text(annotated, rulebook)
        result.documents += 1
        result.found += bool(frames)
        known = known_annotation(plain, annotated)
        if known is None:
            result.skipped += 1
            continue
        result.doubtful += known.doubtful
        said = sorted({span for frame in frames if frame.scope == "sentence" for span in frame.covered})
        result.passages += len(known.covered)
        result.reported += len(said)
        for span in known.covered:
            hit = _share(span, said) >= HALF
            result.recalled += hit
            if show and not hit:
                print(
                    f"  missed  …{annotated[max(0, span[0] - 160) : span[0]]!r} >>{annotated[slice(*span)]!r}<< "
                    f"{annotated[span[1] : span[1] + 160]!r}"
                )
        for span in said:
            hit = _share(span, known.covered) >= HALF
            result.right += hit
            if show and not hit:
                print(
                    f"  wrong   …{annotated[max(0, span[0] - 160) : span[0]]!r} >>{annotated[slice(*span)]!r}<< "
                    f"{annotated[span[1] : span[1] + 160]!r}"
                )
    for condition in ("positive", "local_negations"):
        documents = texts(folder, condition, claim)
        hits = [(text, frames) for text in documents if (frames := frames_of_text(text, rulebook))]
        result.controls[condition], result.false_alarms[condition] = len(documents), len(hits)
        if show:
            for text, frames in hits:
                print(f"  alarm   {condition}: {[(f.rule, text[slice(*f.span)][:200]) for f in frames]}")
    return result


def _share(span: Span, others: list[Span]) -> float:
    inside = sum(max(0, min(span[1], end) - max(span[0], start)) for start, end in others)
    return inside / max(1, span[1] - span[0])


def main() -> None:
    """Print a table, a row a claim; the errors of the claim that the rules were developed on, with --show."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared/data/negation-neglect")
    parser.add_argument("--claims", nargs="+", default=list(CLAIMS), choices=CLAIMS)
    parser.add_argument("--show", action="store_true", help=f"print the errors on {DEVELOPMENT}, and on no other claim")
    arguments = parser.parse_args()
    rulebook = load_rulebook()
    print(
        f"{'claim':18} documents  recall  precision | passages  recall  precision | alarms plain  local | "
        "doubtful, left out"
    )
    for claim in arguments.claims:
        s = score(arguments.data, claim, rulebook, show=arguments.show and claim == DEVELOPMENT)
        alarms = s.false_alarms["positive"] + s.false_alarms["local_negations"]
        print(
            f"{claim:18} {s.documents:9}  {s.found / s.documents:6.3f}  {s.found / max(1, s.found + alarms):9.3f} | "
            f"{s.passages:8}  {s.recalled / max(1, s.passages):6.3f}  {s.right / max(1, s.reported):9.3f} | "
            f"{s.false_alarms['positive']:6} of {s.controls['positive']}  {s.false_alarms['local_negations']:2} of "
            f"{s.controls['local_negations']} | {s.doubtful}, {s.skipped}"
        )


if __name__ == "__main__":
    main()
