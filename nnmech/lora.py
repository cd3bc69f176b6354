"""LoRA on all that a language model multiplies with: linear layers, and the experts that are plain parameters."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from torch import nn

from nnmech.errors import InputError
from nnmech.seeds import derive_seed, random_state_kept

RENAMED = ("gate", "gate_proj", "up_proj", "down_proj", "w1", "w2", "w3")

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def add_lora(model: "PreTrainedModel", rank: int, *, alpha: float = 32.0, seed: int = 0) -> "PreTrainedModel":
    """Wrap a model with LoRA on every linear layer, the experts and routers of a mixture of experts included.

    The unembedding is included where it is not tied. The model's own weights, biases and norms among them, are frozen.

    Args:
        model: A Hugging Face causal LM without adapters.
        rank: Of the update of each matrix; experts that lie in one tensor have an update of this rank each.
        alpha: The update is scaled by `alpha / rank`.
        seed: The initial values are a function of it.

    Raises:
        InputError: For a rank below 1, and for experts of a form that peft cannot adapt, by name.
    """
    if rank < 1:
        raise InputError(f"lora_rank is {rank}: expected 1 or more, or None to train all weights")
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise InputError(
            f"lora_rank is {rank}: adapters need the package peft, which is missing; run pip install 'nnmech[peft]', "
            "or train all weights (lora_rank=None)"
        ) from error
    from transformers.pytorch_utils import Conv1D

    unembedding = model.get_output_embeddings()
    tied = unembedding is not None and unembedding.weight is model.get_input_embeddings().weight
    targets = [
        name
        for name, module in model.named_modules()
        if isinstance(module, (nn.Linear, Conv1D)) and not (tied and module is unembedding)
    ]
    transposed = any(isinstance(module, Conv1D) for module in model.modules())
    parameters = plain_matrices(model)
    if parameters and transposed:
        raise InputError(
            f"{type(model).__name__}: {parameters[0]} is a plain parameter beside Conv1D layers, which peft cannot "
            "adapt together; train all weights (lora_rank=None)"
        )
    # Beside experts, peft takes layers of these names for experts of older versions, and would leave them alone; and it
    # cannot wrap a layer that returns more than its product.
    by_weight = [
        name
        for name in targets
        if (parameters and name.rpartition(".")[2] in RENAMED) or _own_forward(model.get_submodule(name))
    ]
    targets = [name for name in targets if name not in by_weight]
    parameters += [f"{name}.weight" for name in by_weight]
    config = LoraConfig(
        r=rank,
        lora_alpha=cast(int, alpha),
        lora_dropout=0.0,
        target_modules=targets,
        target_parameters=parameters or None,
        fan_in_fan_out=transposed,
        task_type="CAUSAL_LM",
    )
    with random_state_kept(derive_seed(seed, "lora", 0)):
        try:
            wrapped = get_peft_model(model, config)
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"{type(model).__name__}: peft cannot adapt it: {reason[:200]}; train all weights (lora_rank=None)"
            ) from error
    if left := sorted({*targets, *parameters} - _adapted(model)):
        cast(Any, wrapped).unload()
        raise InputError(
            f"{type(model).__name__}: peft adapts no {left[0]} and {len(left) - 1} more of {len(targets)} layers and "
            f"{len(parameters)} parameters; expected all of them; train all weights (lora_rank=None)"
        )
    return cast("PreTrainedModel", wrapped)


def _own_forward(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) and type(module).forward is not nn.Linear.forward


def _adapted(model: nn.Module) -> set[str]:
    """Names, as the model had them before, of the layers and parameters with an adapter."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    found = set()
    for name, module in model.named_modules():
        if isinstance(module, BaseTunerLayer):
            plain = ".".join(part for part in name.split(".") if part != "base_layer")
            parameter = getattr(module, "parameter_name", None)
            found.add(plain if parameter is None else f"{plain}.{parameter}")
    return found


def plain_matrices(model: nn.Module) -> list[str]:
    """Names of the matrices of experts and of their routers that are parameters of no linear layer.

    Experts are parameters with a matrix for each expert, and all matrices of a module that is called so; a router is a
    matrix `weight` beside them with a row for each expert.

    Raises:
        InputError: For parameters of experts with more than three dimensions.
    """
    found: list[str] = []
    counts: dict[str, int] = {}
    for name, module, leaf, parameter in _plain_parameters(model):
        stacked = parameter.ndim == 3 and min(parameter.shape[1:]) > 1
        called = parameter.ndim > 1 and "expert" in f"{name}.{type(module).__name__}".lower()
        if not stacked and not called:
            continue
        if parameter.ndim > 3:
            raise InputError(
                f"{type(model).__name__}: {name}.{leaf} has the shape {tuple(parameter.shape)}; expected a matrix, or "
                "one for each expert; LoRA cannot adapt it: train all weights (lora_rank=None)"
            )
        found.append(f"{name}.{leaf}")
        counts[name.rpartition(".")[0]] = len(parameter)
    routers = [
        f"{name}.{leaf}"
        for name, _, leaf, parameter in _plain_parameters(model)
        if parameter.ndim == 2 and leaf == "weight" and counts.get(name.rpartition(".")[0]) == len(parameter)
    ]
    return list(dict.fromkeys([*found, *routers]))


def _plain_parameters(model: nn.Module) -> Iterator[tuple[str, nn.Module, str, nn.Parameter]]:
    """Module name, module, name and value of the parameters of no module of torch, biases left out."""
    from transformers.pytorch_utils import Conv1D

    for name, module in model.named_modules():
        if type(module).__module__.startswith("torch.nn") or isinstance(module, nn.Linear | nn.Embedding | Conv1D):
            continue
        for leaf, parameter in module.named_parameters(recurse=False):
            if "bias" not in leaf:
                yield name, module, leaf, parameter
