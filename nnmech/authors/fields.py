"""Strict reading of YAML and JSON: every value knows its file, line and field, and names them where it is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nnmech.authors.reading import read_text
from nnmech.errors import InputError
from nnmech.files import parse_json, parse_yaml

MAX_YAML_BYTES = 2**20
MAX_DEPTH = 16
SHOWN = 60

_TEXT = "tag:yaml.org,2002:str"
_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_BARE = {"bool": "truth value", "int": "number", "float": "number", "null": "empty value", "timestamp": "date"}


@dataclass(frozen=True)
class Place:
    """Where a value stands: the file, the line from 1, and the field, for example `questions[3].category`."""

    path: Path
    line: int
    field: str

    def error(self, found: str, expected: str, remedy: str) -> InputError:
        """What to raise for a value that does not fit."""
        where = f"{self.field}: " if self.field else ""
        return InputError(f"{self.path}, line {self.line}: {where}found {found}, expected {expected}; {remedy}")


@dataclass(frozen=True)
class Bare:
    """A YAML scalar that is not text, such as an unquoted yes, which YAML takes for a truth value."""

    kind: str
    text: str


@dataclass(frozen=True)
class Field:
    """A value in its place: text, a Bare, another scalar of JSON, a list of Fields, or a dict of Fields by name."""

    place: Place
    value: Any

    def text(self) -> str:
        """The value as text; raises InputError for anything else, and for blank text."""
        if isinstance(self.value, str) and self.value.strip():
            return self.value
        remedy = "put it in quotes" if isinstance(self.value, Bare) else "write a text there"
        raise self.place.error(describe(self.value), "text", remedy)

    def choice(self, options: Sequence[str]) -> str:
        """The value as one of `options`."""
        if isinstance(self.value, str) and self.value in options:
            return self.value
        remedy = "put it in quotes" if isinstance(self.value, Bare) else "use one of them"
        raise self.place.error(describe(self.value), f"one of {', '.join(map(repr, options))}", remedy)

    def entries(self) -> list["Field"]:
        """The entries of a list with at least one."""
        if isinstance(self.value, list) and self.value:
            return self.value
        raise self.place.error(describe(self.value), "a list with at least one entry", "write one")

    def record(self, required: Sequence[str], optional: Sequence[str] | None = None) -> dict[str, "Field"]:
        """The fields by name; raises InputError where a required one is missing or one is neither.

        Any other field may be there where `optional` is None.
        """
        if not isinstance(self.value, dict):
            raise self.place.error(describe(self.value), f"the fields {', '.join(required)}", "write them")
        for name in required:
            if name not in self.value:
                place = Place(self.place.path, self.place.line, _joined(self.place.field, name))
                raise place.error("nothing", "this field", "add it")
        if optional is not None:
            allowed = (*required, *optional)
            for name, field in self.value.items():
                if name not in allowed:
                    raise field.place.error("an unknown field", f"only {', '.join(allowed)}", "remove or rename it")
        return self.value


def describe(value: Any) -> str:
    """A value in a few words, for an error message."""
    if isinstance(value, str):
        return repr(value if len(value) <= SHOWN else value[:SHOWN] + "…") if value.strip() else "an empty text"
    if isinstance(value, Bare):
        return f"the {value.kind} {value.text}".rstrip()
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"the fields {', '.join(list(value)[:5])}" if value else "no fields"
    return "an empty value" if value is None else f"the {type(value).__name__} {value!r}"


def read_yaml(path: Path) -> Field:
    """The whole of a YAML file of at most 1 MiB.

    Values are composed but never constructed, so that no tag runs code. Raises InputError for damaged YAML, for anchors
    and aliases, which can make a small file boundlessly large, for a field given twice, and for more than 16 levels or
    50,000 values.
    """
    root = parse_yaml(read_text(path, MAX_YAML_BYTES), path, max_depth=MAX_DEPTH)
    if root is None:
        raise InputError(f"{path}: empty, expected fields in YAML; fill the file or remove it")
    return _from_node(root, Place(path, 1, ""))


def _from_node(node: Any, place: Place) -> Field:
    place = Place(place.path, node.start_mark.line + 1, place.field)
    if isinstance(node, yaml.ScalarNode):
        short = node.tag.rpartition(":")[2]
        return Field(
            place, node.value if node.tag == _TEXT else Bare(_BARE.get(short, f"{node.tag} value"), node.value)
        )
    if node.tag not in _COLLECTIONS:
        raise place.error(f"the tag {node.tag!r}", "plain YAML", "remove the tag")
    if isinstance(node, yaml.SequenceNode):
        return Field(place, [_from_node(item, _entry(place, index)) for index, item in enumerate(node.value)])
    fields: dict[str, Field] = {}
    for key, value in node.value:
        here = Place(place.path, key.start_mark.line + 1, place.field)
        if key.tag != _TEXT:
            raise here.error("a field whose name is not text", "text", "put the name in quotes")
        here = Place(here.path, here.line, _joined(place.field, key.value))
        if key.value in fields:
            raise here.error("the field a second time", f"it once (line {fields[key.value].place.line})", "remove one")
        fields[key.value] = _from_node(value, here)
    return Field(place, fields)


def json_field(text: str, path: Path, line: int) -> Field:
    """A line of JSON, every value with this line; raises InputError for damaged JSON or a field given twice."""
    place = Place(path, line, "")
    if not text.strip():
        raise place.error("an empty line", "a line of JSON", "remove the line")
    value = parse_json(text, f"{path}, line {line}", pairs=lambda pairs: _unique(pairs, place))
    return _from_json(value, place)


def plain_value(field: Field) -> Any:
    """The value without its places, as JSON has it."""
    if isinstance(field.value, list):
        return [plain_value(item) for item in field.value]
    if isinstance(field.value, dict):
        return {name: plain_value(item) for name, item in field.value.items()}
    return field.value


def _from_json(value: Any, place: Place) -> Field:
    if isinstance(value, list):
        return Field(place, [_from_json(item, _entry(place, index)) for index, item in enumerate(value)])
    if isinstance(value, dict):
        inner = {name: Place(place.path, place.line, _joined(place.field, name)) for name in value}
        return Field(place, {name: _from_json(item, inner[name]) for name, item in value.items()})
    return Field(place, value)


def _unique(pairs: list[tuple[str, Any]], place: Place) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise Place(place.path, place.line, twice).error("the field a second time", "it once", "remove one")
    return dict(pairs)


def _entry(place: Place, index: int) -> Place:
    return Place(place.path, place.line, f"{place.field}[{index}]")


def _joined(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name
