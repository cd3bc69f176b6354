"""A model's files, of a checked folder or of a hub id, loaded: every fault in one line."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from nnmech.errors import InputError, first_line
from nnmech.files import SMALL, read_json
from nnmech.model_folder import CONFIG, INDEX, INDEX_BOUNDS, Weights, check_config, check_index, check_sizes

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

# Tables that old checkpoints hold though models compute them (rotary frequencies, causal masks, positions), and the
# pooler of encoders whose classifier has none.
_EXPENDABLE = re.compile(
    r"(rotary_emb\.inv_freq|(attn|attention)\.(masked_)?bias|embeddings\.position_ids|pooler\.dense\.(weight|bias))$"
)


def is_hub_id(name: str) -> bool:
    """Whether a name could be that of a model on the hub."""
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return not name.startswith(".")


def check_device(device: str) -> None:
    """InputError where torch cannot put anything on the device."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {device!r} cannot be used: {first_line(error)}; pass 'cpu'") from error


def from_pretrained(
    source: str, dtype: torch.dtype, revision: str | None, *, local_only: bool, weights: Weights | None = None
) -> tuple["PreTrainedModel", "PreTrainedTokenizerFast"]:
    """A causal LM whose weights are all there and all used, and its fast tokenizer.

    Args:
        source: A folder that `check_folder` has looked at, or a hub id.
        dtype: Of the weights.
        revision: Commit, tag or branch on the hub.
        local_only: Whether nothing is fetched.
        weights: Of the folder; None for a hub id.

    Raises:
        InputError: In one line, for whatever does not load or fit.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    options: dict[str, Any] = {"local_files_only": local_only, "trust_remote_code": False}
    if revision is not None:
        options["revision"] = revision
    if weights is None:
        _check_hub_files(source, options)
    # Foreign files raise a wide family (KeyError for configurations, RuntimeError for shapes, plain Exception from the
    # tokenizers library), and all of it means the same to the caller.
    try:
        if weights is not None:
            check_sizes(AutoConfig.from_pretrained(source, **options).get_text_config(), weights, Path(source))
        with quiet_loading():
            model, report = cast(
                tuple["PreTrainedModel", dict[str, Any]],
                AutoModelForCausalLM.from_pretrained(
                    source, dtype=dtype, use_safetensors=True, output_loading_info=True, **options
                ),
            )
    except InputError:
        raise
    except Exception as error:
        remedy = "" if not local_only or Path(source).is_dir() else "; to download it, pass allow_download=True"
        raise InputError(f"{source}: no causal LM could be loaded: {first_line(error)}{remedy}") from error
    check_report(report, source)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
    except Exception as error:
        raise InputError(f"{source}: tokenizer.json could not be loaded: {first_line(error)}") from error
    if not tokenizer.is_fast:
        raise InputError(f"{source}: the tokenizer has no character offsets; pass a model with a tokenizer.json")
    return model, tokenizer


def check_report(report: Mapping[str, Any], source: str) -> None:
    """Refuse weights that do not fit the model, by what transformers reports of the loading.

    Raises:
        InputError: For tensors that are missing, of another shape, or without a place in the model.
    """
    strays = sorted(map(str, (*report["missing_keys"], *report["mismatched_keys"])))
    if strays:
        raise InputError(
            f"{source}: the weights do not fit config.json: {len(strays)} tensors are missing or of another shape, "
            f"the first is {strays[0]}; take both from the same model"
        )
    unused = sorted(name for name in map(str, report["unexpected_keys"]) if not _EXPENDABLE.search(name))
    if unused:
        raise InputError(
            f"{source}: the weights do not fit config.json: {len(unused)} tensors have no place in the model, the "
            f"first is {unused[0][:200]}; take both from the same model"
        )


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Without what transformers prints while it loads: `check_report` says in one line what of it is a fault."""
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def _check_hub_files(name: str, options: dict[str, Any]) -> None:
    """What `check_folder` refuses in config.json and in the index, of a model of the hub; its cache links to blobs."""
    from transformers.utils.hub import cached_file

    where = {key: value for key, value in options.items() if key != "trust_remote_code"}
    for file, bounds, check in ((CONFIG, SMALL, check_config), (INDEX, INDEX_BOUNDS, check_index)):
        # Whatever keeps the file from being found is said better by the loading itself.
        try:
            found = cached_file(name, file, **where)
        except Exception:  # noqa: BLE001
            found = None
        if found is not None:
            check(read_json(found, bounds), f"{name}, {file}")
