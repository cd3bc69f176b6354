"""Safetensors files that are not ours: regular files alone, anything wrong an error that names the file."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError, safe_open
from torch import Tensor

from nnmech.errors import InputError
from nnmech.files.folder import Folder, path_of
from nnmech.files.json_text import parse_json
from nnmech.files.reading import ErrorType, opened


class TensorFile:
    """An opened safetensors file: `names`, `metadata` (text by name), and tensors that are read when asked for."""

    def __init__(self, path: Path, file: Any, error: ErrorType) -> None:
        self.path = path
        self.names: tuple[str, ...] = tuple(sorted(file.keys()))
        self.metadata: Mapping[str, str] = file.metadata() or {}
        self._file = file
        self._error = error

    def tensor(self, name: str) -> Tensor:
        """A tensor on the CPU; `error` where there is none of that name."""
        self._check(name)
        return self._file.get_tensor(name)

    def slice(self, name: str) -> Any:
        """A tensor whose parts are left in the file until they are looked at; `error` where there is none."""
        self._check(name)
        return self._file.get_slice(name)

    def text(self, key: str) -> str:
        """An entry of the metadata; `error` where there is none."""
        if key not in self.metadata:
            raise self._error(f"{self.path}: its metadata lack {key!r}; give a file that nnmech wrote")
        return self.metadata[key]

    def json(self, key: str, *, finite: bool = True) -> Any:
        """The JSON in an entry of the metadata; `error` where it is none."""
        return parse_json(self.text(key), f"{self.path}, {key!r} of its metadata", finite=finite, error=self._error)

    def _check(self, name: str) -> None:
        if name not in self.names:
            raise self._error(f"{self.path}: holds no tensor {name!r}; give a file that nnmech wrote")


@contextmanager
def open_tensors(
    path: Path | str, *, root: Folder | None = None, error: ErrorType = InputError
) -> Iterator[TensorFile]:
    """The safetensors file at `path` (within `root`, see `nnmech.files.reading.opened`).

    Raises FileNotFoundError where it is missing; `error` where it is damaged or no regular file.
    """
    place = Path(path) if root is None else root.path / path
    with opened(path, root=root, error=error) as file:
        try:
            with cast(Any, safe_open(path_of(file.fileno(), place), framework="pt")) as tensors:
                yield TensorFile(place, tensors, error)
        # Shapes that no tensor can have come to torch as they are written.
        except (OSError, SafetensorError, RuntimeError, OverflowError, json.JSONDecodeError) as problem:
            raise error(f"{place}: damaged: {problem}; restore it from a copy, or make it again") from problem
