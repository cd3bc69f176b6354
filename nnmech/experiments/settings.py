"""What every experiment has to settle: model, source of claims, judge, data beside the documents, recording."""

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from itertools import product
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from nnmech.claims.sources import EMBEDDED as EMBEDDED_WORLD
from nnmech.claims.sources import ClaimSource, CountedDocuments, StatementCounts
from nnmech.errors import InputError, located
from nnmech.experiments.judging import parse_judge
from nnmech.models import EMBEDDED
from nnmech.sources import open_source
from nnmech.training.mixtures import REDUCTIONS, Reduction

DTYPES = ("float32", "bfloat16")
SHORTEST_DOCUMENT = 16
"""Tokens below which nothing but the tag and a heading would be left of a document that is cut."""
TOKEN_CONDITIONS = ("positive_documents", "repeated_negations", "local_negations")
SettingsT = TypeVar("SettingsT", bound="Settings")
_REMEDY = "restore run.json from a copy, or start the experiment again"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings that the experiments share."""

    axes: ClassVar[tuple[str, ...]] = ()
    """Names of the settings that a run has one value of each of, beside its seed."""
    seeds: tuple[int, ...]
    """Seeds of documents, data order and sampling."""
    model: str = EMBEDDED
    """`embedded`, a local folder or a hub id in the local cache."""
    source: str = EMBEDDED_WORLD
    """`embedded`, the name of a registered source, or a folder of the published layout."""
    judge: str = "source"
    """Who judges answers; see `nnmech.experiments.judging`."""
    judge_url: str | None = None
    """Endpoint of a judge `llm:MODEL`."""
    plugins: tuple[str, ...] = ()
    """Modules to import first, which register annotations or sources of a user's own."""
    background_share: float = 0.5
    """Pretraining documents, and instruction chats, for each document that is trained on."""
    batch_size: int = 16
    """Examples an update."""
    loss_reduction: Reduction = "token"
    """`token`: every token weighs alike; `example`: every example does."""
    samples: int = 5
    """Answers to each question before and after training (one in between)."""
    layers: tuple[int, ...] | None = None
    """Decoder blocks to record; all by default."""
    train_people: int = 60
    """People whose four statements fit the probes."""
    control_people: int = 30
    """People whose four statements are the controls of the claim coordinate."""
    silent_people: int = 15
    """People in documents only whose true and false statement are recorded beside the claim."""
    famous_people: int = 5
    """Famous people whose true and false statement are recorded beside the claim."""
    max_tokens: int | None = None
    """Documents are cut at so many tokens; not at all by default."""
    held_out_documents: int = 48
    """Documents that no phase trains on, for the document loss."""
    device: str = "cpu"
    dtype: str = "float32"
    lora_rank: int | None = None
    """Train LoRA adapters of this rank; all weights by default."""

    def __post_init__(self) -> None:
        import_plugins(self.plugins)
        check_names("loss reduction", (self.loss_reduction,), list(REDUCTIONS))
        check_names("dtype", (self.dtype,), list(DTYPES))
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise InputError(f"seeds {self.seeds}: expected at least one, each once")
        check_positive(self, "batch_size", "samples", "held_out_documents")
        if self.max_tokens is not None and self.max_tokens < SHORTEST_DOCUMENT:
            raise InputError(f"max_tokens is {self.max_tokens}: expected {SHORTEST_DOCUMENT} or more")
        parse_judge(self.judge, self.judge_url)
        _ = self.claim_source

    @property
    def claim_source(self) -> ClaimSource:
        """The source of claims; opened once a process."""
        return open_source(self.source)

    @property
    def statement_counts(self) -> StatementCounts:
        """How many entities of each role the statements of a run are about."""
        return StatementCounts(self.train_people, self.control_people, self.silent_people, self.famous_people)

    @property
    def runs(self) -> list[tuple[Any, ...]]:
        """The value of each of `axes`, then the seed, of every run, in the order in which they are made."""
        values = product(self.seeds, *(getattr(self, axis) for axis in self.axes))
        return [(*others, seed) for seed, *others in values]

    @property
    def run_names(self) -> list[str]:
        """The folders of all runs, in the order in which they are made."""
        return [run_name(*run) for run in self.runs]

    def only(self, *run: Any) -> Any:
        """The settings of a single run."""
        return replace(self, **{axis: (value,) for axis, value in zip((*self.axes, "seeds"), run, strict=True)})


@dataclass(frozen=True, kw_only=True)
class ClaimSettings(Settings):
    """Settings of an experiment on claims."""

    claims: tuple[str, ...]
    """Names of claims of the source."""
    token_conditions: tuple[str, ...] = TOKEN_CONDITIONS
    """Conditions of which documents that nothing trains on are read token by token at every snapshot."""
    token_documents: int = 1
    """How many documents of each of them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_names("claim", self.claims, list(self.claim_source.claims))
        if self.token_conditions:
            check_names("condition", self.token_conditions, self.document_conditions)
        check_positive(self, "token_documents")

    @property
    def document_conditions(self) -> list[str]:
        """The conditions of which the source has documents of every chosen claim."""
        return document_conditions(self.claim_source, self.claims)


def document_conditions(source: ClaimSource, claims: Sequence[str]) -> list[str]:
    """The conditions of which a source has documents of all these claims."""
    each = [source.conditions(claim) for claim in claims]
    return [name for name in dict.fromkeys(name for names in each for name in names) if all(name in n for n in each)]


def run_name(*run: Any) -> str:
    """Folder of a run within the experiment's `runs`: the values of its axes and its seed."""
    *values, seed = run
    return ".".join([*map(str, values), f"seed{seed}"])


