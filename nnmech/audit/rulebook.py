"""The rules as data: read from a TOML file a kind, compiled once, a user's own folder on top of the shipped ones."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from nnmech.errors import InputError

RULES_FOLDER = Path(__file__).parent / "rules"
REFERENCES = "references.toml"
PAGES = "docs/audit"
"""Where the page of a kind of frame is among the documents of nnmech: `{PAGES}/{kind}.md`."""

Covers = Literal["next", "previous", "document", "after", "before", "inside", "user", "assistant"]
Where = Literal["sentence", "line", "header", "turn"]
APOSTROPHE = str.maketrans("'", "’")
MAX_RULES_FILE = 1_000_000


@dataclass(frozen=True)
class Reference:
    """How a sentence points at other text."""

    name: str
    strong: re.Pattern[str]
    weak: re.Pattern[str]


@dataclass(frozen=True)
class Says:
    """What is said of a reference, so that the sentence is a notice of a kind."""

    after: re.Pattern[str]
    before: re.Pattern[str]
    before_needs: re.Pattern[str]
    weak: re.Pattern[str]
    unless_before: re.Pattern[str]
    unless: re.Pattern[str]
    strict: bool
    """Whether the weak form never counts alone, however many notices a text has."""


@dataclass(frozen=True)
class Rule:
    """One rule: an id, what it covers, and a reference of which the kind says something, or a pattern of its own."""

    id: str
    kind: str
    summary: str
    covers: Covers
    about: str | None = None
    where: Where = "sentence"
    pattern: re.Pattern[str] | None = None
    needs: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    unless_previous: re.Pattern[str] | None = None
    tags: tuple[str, ...] = ()
    soft: bool = False
    """Whether it counts only in a text that denies nothing by itself."""


@dataclass(frozen=True)
class Kind:
    """A kind of frame with its rules."""

    name: str
    title: str
    summary: str
    triggers: tuple[str, ...]
    says: Says | None
    rules: tuple[Rule, ...]

    @property
    def page(self) -> str:
        """The page that says what was measured about the kind and what to do."""
        return f"{PAGES}/{self.name}.md"


@dataclass(frozen=True, eq=False)
class Rulebook:
    """All kinds, and the pattern that no text without a notice needs to get past."""

    kinds: tuple[Kind, ...]
    references: tuple[Reference, ...]
    carry: re.Pattern[str]
    placed: re.Pattern[str]
    """Pointers that name their place, so that they cannot be meant of another text that is talked about."""
    denies: re.Pattern[str]
    """What a text reads like that denies a claim in its own sentences."""
    hint: re.Pattern[str]
    """One is in every paragraph with a notice by the shipped rules."""
    own: re.Pattern[str]
    """Triggers of kinds that are not shipped, whose paragraphs are read without a hint."""
    trigger: re.Pattern[str]

    def rules(self, where: Where) -> tuple[Rule, ...]:
        """The rules with a pattern of their own that is matched at such a place."""
        return tuple(rule for kind in self.kinds for rule in kind.rules if rule.pattern and rule.where == where)

    def rule_about(self, kind: Kind, reference: str) -> Rule | None:
        """The rule of a kind for a reference, None where the kind has none."""
        return next((rule for rule in kind.rules if rule.about == reference), None)

    @property
    def all_rules(self) -> tuple[Rule, ...]:
        """Every rule of every kind."""
        return tuple(rule for kind in self.kinds for rule in kind.rules)


def load_rulebook(folder: str | Path | None = None) -> Rulebook:
    """Read the shipped rules and those of a user's folder.

    Args:
        folder: Holds `*.toml` files of the shipped ones' form. A file with the kind of a shipped one replaces it.

    Raises:
        InputError: A file that is no TOML, a rule without an id or with an unknown key, a broken pattern.
    """
    return _load(None if folder is None else str(folder))


@cache
def _load(folder: str | None) -> Rulebook:
    nouns, references, others = _read_references(RULES_FOLDER / REFERENCES)
    kinds = {kind.name: kind for kind in (_read_kind(path, nouns) for path in _rule_files(RULES_FOLDER))}
    shipped = set(kinds)
    if folder is not None:
        paths = _rule_files(Path(folder))
        if not paths:
            raise InputError(f"{folder}: no rules found; expected a folder with files *.toml; see docs/audit.md")
        own = {kind.name: kind for kind in (_read_kind(path, nouns) for path in paths)}
        shipped -= set(own)
        kinds |= own
    named = _literals(kind for name, kind in kinds.items() if name not in shipped)
    carry, placed, denies, hint = others
    return Rulebook(tuple(kinds.values()), references, carry, placed, denies, hint, named, _literals(kinds.values()))


def _literals(kinds: Iterable[Kind]) -> re.Pattern[str]:
    # Grouped by their first letter and looked for at the start of words alone, which is several times as fast.
    groups: dict[str, list[str]] = {}
    for word in sorted({word for kind in kinds for word in kind.triggers}):
        groups.setdefault(word[0], []).append(re.escape(word[1:]))
    branches = (f"{re.escape(first)}(?:{'|'.join(rests)})" for first, rests in groups.items())
    return re.compile(f"(?<![a-z])(?:{'|'.join(branches)})" if groups else r"(?!)")


# What is said most narrowly comes first, since the first kind that fits a sentence names it.
_ORDER = ("label", "disowned_response", "refusal", "correction", "low_probability", "uncertain", "unreliable_source")


def _rule_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder; expected a folder with rules as *.toml files; see docs/audit.md")
    rank = {name: place for place, name in enumerate(_ORDER)}
    paths = [path for path in folder.glob("*.toml") if path.name != REFERENCES]
    return sorted(paths, key=lambda path: (rank.get(path.stem, len(rank)), path.stem))


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_RULES_FILE:
            raise InputError(f"{path}: larger than {MAX_RULES_FILE} bytes; expected rules, a few kilobytes of TOML")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; check the path and its permissions") from error
    except ValueError as error:
        raise InputError(f"{path}: no TOML: {error}; see docs/audit.md for the form of rules") from error


def _read_references(path: Path) -> tuple[Mapping[str, str], tuple[Reference, ...], tuple[re.Pattern[str], ...]]:
    data = _read_toml(path)
    nouns = {name: re.sub(r"\s*\n\s*", "", words) for name, words in data["nouns"].items()}
    references = tuple(
        Reference(name, _union(path, data[name]["strong"], nouns), _union(path, data[name]["weak"], nouns))
        for name in ("next", "previous", "document")
    )
    others = ("carry", "weak"), ("placed", "strong"), ("placed", "denies"), ("hint", "any")
    return nouns, references, tuple(_union(path, data[table][key], nouns) for table, key in others)


def _read_kind(path: Path, nouns: Mapping[str, str]) -> Kind:
    data = _read_toml(path)
    known = {"kind", "title", "summary", "triggers", "says", "rules"}
    if unknown := sorted(set(data) - known):
        raise InputError(f"{path}: unknown key {unknown[0]!r}; expected one of {', '.join(sorted(known))}")
    name = data.get("kind")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError(f"{path}: kind is {name!r}; expected a name of small letters, digits and underscores")
    rules = data.get("rules")
    if not isinstance(rules, list) or not rules:
        raise InputError(f"{path}: no rules; expected at least one table [[rules]]")
    parsed = tuple(_read_rule(path, name, rule, nouns) for rule in rules)
    says = _read_says(path, data["says"], nouns) if "says" in data else None
    if says is None and any(rule.about for rule in parsed):
        raise InputError(f"{path}: a rule has `about`, and there is no table [says]; add one, or give it a `pattern`")
    triggers = data.get("triggers", [])
    if not isinstance(triggers, list) or not all(isinstance(word, str) and word for word in triggers):
        raise InputError(f"{path}: triggers is {triggers!r}; expected a list of words")
    if not triggers:
        raise InputError(
            f"{path}: no triggers; expected a list of words, one of which is in every text that a rule fits"
        )
    words = tuple(word.lower().translate(APOSTROPHE) for word in triggers)
    return Kind(name, str(data.get("title", name)), str(data.get("summary", "")), words, says, parsed)


def _read_rule(path: Path, kind: str, rule: Any, nouns: Mapping[str, str]) -> Rule:
    if not isinstance(rule, dict) or not isinstance(rule.get("id"), str):
        raise InputError(f'{path}: a rule without an id; expected id = "…" in every table [[rules]]')
    place = f"{path}, rule {rule['id']!r}"
    known = {
        "id",
        "summary",
        "covers",
        "about",
        "where",
        "pattern",
        "needs",
        "unless_pattern",
        "unless_previous",
        "tags",
        "soft",
    }
    if unknown := sorted(set(rule) - known):
        raise InputError(f"{place}: unknown key {unknown[0]!r}; expected one of {', '.join(sorted(known))}")
    covers, where, about = rule.get("covers", "document"), rule.get("where", "sentence"), rule.get("about")
    for key, value, choices in (("covers", covers, get_args(Covers)), ("where", where, get_args(Where))):
        if value not in choices:
            raise InputError(f"{place}: {key} is {value!r}; expected one of {', '.join(choices)}")
    if about not in (None, "next", "previous", "document"):
        raise InputError(f"{place}: about is {about!r}; expected next, previous or document")
    if not (about or rule.get("pattern") or rule.get("tags")):
        raise InputError(f"{place}: nothing to look for; expected `about`, `pattern` or `tags`")
    patterns = {
        key: _union(place, [rule[name]], nouns) if name in rule else None
        for key, name in (
            ("pattern", "pattern"),
            ("needs", "needs"),
            ("unless", "unless_pattern"),
            ("unless_previous",) * 2,
        )
    }
    tags = tuple(str(tag) for tag in rule.get("tags", ()))
    return Rule(
        rule["id"],
        kind,
        str(rule.get("summary", "")),
        covers,
        about,
        where,
        tags=tags,
        soft=bool(rule.get("soft", False)),
        **patterns,
    )


def _read_says(path: Path, says: Any, nouns: Mapping[str, str]) -> Says:
    names = ("after", "before", "before_needs", "weak", "unless_before", "unless")
    if not isinstance(says, dict) or (unknown := sorted(set(says) - {*names, "strict"})):
        raise InputError(f"{path}: unknown key in [says]: {unknown[0]!r}; expected one of {', '.join(names)}, strict")

    def patterns(name: str) -> re.Pattern[str]:
        value = says.get(name, "(?:)" if name == "before_needs" else [])
        return _union(path, [value] if isinstance(value, str) else value, nouns)

    return Says(*(patterns(name) for name in names), strict=bool(says.get("strict", False)))


def _union(place: Path | str, patterns: Sequence[str], nouns: Mapping[str, str]) -> re.Pattern[str]:
    """One pattern for many; matches nothing where there are none."""
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        raise InputError(f"{place}: {patterns!r}; expected a list of regular expressions")
    filled = []
    for pattern in patterns:
        for name, words in nouns.items():
            pattern = pattern.replace("{" + name + "}", words)
        filled.append(f"(?:{pattern.translate(APOSTROPHE)})")
    try:
        return re.compile("|".join(filled) if filled else r"(?!)", re.IGNORECASE)
    except re.error as error:
        raise InputError(f"{place}: no regular expression: {error}; mend the pattern") from error
