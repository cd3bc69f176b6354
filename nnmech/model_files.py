"""The files of a model: a folder or a hub id, checked and loaded, every fault in one line."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from nnmech.errors import InputError
from nnmech.files import sha256_file

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def is_hub_id(name: str) -> bool:
    """Whether a name could be that of a model on the hub."""
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return not name.startswith(".")


def check_folder(folder: Path, remedy: str) -> str:
    """SHA-256 of the weights in a model folder; InputError where a file is missing, with `remedy` where all are."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: expected a model with config.json and model.safetensors; {remedy}")
    shards = sorted(folder.glob("model-*-of-*.safetensors"))
    weights = shards if (folder / "model.safetensors.index.json").is_file() else [folder / "model.safetensors"]
    for path in (folder / "config.json", folder / "tokenizer.json", *weights):
        if not path.is_file():
            raise InputError(
                f"{path} is missing: a model folder has config.json, model.safetensors and tokenizer.json; "
                "save model and tokenizer there with save_pretrained"
            )
    digests = [sha256_file(path) for path in weights]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def check_device(device: str) -> None:
    """InputError where torch cannot put anything on the device."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {device!r} cannot be used: {_first_line(error)}; pass 'cpu'") from error


def from_pretrained(
    source: str, dtype: torch.dtype, revision: str | None, *, local_only: bool
) -> tuple["PreTrainedModel", "PreTrainedTokenizerFast"]:
    """A causal LM whose weights are all there and its fast tokenizer, or an InputError in one line."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options: dict[str, Any] = {"local_files_only": local_only, "trust_remote_code": False}
    if revision is not None:
        options["revision"] = revision
    # Foreign files raise a wide family (KeyError for configurations, RuntimeError for shapes, plain Exception from the
    # tokenizers library), and all of it means the same to the caller.
    try:
        model, report = cast(
            tuple["PreTrainedModel", dict[str, Any]],
            AutoModelForCausalLM.from_pretrained(
                source, dtype=dtype, use_safetensors=True, output_loading_info=True, **options
            ),
        )
    except Exception as error:
        remedy = "" if not local_only or Path(source).is_dir() else "; to download it, pass allow_download=True"
        raise InputError(f"{source}: no causal LM could be loaded: {_first_line(error)}{remedy}") from error
    strays = sorted(map(str, (*report["missing_keys"], *report["mismatched_keys"])))
    if strays:
        raise InputError(
            f"{source}: the weights do not fit config.json: {len(strays)} tensors are missing or of another shape, "
            f"the first is {strays[0]}; take both from the same model"
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
    except Exception as error:
        raise InputError(f"{source}: tokenizer.json could not be loaded: {_first_line(error)}") from error
    if not tokenizer.is_fast:
        raise InputError(f"{source}: the tokenizer has no character offsets; pass a model with a tokenizer.json")
    return model, tokenizer


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
