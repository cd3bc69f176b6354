"""How a phase of training is optimised."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from nnmech.errors import InputError
from nnmech.training.mixtures import REDUCTIONS, Mixture, Reduction

Schedule = Literal["linear", "constant"]


@dataclass(frozen=True)
class TrainingConfig:
    """How one phase is optimised: AdamW, one pass over the mixture."""

    learning_rate: float = 2e-4
    """Highest rate of the phase."""
    schedule: Schedule = "linear"
    """`linear` falls to 0, which it would reach one step after the last; `constant` stays. Both after the warm-up."""
    warmup_steps: int = 0
    """Steps in which the rate rises linearly, the last of them at `learning_rate`."""
    betas: tuple[float, float] = (0.9, 0.95)
    """Decay of the running means of gradient and squared gradient."""
    eps: float = 1e-8
    """Added to the root of the second moment."""
    weight_decay: float = 0.0
    """Decoupled, for every trained weight; a step shrinks weights by learning rate times this."""
    max_grad_norm: float | None = 1.0
    """The gradient is scaled down to this global 2-norm; None leaves it as it is."""
    loss_reduction: Reduction = "token"
    """`token`: each token weighs alike. `example`: each example does, a short chat as much as a long document."""
    seed: int = 0
    """Of dropout; the order of the data has its own seed in the mixture."""
    checkpoint_every: int | None = None
    """Steps of this phase between two checkpoints, beside those that `train` is given; None for no others."""

    def __post_init__(self) -> None:
        for name in ("learning_rate", "eps"):
            if not 0 < (value := getattr(self, name)) < math.inf:
                raise InputError(f"{name} is {value}: expected a positive number")
        if self.schedule not in get_args(Schedule):
            raise InputError(f"schedule is {self.schedule!r}: expected one of {', '.join(get_args(Schedule))}")
        if self.loss_reduction not in REDUCTIONS:
            raise InputError(f"loss_reduction is {self.loss_reduction!r}: expected one of {', '.join(REDUCTIONS)}")
        if self.warmup_steps < 0:
            raise InputError(f"warmup_steps is {self.warmup_steps}: expected 0 or more")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise InputError(f"betas are {self.betas}: expected two numbers in [0, 1)")
        if not 0 <= self.weight_decay < math.inf:
            raise InputError(f"weight_decay is {self.weight_decay}: expected 0 or more")
        if self.max_grad_norm is not None and not 0 < self.max_grad_norm < math.inf:
            raise InputError(f"max_grad_norm is {self.max_grad_norm}: expected a positive number, or None")
        if self.checkpoint_every is not None and self.checkpoint_every < 1:
            raise InputError(f"checkpoint_every is {self.checkpoint_every}: expected 1 or more, or None")

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of a step in 1 … `steps` of the phase."""
        if step <= self.warmup_steps:
            return self.learning_rate * step / self.warmup_steps
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * (steps - step + 1) / (steps - self.warmup_steps)


@dataclass(frozen=True)
class Phase:
    """One pass over a mixture with an optimizer of its own."""

    name: str
    mixture: Mixture
    config: TrainingConfig = TrainingConfig()

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("a phase has no name: expected a word such as 'phase1'")
        if self.config.warmup_steps >= self.mixture.steps:
            raise InputError(
                f"phase {self.name!r}: warmup_steps is {self.config.warmup_steps}, "
                f"expected fewer than its {self.mixture.steps} steps"
            )

    @property
    def identity(self) -> dict[str, Any]:
        """All that decides what the phase does to a model; how often it is saved does not."""
        config = {name: value for name, value in asdict(self.config).items() if name != "checkpoint_every"}
        return {**config, "data": self.mixture.hash}
