"""Models: the embedded one, a local folder or a hub id, always a Hugging Face causal LM; LoRA; the decoder blocks."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from nnmech.errors import InputError
from nnmech.seeds import derive_seed
from nnmech.shipped import shipped

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

EMBEDDED = "embedded"
BASE_MODEL_VARIABLE = "NNMECH_BASE_MODEL"
# What CPU kernels may assume of a pointer, and what torch's own allocator gives.
ALIGNMENT = 64


def base_module(model: nn.Module) -> nn.Module:
    """The Hugging Face model inside a peft wrapper, or the model itself."""
    unwrap = getattr(model, "get_base_model", None)
    return cast(nn.Module, unwrap()) if callable(unwrap) else model


def text_config(model: nn.Module) -> Any:
    """The configuration of the language model, also where it is part of a larger model."""
    config = getattr(base_module(model), "config", None)
    if config is None or not hasattr(config, "get_text_config"):
        raise InputError(f"{type(model).__name__} is no Hugging Face model: it has no config; pass a causal LM")
    return config.get_text_config()


def find_decoder_blocks(model: nn.Module) -> nn.ModuleList:
    """The decoder blocks of a causal LM, in order, with or without peft around it.

    They are the one outermost ModuleList of the decoder with as many entries as the configuration has layers.
    Raises InputError where there is none or more than one.
    """
    n_layers = text_config(model).num_hidden_layers
    decoder = base_module(model)
    if callable(get_decoder := getattr(decoder, "get_decoder", None)):
        decoder = cast(nn.Module, get_decoder())
    found = {
        name: module
        for name, module in decoder.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == n_layers
    }
    depth = min((name.count(".") for name in found), default=0)
    outermost = [module for name, module in found.items() if name.count(".") == depth]
    if len(outermost) != 1:
        raise InputError(
            f"{type(base_module(model)).__name__}: expected one list of {n_layers} decoder blocks, "
            f"found {len(outermost)} ({', '.join(found) or 'none'}); this architecture is not supported"
        )
    return outermost[0]


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
    """`embedded`, the folder, or the hub id."""
    revision: str | None
    """Commit on the hub; None for a folder."""
    sha256: str | None
    """Of `model.safetensors`, or of the digests of its shards in the order of their names; None for a hub id."""
    lora_rank: int | None = None

    @property
    def pad_id(self) -> int:
        """What batches are padded with: the tokenizer's own token or, behind the mask, any."""
        pad = self.tokenizer.pad_token_id
        return pad if isinstance(pad, int) else 0

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
    """Causal LM in eval mode with its fast tokenizer: `embedded`, a local folder, or a hub id.

    A hub id is looked up in the local cache only, unless `allow_download`; HF_HUB_OFFLINE is honoured either way. Only
    safetensors are read, and no code of the model's own is run. Raises InputError, in one line, for a folder that is
    missing, incomplete or damaged, for weights or a tokenizer that do not fit the model, and for an absent device.
    """
    name = str(name_or_path)
    folder = embedded_model_path() if name == EMBEDDED else Path(name)
    local = name == EMBEDDED or folder.exists() or isinstance(name_or_path, Path) or not _is_hub_id(name)
    sha256 = _check_folder(folder, embedded=name == EMBEDDED) if local else None
    _check_device(device)
    source = str(folder) if local else name
    model, tokenizer = _from_pretrained(source, dtype, revision, local_only=local or not allow_download)
    _check_vocabulary(source, model, tokenizer)
    align_parameters(model)
    model.to(device)  # pyright: ignore[reportArgumentType]
    loaded_revision = None if local else getattr(model.config, "_commit_hash", None)
    if lora_rank is not None:
        model = add_lora(model, lora_rank)
    return LoadedModel(model.eval(), tokenizer, name, loaded_revision, sha256, lora_rank)


def add_lora(model: "PreTrainedModel", rank: int, *, alpha: float = 32.0, seed: int = 0) -> "PreTrainedModel":
    """Wrap a model with LoRA of `rank` on every linear layer, the unembedding included where it is not tied.

    The update is scaled by `alpha / rank`. Initial values are a function of `seed`; the model's own weights are frozen.
    Raises InputError for a rank below 1.
    """
    if rank < 1:
        raise InputError(f"lora_rank is {rank}: expected 1 or more, or None to train all weights")
    from peft import LoraConfig, get_peft_model
    from transformers.pytorch_utils import Conv1D

    unembedding = model.get_output_embeddings()
    tied = unembedding is not None and unembedding.weight is model.get_input_embeddings().weight
    targets = [
        name
        for name, module in model.named_modules()
        if isinstance(module, (nn.Linear, Conv1D)) and not (tied and module is unembedding)
    ]
    transposed = any(isinstance(module, Conv1D) for module in model.modules())
    config = LoraConfig(
        r=rank,
        lora_alpha=cast(int, alpha),
        lora_dropout=0.0,
        target_modules=targets,
        fan_in_fan_out=transposed,
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(seed, "lora", 0))
        return cast("PreTrainedModel", get_peft_model(model, config))


def _is_hub_id(name: str) -> bool:
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return not name.startswith(".")


def _check_folder(folder: Path, *, embedded: bool) -> str:
    """SHA-256 of the weights in a model folder; InputError where a file is missing."""
    from nnmech.files import sha256_file

    if not folder.is_dir():
        remedy = f"set {BASE_MODEL_VARIABLE} to a model folder" if embedded else "pass a model folder or a hub id"
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


def _check_device(device: str) -> None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {device!r} cannot be used: {_first_line(error)}; pass 'cpu'") from error


def _from_pretrained(
    source: str, dtype: torch.dtype, revision: str | None, *, local_only: bool
) -> tuple["PreTrainedModel", "PreTrainedTokenizerFast"]:
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


def _check_vocabulary(source: str, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerFast") -> None:
    rows = cast(nn.Embedding, model.get_input_embeddings()).num_embeddings
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if highest >= rows:
        raise InputError(
            f"{source}: the tokenizer and the model do not fit: ids go up to {highest}, the embedding has {rows} rows; "
            "take both from the same model"
        )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
