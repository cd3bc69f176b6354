"""Models: the embedded one, a local folder or a hub id, always a Hugging Face causal LM; its decoder blocks."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from nnmech.chat_templates import check_chat_template
from nnmech.encoding import pad_id
from nnmech.errors import InputError
from nnmech.lora import add_lora
from nnmech.model_files import check_device, from_pretrained, is_hub_id
from nnmech.model_folder import check_folder
from nnmech.named_models import NAMED_MODELS, named_folder
from nnmech.shipped import shipped

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

EMBEDDED = "embedded"
BASE_MODEL_VARIABLE = "NNMECH_BASE_MODEL"
# What CPU kernels may assume of a pointer, and what torch's own allocator gives.
ALIGNMENT = 64


DECODER_BLOCKS: dict[str, str] = {
    # "ClassOfTheModel": "path.of.its.blocks",
}
"""Where the decoder blocks lie in a model of this class: the path of their ModuleList, one line a class.

Needed only where `find_decoder_blocks` does not find them by itself.
"""


def uncompiled(model: nn.Module) -> nn.Module:
    """The model inside torch.compile, DataParallel and DistributedDataParallel, with its peft wrapper if it has one.

    Raises:
        InputError: For FullyShardedDataParallel, where no process has the whole weights.
    """
    while True:
        if isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        elif isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        elif type(model).__name__ == "FullyShardedDataParallel":
            raise InputError(
                "model: found FullyShardedDataParallel, whose weights are spread over processes; expected a model "
                "whose weights are all here; train with DistributedDataParallel, or record a checkpoint loaded again"
            )
        else:
            return model


def base_module(model: nn.Module) -> nn.Module:
    """The Hugging Face model inside any wrapper (torch.compile, DataParallel, peft), or the model itself."""
    model = uncompiled(model)
    unwrap = getattr(model, "get_base_model", None)
    return uncompiled(cast(nn.Module, unwrap())) if callable(unwrap) else model


def adapter_rank(model: nn.Module) -> int | None:
    """The rank of a model's active LoRA adapter; None for a model without one."""
    config = getattr(uncompiled(model), "active_peft_config", None)
    return getattr(config, "r", None)


def text_config(model: nn.Module) -> Any:
    """The configuration of the language model, also where it is part of a larger model."""
    config = getattr(base_module(model), "config", None)
    if config is None or not hasattr(config, "get_text_config"):
        raise InputError(f"{type(model).__name__} is no Hugging Face model: it has no config; pass a causal LM")
    return config.get_text_config()


def find_decoder_blocks(model: nn.Module) -> nn.ModuleList:
    """The decoder blocks of a causal LM, in order, whatever wraps it.

    They are the one outermost ModuleList of the decoder with as many entries as the configuration has layers, or what
    DECODER_BLOCKS says of the model's class.

    Raises:
        InputError: Where there is none or more than one, and where the table's path leads nowhere.
    """
    base, n_layers = base_module(model), text_config(model).num_hidden_layers
    name = type(base).__name__
    if (path := DECODER_BLOCKS.get(name)) is not None:
        return _listed_blocks(base, path)
    decoder = base
    if callable(get_decoder := getattr(decoder, "get_decoder", None)):
        decoder = cast(nn.Module, get_decoder())
    found = {
        place: module
        for place, module in decoder.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == n_layers
    }
    depth = min((place.count(".") for place in found), default=0)
    outermost = [module for place, module in found.items() if place.count(".") == depth]
    if len(outermost) != 1:
        raise InputError(
            f"{name}: expected one list of {n_layers} decoder blocks, found {len(outermost)} "
            f"({', '.join(found) or 'none'}); say where they are in nnmech.models.DECODER_BLOCKS[{name!r}]"
        )
    return outermost[0]


def _listed_blocks(base: nn.Module, path: str) -> nn.ModuleList:
    try:
        blocks = base.get_submodule(path)
    except AttributeError:
        blocks = None
    if not isinstance(blocks, nn.ModuleList):
        name = type(base).__name__
        raise InputError(
            f"nnmech.models.DECODER_BLOCKS[{name!r}]: found {path!r}, where {name} has no ModuleList; expected the "
            "path of its decoder blocks; correct the line"
        )
    return blocks


def embedding_rows(model: nn.Module) -> int:
    """How many token ids the model embeds."""
    return len(cast(Any, base_module(model)).get_input_embeddings().weight)


def check_token_ids(model: nn.Module, tokenizer: Any, ids: Iterable[int], place: str) -> None:
    """Refuse token ids that the model does not embed.

    Args:
        model: A causal LM.
        tokenizer: Names the token in the error; None where there is none.
        ids: The token ids of a text that the model is to read.
        place: Where they come from, for the error.

    Raises:
        InputError: For an id below 0 or beyond the embedding.
    """
    rows = embedding_rows(model)
    stray = next((id for id in ids if not 0 <= id < rows), None)
    if stray is not None:
        token = "" if tokenizer is None else f" ({tokenizer.convert_ids_to_tokens(stray)!r})"
        raise InputError(
            f"{place}: found token {stray}{token}, the model's embedding has {rows} rows; expected ids below {rows}; "
            "use the tokenizer that belongs to the model, or a text without that token"
        )


