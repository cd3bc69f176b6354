"""The folder of a model, checked before any library reads it: what is hashed is what is loaded."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nnmech.errors import InputError
from nnmech.files import SMALL, Folder, open_tensors, opened, read_json
from nnmech.files.digests import Digest

CONFIG, TOKENIZER, WEIGHTS, INDEX = (
    "config.json",
    "tokenizer.json",
    "model.safetensors",
    "model.safetensors.index.json",
)
MOST_LAYERS, MOST_SHARDS, MOST_FILE_BYTES = 10_000, 10_000, 2**29
_COUNTS = re.compile(r"(^|_)n?_?(layers?|experts|heads?)$")
_BLOCK = re.compile(r"(?:(.*?)\.)??(\d+)\.")
_READ_BY_LIBRARIES = (".json", ".jinja", ".txt", ".model")
INDEX_BOUNDS = replace(SMALL, bytes=2**26)


@dataclass(frozen=True)
class Weights:
    """The safetensors files that are loaded, and the shape of every tensor in their headers."""

    files: tuple[str, ...]
    sha256: str
    """Of the one file, or of the digests of several in the order of their names."""
    shapes: Mapping[str, tuple[int, ...]]

    @property
    def blocks(self) -> int:
        """How many numbered parts from 0 on the tensors' names speak of: the decoder blocks, in a causal LM."""
        found: dict[str, set[int]] = {}
        for name in self.shapes:
            if match := _BLOCK.match(name):
                found.setdefault(match[1] or "", set()).add(int(match[2][:9]))
        runs = [next(number for number in range(len(seen) + 1) if number not in seen) for seen in found.values()]
        return max(runs, default=0)


def check_folder(folder: Path, remedy: str) -> Weights:
    """The weights of a model folder, whose files have been looked at one by one.

    Args:
        folder: With config.json, tokenizer.json and model.safetensors or the shards that an index names.
        remedy: What to do where there is no folder.

    Raises:
        InputError: In one line, where a file is missing, damaged, a link or too large, for an index that names anything
            but safetensors in the folder, for an adapter, and for counts in config.json that no model has.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: expected a model with config.json and model.safetensors; {remedy}")
    try:
        with Folder(folder) as root:
            names = root.names()
            for name in names:
                if name.endswith(_READ_BY_LIBRARIES):
                    _check_file(root, name)
            files = _weight_files(root, names)
            for name in (CONFIG, TOKENIZER, *files):
                if name not in names:
                    raise InputError(
                        f"{folder / name} is missing: a model folder has config.json, model.safetensors and "
                        "tokenizer.json; save model and tokenizer there with save_pretrained"
                    )
            check_config(read_json(CONFIG, root=root), folder / CONFIG)
            if "adapter_config.json" in names:
                raise InputError(
                    f"{folder / 'adapter_config.json'}: found an adapter, whose model lies elsewhere; expected a whole "
                    "model; merge the adapter (merge_and_unload) and save the result"
                )
            digests = [_digest(root, name) for name in files]
            shapes = {tensor: shape for name in files for tensor, shape in _shapes(root, name)}
    except OSError as problem:
        raise InputError(f"{folder}: cannot be read: {problem.strerror}; check its permissions") from problem
    sha256 = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    return Weights(tuple(files), sha256, shapes)


def check_config(config: Any, place: Path | str) -> None:
    """Refuse a config.json that is no object, whose counts no model has, or that names weights of its own."""
    if not isinstance(config, dict):
        raise InputError(f"{place}: found a {type(config).__name__}, expected an object; restore the file")
    if config.get("transformers_weights") is not None:
        raise InputError(
            f"{place}: found transformers_weights, expected weights in {WEIGHTS} or in the shards of {INDEX}; "
            "remove the entry"
        )
    for name, value in _entries(config):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if _COUNTS.search(name) and whole and not -MOST_LAYERS <= value <= MOST_LAYERS:
            raise InputError(f"{place}: {name} is {value}, expected at most {MOST_LAYERS:,}; correct the file")


def check_index(index: Any, place: Path | str) -> list[str]:
    """The sorted shards that an index names: plain names of safetensors files, at least one."""
    table = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(table, dict) or not table:
        raise InputError(f"{place}: found no weight_map, expected the shard of each tensor; save the model again")
    for tensor, shard in table.items():
        plain = isinstance(shard, str) and not {"/", "\\", "\0"} & set(shard)
        if not plain or not shard.endswith(".safetensors") or shard.startswith("."):
            raise InputError(
                f"{place}: found {str(shard)[:100]!r} for the tensor {tensor[:100]!r}, expected the plain name of a "
                ".safetensors file beside the index; save the model again as safetensors"
            )
    shards = sorted(set(table.values()))
    if len(shards) > MOST_SHARDS:
        raise InputError(f"{place}: found {len(shards):,} shards, expected at most {MOST_SHARDS:,}; use larger ones")
    return shards


def check_sizes(config: Any, weights: Weights, folder: Path) -> None:
    """Refuse a configuration that speaks of other sizes than the headers of the weights, before anything is built.

    Args:
        config: Of the language model, as transformers understands config.json.
        weights: Of the same folder.
        folder: For the error.
    """
    rows = {shape[0] for shape in weights.shapes.values() if len(shape) == 2}
    widths = {size for shape in weights.shapes.values() for size in shape}
    for name, most, fits, found in (
        ("num_hidden_layers", weights.blocks, None, f"{weights.blocks} numbered blocks"),
        ("hidden_size", 2**31, widths, "no tensor of that width"),
        ("vocab_size", 2**31, rows, "no matrix of that many rows"),
    ):
        value = getattr(config, name, None)
        whole = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most
        if not whole or (fits is not None and value not in fits):
            raise InputError(
                f"{folder}: the weights do not fit config.json: {name} is {str(value)[:40]}, the weights have {found}; "
                "take both from the same model"
            )


def _weight_files(root: Folder, names: list[str]) -> list[str]:
    # As transformers chooses: one whole file goes before shards.
    if WEIGHTS in names or INDEX not in names:
        return [WEIGHTS]
    index = read_json(INDEX, INDEX_BOUNDS, root=root)
    return check_index(index, root.path / INDEX)


def _check_file(root: Folder, name: str) -> None:
    with opened(name, root=root):
        size = root.status(name).st_size
    if size > MOST_FILE_BYTES:
        raise InputError(f"{root.path / name}: found {size:,} bytes, expected at most {MOST_FILE_BYTES:,}; shorten it")


def _digest(root: Folder, name: str) -> str:
    with opened(name, root=root) as file:
        return Digest.of_file(file).sha256


def _shapes(root: Folder, name: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    with open_tensors(name, root=root) as file:
        for tensor in file.names:
            yield tensor, tuple(file.slice(tensor).get_shape())


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield name, item
            yield from _entries(item)
    elif isinstance(value, list):
        for item in value:
            yield from _entries(item)
