"""Which judge reads the answers of an experiment, from the few words of `--judge`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnmech.claims import Judge, Verdict
from nnmech.claims.sources import ClaimSource
from nnmech.errors import InputError
from nnmech.judges.base import BatchJudge, Pair, as_batch

SOURCE = "source"
FORMS = {
    SOURCE: "source",
    "lexical": "lexical or lexical:FOLDER",
    "local": "local:FOLDER",
    "nli": "nli:FOLDER",
    "llm": "llm:MODEL",
}


@dataclass(frozen=True)
class JudgeSpec:
    """What `--judge` says: a kind of `FORMS`, and the folder or model after the colon."""

    kind: str
    what: str
    url: str | None = None


@dataclass(frozen=True)
class Split(BatchJudge):
    """One judge for some questions and another for the rest: by kind or by category of the question."""

    names: tuple[str, ...]
    """Kinds and categories of the questions that go to `first`."""
    first: Judge | BatchJudge
    rest: Judge | BatchJudge

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict | None]:
        """Each judge gets its answers in one batch."""
        mine = [question.kind in self.names or question.category in self.names for question, _ in pairs]
        sides = (
            iter(as_batch(judge).judge([pair for pair, own in zip(pairs, mine, strict=True) if own is side]))
            for judge, side in ((self.first, True), (self.rest, False))
        )
        first, rest = sides
        return [next(first if own else rest) for own in mine]


def parse_judge(text: str, url: str | None = None) -> JudgeSpec:
    """Read `--judge` and `--judge-url`; InputError where they are no judge."""
    kind, colon, what = text.partition(":")
    expected = ", ".join(FORMS.values())
    if kind not in FORMS or (kind == SOURCE and colon) or (kind not in (SOURCE, "lexical") and not what):
        raise InputError(f"judge {text!r}: expected one of {expected}; mend --judge")
    if bool(colon) != bool(what):
        raise InputError(f"judge {text!r}: nothing after the colon; expected one of {expected}; mend --judge")
    if url is not None and kind != "llm":
        raise InputError(f"judge {text!r}: has no endpoint; --judge-url goes with llm:MODEL; leave one of them out")
    return JudgeSpec(kind, what, url)


def open_judge(spec: JudgeSpec, source: ClaimSource, *, cache: Path | None = None) -> Judge | BatchJudge:
    """The judge of answers about a source's claims.

    Args:
        spec: As `parse_judge` gives it.
        source: Its own judge reads yes/no questions, whose rules are exact, and everything for `source`.
        cache: Folder where an endpoint's verdicts outlast the process.

    Raises:
        InputError: There is no such model or folder, or it is no judge.
    """
    own = source.judge()
    if spec.kind == SOURCE:
        return own
    return Split(("mcq",), own, _opened(spec, {name: claim.text for name, claim in source.claims.items()}, cache))


def describe_judge(spec: JudgeSpec, source: ClaimSource) -> str:
    """The judge as `run.json` names it: without addresses, which may hold a secret."""
    judge = source.judge()
    rest = getattr(judge, "other", None)
    own = type(judge).__name__ if rest is None else f"{type(judge).__name__}({type(rest).__name__})"
    if spec.kind == SOURCE:
        return f"source: {own}"
    what = f"{spec.kind}:{spec.what}" if spec.what else spec.kind
    return f"{what}; yes/no questions by source: {own}"


def _opened(spec: JudgeSpec, claims: Mapping[str, str], cache: Path | None) -> BatchJudge:
    # Each kind imports what only it needs.
    if spec.kind == "lexical":
        from nnmech.judges.lexical import load_lexical
        from nnmech.judges.rules import WordRules

        rules = WordRules.of(claims)
        return load_lexical(spec.what, fallback=rules) if spec.what else rules
    if spec.kind == "llm":
        from nnmech.judges.llm import LLMJudge

        return LLMJudge(model=spec.what, claims=claims, base_url=spec.url, cache=cache)
    from nnmech.judges.local import NLIJudge, load_local_judge

    judge = load_local_judge(spec.what, claims)
    if isinstance(judge, NLIJudge) != (spec.kind == "nli"):
        found = "classifier" if isinstance(judge, NLIJudge) else "chat model"
        remedy = "use local: for a chat model, nli: for a classifier"
        raise InputError(f"judge {spec.kind}:{spec.what}: found a {found}; expected the other kind; {remedy}")
    return judge
