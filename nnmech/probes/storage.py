"""Fitted objects on disk: a safetensors file of tensors, and a JSON file that says what they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from nnmech.errors import InputError, RunError
from nnmech.files import open_tensors, read_json, save_safetensors_atomic, sha256_file, write_json_atomic

FORMAT_VERSION = 2


def write_fitted(folder: Path | str, kind: str, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """Write `{kind}.safetensors` and `{kind}.json` to `folder`, made where missing; RunError where the disk fails."""
    path = Path(folder) / f"{kind}.safetensors"
    save_safetensors_atomic(path, tensors)
    # The digest tells when a save that replaces another was cut short between the two files.
    described = {"format_version": FORMAT_VERSION, "sha256": sha256_file(path), **description}
    write_json_atomic(path.with_suffix(".json"), described)


def read_fitted(folder: Path | str, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and description as `write_fitted` wrote them, bit for bit.

    Raises InputError where a file is missing or damaged, the two do not belong together, or the format is another.
    """
    path = Path(folder) / f"{kind}.json"
    try:
        described = read_json(path)
        version = described["format_version"]
    except (OSError, KeyError, TypeError, InputError) as error:
        raise _not_saved(path, kind, error) from error
    if version != FORMAT_VERSION:
        raise InputError(f"{path}: format {version!r:.40}, expected {FORMAT_VERSION}; fit again with this nnmech")
    weights = path.with_suffix(".safetensors")
    try:
        if sha256_file(weights) == described["sha256"]:
            with open_tensors(weights) as file:
                return {name: file.tensor(name) for name in file.names}, described
    except (OSError, KeyError, RunError, InputError) as error:
        raise _not_saved(path, kind, error) from error
    raise InputError(f"{weights}: not the file that {path.name} describes (its sha256 differs); save it again")


def _not_saved(path: Path, kind: str, error: Exception) -> InputError:
    return InputError(f"{path}: not a saved {kind} ({error!r}); expected a folder written by save()")