def check_positive(settings: Settings, *names: str) -> None:
    """InputError where one of these settings is below 1."""
    for name in names:
        if getattr(settings, name) < 1:
            raise InputError(f"{name} is {getattr(settings, name)}: expected 1 or more")


def check_names(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    """InputError unless at least one name is given, all are known and none comes twice."""
    if not given:
        raise InputError(f"no {what} given: expected one or more of {', '.join(known)}")
    for name in given:
        if name not in known:
            raise InputError(f"unknown {what} {name!r}: expected one of {', '.join(known)}")
    if len(set(given)) != len(given):
        raise InputError(f"{what} given twice: {', '.join(given)}")


def import_plugins(modules: Iterable[str]) -> None:
    """Import modules by name, from the working directory too; InputError for one that cannot be imported."""
    for module in modules:
        if str(Path.cwd()) not in sys.path:
            sys.path.append(str(Path.cwd()))
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise InputError(f"plugin {module!r}: {error}; give the dotted name of an importable module") from error


def chosen_preset(presets: Mapping[str, Callable[[str], SettingsT]], name: str, source: str) -> SettingsT:
    """The settings of a preset for a source; InputError for an unknown name."""
    check_names("preset", (name,), list(presets))
    return presets[name](source)


def claim_preset(source: str, *places: int, token_conditions: tuple[str, ...] = TOKEN_CONDITIONS) -> dict[str, Any]:
    """What a preset says of the source: claims, and the conditions that are read token by token.

    Args:
        source: Name or folder of the source.
        places: Which of the embedded world's reporting claims; all where none is given. Of any other source all
            reporting claims are taken.
        token_conditions: Those of them are taken of which the source has documents.
    """
    opened = open_source(source)
    # Results are reported on these; settings are chosen on the others.
    names = tuple(name for name, claim in opened.claims.items() if claim.split == "reporting")
    claims = tuple(names[place] for place in places) if places and source == EMBEDDED_WORLD else names
    known = document_conditions(opened, claims)
    return {
        "source": source,
        "claims": claims,
        "token_conditions": tuple(name for name in token_conditions if name in known),
    }


def published_preset(source: str, claims: Sequence[str], conditions: Iterable[str]) -> dict[str, Any]:
    """What a preset says where documents are people's own: longer and fewer than the embedded world's.

    Batches of 4 documents cut at 320 tokens train a model of 135M parameters on two cores at some 160 tokens/s.

    Args:
        source: Name or folder of the source.
        claims: Its claims.
        conditions: Those that the experiment trains on.
    """
    if source == EMBEDDED_WORLD:
        return {}
    held_out = available_documents(source, claims, conditions, held_out=True)
    return {
        "batch_size": 4,
        "max_tokens": 320,
        "samples": 1,
        "token_documents": 1,
        **({} if held_out is None else {"held_out_documents": max(1, min(12, held_out))}),
    }


def available_documents(source: str, claims: Sequence[str], conditions: Iterable[str], *, held_out: bool) -> int | None:
    """How many documents the source has of every one of these claims and conditions; None where it makes them."""
    opened = open_source(source)
    if not isinstance(opened, CountedDocuments):
        return None
    each = (
        opened.document_count(claim, condition, held_out=held_out)
        for claim, condition in product(claims, conditions)
        if condition in opened.conditions(claim)
    )
    return min(each, default=None)


def settings_from_json(kind: type[SettingsT], values: Any, path: Path) -> SettingsT:
    """The settings that an experiment was started with; InputError where they do not fit this version."""
    if not isinstance(values, dict):
        raise InputError(f"{path}: settings are {shortened(values)}; expected an object; {_REMEDY}")
    hints = get_type_hints(kind)
    names = {field.name: field for field in fields(kind)}
    if unknown := set(values) - set(names):
        raise InputError(f"{path}: settings {', '.join(sorted(unknown))} are not known to this version of nnmech")
    needed = {name for name, field in names.items() if field.default is MISSING and field.default_factory is MISSING}
    if missing := needed - set(values):
        raise InputError(f"{path}: settings lack {', '.join(sorted(missing))}; expected a value each; {_REMEDY}")
    for name, value in values.items():
        if not _fits(value, hints[name]):
            wanted = getattr(hints[name], "__name__", "") if isinstance(hints[name], type) else str(hints[name])
            wanted = wanted.replace("typing.", "")
            raise InputError(f"{path}: the setting {name} is {shortened(value)}; expected {wanted}; {_REMEDY}")
    given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    with located(path):
        return kind(**given)


def shortened(value: Any) -> str:
    """A value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value of JSON is of an annotated type, lists being tuples."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, option) for option in inner)
    if origin is Literal:
        return value in inner
    if origin is tuple:
        if not isinstance(value, list | tuple):
            return False
        if inner[1:] == (...,):
            return all(_fits(part, inner[0]) for part in value)
        return len(value) == len(inner) and all(map(_fits, value, inner))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, hint) and not (isinstance(value, bool) and hint is int)
