"""What training needs to go on: weights and optimizer state by name, and a fingerprint of all that must not change."""

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nnmech.errors import InputError, RunError
from nnmech.models import uncompiled

WEIGHTS = "model/"
OPTIMIZER = "optimizer/"
# Enough of a frozen weight to tell one model from another without reading gigabytes.
FROZEN_SAMPLE = 64


def trainable_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters that training moves, by name, tied ones once; torch.compile around the model changes no name."""
    return {name: parameter for name, parameter in uncompiled(model).named_parameters() if parameter.requires_grad}


def checkpoint_tensors(model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> dict[str, Tensor]:
    """The live tensors of a checkpoint, not copied: trainable parameters, persistent buffers, optimizer state."""
    model = uncompiled(model)
    trainable = trainable_parameters(model)
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    buffers = {name: tensor for name, tensor in model.state_dict().items() if name not in parameters}
    tensors = {WEIGHTS + name: tensor.detach() for name, tensor in {**trainable, **buffers}.items()}
    if optimizer is not None:
        for name, parameter in trainable.items():
            for key, value in optimizer.state.get(parameter, {}).items():
                tensors[f"{OPTIMIZER}{key}/{name}"] = value
    return tensors


def restore_weights(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy the weights of a checkpoint into a model of the same architecture.

    Raises InputError, and changes nothing, where names or shapes are others.
    """
    expected = checkpoint_tensors(model)
    found = {name: tensor for name, tensor in tensors.items() if name.startswith(WEIGHTS)}
    for name in sorted(expected.keys() | found.keys()):
        shapes = [tuple(side[name].shape) if name in side else None for side in (expected, found)]
        if shapes[0] != shapes[1]:
            raise InputError(
                f"the checkpoint is of another model: {name.removeprefix(WEIGHTS)} has shape {shapes[1]} there and "
                f"{shapes[0]} here; load the model, and the LoRA rank, that the run was started with"
            )
    with torch.no_grad():
        for name, tensor in found.items():
            expected[name].copy_(tensor)


def restore_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimizer the state of a checkpoint for the parameters that are its own, copied to their devices."""
    own = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    names = {name: parameter for name, parameter in trainable_parameters(model).items() if id(parameter) in own}
    for stored, value in tensors.items():
        if not stored.startswith(OPTIMIZER):
            continue
        key, _, name = stored.removeprefix(OPTIMIZER).partition("/")
        if (parameter := names.get(name)) is not None:
            # A copy also on the CPU: what comes from a file may be a read-only view of it.
            state = value if key == "step" else value.to(parameter.device)
            optimizer.state[parameter][key] = state.clone()


def fingerprint(model: nn.Module, phases: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What a resumed run has to share with the one that was killed: each phase as given, and the frozen weights."""
    digests = {f"phase {name}": hashlib.sha256(repr(sorted(phase.items())).encode()) for name, phase in phases.items()}
    digests["frozen weights"] = frozen = hashlib.sha256()
    for name, parameter in uncompiled(model).named_parameters():
        if not parameter.requires_grad:
            stride = max(1, parameter.numel() // FROZEN_SAMPLE)
            sample = parameter.detach().flatten()[::stride][:FROZEN_SAMPLE].double().cpu()
            frozen.update(f"{name} {tuple(parameter.shape)}".encode() + sample.numpy().tobytes())
    return {"phases": " ".join(phases), **{name: digest.hexdigest() for name, digest in digests.items()}}


def check_fingerprint(run: object, saved: Mapping[str, str], now: Mapping[str, str]) -> None:
    """RunError that names the first part of the fingerprint that is not as it was when the checkpoint was written."""
    for name in sorted(saved.keys() | now.keys()):
        if saved.get(name) != now.get(name):
            raise RunError(
                f"{run}: cannot go on, since {name} is not what the run was started with; "
                "resume with the same model, data and configuration, or start a run of another name"
            )
