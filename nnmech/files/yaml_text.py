"""YAML that is not ours: composed and never constructed, so that no tag runs code, and bounded node by node."""

from pathlib import Path

import yaml

from nnmech.errors import InputError
from nnmech.files.reading import ErrorType

MAX_NODES = 50_000
"""A node takes about 1 KiB of memory and 20 microseconds."""
MAX_DEPTH = 16

# libyaml's parser, some ten times as fast, where PyYAML was built with it.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(
    text: str,
    path: Path | str,
    *,
    max_nodes: int = MAX_NODES,
    max_depth: int = MAX_DEPTH,
    error: ErrorType = InputError,
) -> yaml.Node | None:
    """The root node of the one document in `text`, None where it is empty.

    Raises `error` that names `path` and the line for damaged YAML, for anchors and aliases, which can make a small file
    boundlessly large, and for more than `max_nodes` values or `max_depth` levels.
    """
    try:
        _check_events(text, path, max_nodes, max_depth, error)
        return yaml.compose(text, Loader=_Loader)
    except yaml.reader.ReaderError as problem:
        line = _line_of(text, problem.position)
        raise error(f"{path}, line {line}: a character that YAML does not allow; remove it") from problem
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = 1 if mark is None else mark.line + 1
        raise error(f"{path}, line {line}: damaged, expected YAML: {problem.problem}; mend the line") from problem


def _check_events(text: str, path: Path | str, max_nodes: int, max_depth: int, error: ErrorType) -> None:
    nodes = depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        place = f"{path}, line {event.start_mark.line + 1}: found "
        if getattr(event, "anchor", None) is not None:
            raise error(f"{place}the anchor or alias {event.anchor!r}, expected none; write the value out")
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.NodeEvent):
            nodes += 1
            depth += isinstance(event, yaml.CollectionStartEvent)
        if depth > max_depth:
            raise error(f"{place}more than {max_depth} levels, expected at most that many; make the file flatter")
        if nodes > max_nodes:
            raise error(f"{place}more than {max_nodes:,} values, expected at most that many; split the file")


def _line_of(text: str, position: int) -> int:
    # libyaml counts the bytes.
    return text.encode("utf-8", errors="replace")[:position].count(b"\n") + 1
