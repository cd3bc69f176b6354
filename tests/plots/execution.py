"""The Python of a recipe, carried out as a reader who copies it would."""

from typing import Any


def execute(source: str) -> dict[str, Any]:
    """What Python leaves in its variables."""
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102
    return names
