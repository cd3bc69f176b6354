"""A figure said once: the calls that make a table and its figure, which run, and print themselves as Python."""

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import getitem
from typing import Any

from nnmech.errors import InputError

WIDTH = 100
"""Columns of a line of Python, as far as its parts can be broken."""
INDENT = 4
FLAT = -1_000_000
"""A column from which everything fits into its line."""


@dataclass(frozen=True, eq=False)
class Call:
    """A call of a library function; calls among its arguments stand for what they give."""

    name: str | None
    """What the result is called; None where it is written where it is used."""
    function: Callable[..., Any]
    """A function or class of a module, a method of what the first argument gives, `getattr` or `getitem`."""
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)

    def run(self, known: "Mapping[Call, Any] | None" = None) -> Any:
        """What the call gives.

        Args:
            known: Results of calls that need not run again.
        """
        return _result(self, dict(known or {}))

    def source(self) -> str:
        """The same as Python: its imports, and a line for every call that has a name."""
        return _source([self])

    def order(self) -> "list[Call]":
        """The calls that it takes, each once and after those that it takes itself, and the call itself."""
        return _ordered([self])


@dataclass(frozen=True, eq=False)
class Recipe:
    """How a table and the figure of it are made."""

    table: Call
    figure: Call | None = None
    """None for a table that has no figure."""

    @classmethod
    def drawn(cls, table: Call, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> "Recipe":
        """The recipe of a table whose figure `function` draws, with what it takes beside the table."""
        return cls(table, call("figure", function, table, *arguments, **keywords))

    def __post_init__(self) -> None:
        counts = Counter(one.name for one in self.order() if one.name is not None)
        twice = [name for name, count in counts.items() if count > 1]
        if twice:
            raise InputError(
                f"calls of a recipe: {twice} name two results each; expected one result a name; rename one"
            )

    def order(self) -> list[Call]:
        """All calls, each after those that it takes."""
        return _ordered(self._ends())

    def run(self, known: Mapping[Call, Any] | None = None) -> dict[str, Any]:
        """What every named call gives, by name.

        Args:
            known: Results of calls that need not run again.
        """
        results = dict(known or {})
        return {one.name: _result(one, results) for one in self.order() if one.name is not None}

    def source(self) -> str:
        """The same as Python, which makes what `run` gives."""
        return _source(self._ends())

    def _ends(self) -> list[Call]:
        return [self.table] if self.figure is None else [self.table, self.figure]


def call(name: str | None, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Call:
    """A call of `function` whose result is called `name`, or is written where it is used for None.

    Args:
        name: A Python name.
        function: A function or class of a module, a method with the call before it, `getattr` or `getitem`.
        arguments: Numbers, texts, None, other calls, and lists, tuples and mappings of these.
        keywords: The same, by name.
    """
    return Call(name, function, arguments, keywords)


def given(name: str, value: Any) -> Call:
    """A value with a name: `name = value`."""
    return Call(name, _same, (value,))


def _same(value: Any) -> Any:
    return value


def _ordered(ends: list[Call]) -> list[Call]:
    found: dict[Call, None] = {}

    def visit(one: Call) -> None:
        if one not in found:
            for value in (*one.arguments, *one.keywords.values()):
                for inner in _calls_in(value):
                    visit(inner)
            found[one] = None

    for end in ends:
        visit(end)
    return list(found)


def _calls_in(value: Any) -> Iterator[Call]:
    if isinstance(value, Call):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _calls_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _calls_in(inner)


def _result(one: Call, results: dict[Call, Any]) -> Any:
    """What a call gives, added to the results with all that it needs."""
    if one not in results:
        arguments = [_filled(value, results) for value in one.arguments]
        keywords = {name: _filled(value, results) for name, value in one.keywords.items()}
        results[one] = one.function(*arguments, **keywords)
    return results[one]


def _filled(value: Any, results: dict[Call, Any]) -> Any:
    """An argument with what its calls give in their place."""
    if isinstance(value, Call):
        return _result(value, results)
    if isinstance(value, Mapping):
        return {key: _filled(inner, results) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_filled(inner, results) for inner in value)
    return value


def _source(ends: list[Call]) -> str:
    calls = _ordered(ends)
    printer = _Printer(calls)
    lines = [f"{one.name} = {printer.expression(one, 0, len(one.name) + 3)}" for one in calls if one.name is not None]
    lines += [printer.expression(end, 0, 0) for end in ends if end.name is None]
    imports = [f"from {home} import {', '.join(sorted(names))}" for home, names in sorted(printer.imports.items())]
    return "\n".join([*imports, *([""] if imports else []), *lines])


class _Printer:
    """Writes calls as Python, and notes what has to be imported for them."""

    def __init__(self, calls: list[Call]) -> None:
        self.imports: defaultdict[str, set[str]] = defaultdict(set)
        """Names by the module that they come from."""
        homes = {(_home(one.function), one.function.__name__) for one in calls if _is_imported(one.function)}
        counts = Counter(name for _, name in homes)
        own = {one.name for one in calls}
        self._ambiguous = {name for name, count in counts.items() if count > 1 or name in own}

    def expression(self, one: Call, indent: int = 0, column: int = FLAT) -> str:
        """A call as an expression that begins at a column of a line with an indent; on one line by default."""
        if one.function is _same:
            return self.text(one.arguments[0], indent, column)
        arguments = list(one.arguments)
        if one.function is getattr:
            return f"{self.text(arguments[0], indent, column)}.{arguments[1]}"
        if one.function is getitem:
            return f"{self.text(arguments[0], indent, column)}[{self.text(arguments[1])}]"
        if "." in one.function.__qualname__:
            head = f"{self.text(arguments.pop(0), indent, column)}.{one.function.__name__}"
        else:
            head = self._reference(one.function)
        parts = [("", value) for value in arguments]
        parts += [(f"{name}=", value) for name, value in one.keywords.items()]
        return self._joined(f"{head}(", parts, ")", indent, column)

    def text(self, value: Any, indent: int = 0, column: int = FLAT) -> str:
        """A value as an expression, as `expression` has it."""
        if isinstance(value, Call):
            return self.expression(value, indent, column) if value.name is None else value.name
        if isinstance(value, Mapping):
            return self._joined(
                "{", [(f"{self.text(key)}: ", inner) for key, inner in value.items()], "}", indent, column
            )
        if isinstance(value, list):
            return self._joined("[", [("", inner) for inner in value], "]", indent, column)
        if isinstance(value, tuple):
            end = ",)" if len(value) == 1 else ")"
            return self._joined("(", [("", inner) for inner in value], end, indent, column)
        if isinstance(value, str):
            return _quoted(value)
        if value is None or type(value) in (bool, int) or (type(value) is float and math.isfinite(value)):
            return repr(value)
        raise InputError(
            f"argument of a call: {value!r} cannot be written as Python; expected a number, a text, None, a call, or a "
            "list, tuple or mapping of these; give it as one"
        )

    def _joined(self, start: str, parts: list[tuple[str, Any]], end: str, indent: int, column: int) -> str:
        line = start + ", ".join(front + self.text(value) for front, value in parts) + end
        if not parts or column + len(line) <= WIDTH:
            return line
        inner = indent + INDENT
        broken = [f"{' ' * inner}{front}{self.text(value, inner, inner + len(front))}," for front, value in parts]
        return "\n".join([start, *broken, f"{' ' * indent}{end.removeprefix(',')}"])

    def _reference(self, function: Callable[..., Any]) -> str:
        home, name = _home(function), function.__name__
        if home == "builtins":
            return name
        if "." not in home or name not in self._ambiguous:
            self.imports[home].add(name)
            return name
        package, _, module = home.rpartition(".")
        self.imports[package].add(module)
        return f"{module}.{name}"


def _quoted(text: str) -> str:
    """A text as Python, in double quotes where it has none itself."""
    written = repr(text)
    return written if '"' in text or "'" in text else f'"{written[1:-1]}"'


def _is_imported(function: Callable[..., Any]) -> bool:
    return function not in (_same, getattr, getitem) and "." not in function.__qualname__


def _home(function: Callable[..., Any]) -> str:
    """The shortest module from which the function can be imported: where a package offers it, the package."""
    parts = function.__module__.split(".")
    for end in range(1, len(parts)):
        module = ".".join(parts[:end])
        if getattr(sys.modules.get(module), function.__name__, None) is function:
            return module
    return function.__module__


def recall_recipe(folder: str, *, reading: str = "recall", layer: int = -1, boundary: int | None = None) -> Recipe:
    """The recipe of recall over training in the run in `folder`: its table, and the figure of one reading."""
    from nnmech.drift import recall_over_steps
    from nnmech.plots.recall import recall
    from nnmech.runs import Run

    table = call("readings", recall_over_steps, call("run", Run, folder))
    return Recipe.drawn(table, recall, reading=reading, layer=layer, boundary=boundary)