def align_parameters(model: nn.Module) -> None:
    """Move parameters that lie at odd addresses (views into a mapped file) to memory of their own, one at a time.

    CPU matrix products round by alignment, so a model loaded from a file and its equal built in memory would otherwise
    train to different bits.
    """
    for parameter in model.parameters():
        if parameter.device.type == "cpu" and parameter.data_ptr() % ALIGNMENT:
            parameter.data = parameter.data.clone()


@contextmanager
def in_mode(model: nn.Module, *, training: bool) -> Iterator[None]:
    """The model in train or eval mode inside, and every submodule in the mode it had afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def embedded_model_path() -> Path:
    """Folder of the shipped model; the environment variable NNMECH_BASE_MODEL overrides it."""
    override = os.environ.get(BASE_MODEL_VARIABLE)
    return Path(override) if override else shipped("base")


@dataclass(frozen=True)
class LoadedModel:
    """A causal LM in eval mode with its tokenizer, and what identifies it in a run directory."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerFast"
    id: str
    """`embedded`, another name, the folder, or the hub id."""
    revision: str | None
    """Commit on the hub; None for a folder."""
    sha256: str | None
    """Of `model.safetensors`, or of the digests of its shards in the order of their names; None for a hub id."""
    lora_rank: int | None = None

    @property
    def pad_id(self) -> int:
        """What batches are padded with: the tokenizer's own token or, since the mask hides it, any."""
        return pad_id(self.tokenizer, embedding_rows(self.model))

    def describe(self) -> dict[str, Any]:
        """What `run.json` says about the model."""
        config = text_config(self.model)
        return {
            "id": self.id,
            "revision": self.revision,
            "sha256": self.sha256,
            "architecture": type(base_module(self.model)).__name__,
            "d_model": config.hidden_size,
            "n_layers": config.num_hidden_layers,
            "vocab_size": config.vocab_size,
            "dtype": str(next(self.model.parameters()).dtype).removeprefix("torch."),
            "lora_rank": self.lora_rank,
        }


def load_model(
    name_or_path: str | Path = EMBEDDED,
    *,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    lora_rank: int | None = None,
    revision: str | None = None,
    allow_download: bool = False,
) -> LoadedModel:
    """Causal LM in eval mode with its fast tokenizer: `embedded`, another known name, a local folder, or a hub id.

    Only safetensors are read, and no code of the model's own is run. A tokenizer may have tokens that the model does
    not embed; a text that uses one is refused where the model is to read it.

    Args:
        name_or_path: `embedded`, one of `nnmech.named_models.NAMED_MODELS`, a folder, or a hub id.
        device: As torch calls it.
        dtype: Of the weights.
        lora_rank: Wrap the model with LoRA of this rank, see `add_lora`; None trains all weights.
        revision: Commit, tag or branch on the hub.
        allow_download: Whether a hub id that is not in the local cache is fetched; HF_HUB_OFFLINE is honoured.

    Raises:
        InputError: In one line, for a folder that is missing, incomplete or damaged, for weights that do not fit the
            model or that it has no place for, for a chat template that fails, and for an absent device.
    """
    name = str(name_or_path)
    folder, missing = _place(name_or_path)
    local = folder is not None
    weights = None if folder is None else check_folder(folder, missing)
    check_device(device)
    source = name if folder is None else str(folder)
    model, tokenizer = from_pretrained(source, dtype, revision, local_only=local or not allow_download, weights=weights)
    check_chat_template(tokenizer, source)
    align_parameters(model)
    model.to(device)  # pyright: ignore[reportArgumentType]
    loaded_revision = None if local else getattr(model.config, "_commit_hash", None)
    if lora_rank is not None:
        model = add_lora(model, lora_rank)
    sha256 = None if weights is None else weights.sha256
    return LoadedModel(model.eval(), tokenizer, name, loaded_revision, sha256, lora_rank)


def _place(name_or_path: str | Path) -> tuple[Path | None, str]:
    """The folder of a model, None for a hub id, and what to do where it is not there."""
    name, path = str(name_or_path), Path(name_or_path)
    if name == EMBEDDED:
        return embedded_model_path(), f"set {BASE_MODEL_VARIABLE} to a model folder"
    if isinstance(name_or_path, str) and name in NAMED_MODELS and not path.exists():
        return named_folder(name), f"run nnmech models get {name}"
    local = path.exists() or isinstance(name_or_path, Path) or not is_hub_id(name)
    return (path if local else None), "pass a model folder or a hub id"
