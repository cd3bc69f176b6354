"""Fine-tuning. In: examples, a model and a run's writer. Out: a trained model, and what was recorded meanwhile."""

from nnmech.training.loop import held_out_loss, loss_logits, train
from nnmech.training.mixtures import Mixture
from nnmech.training.phases import Phase, TrainingConfig

__all__ = ["Mixture", "Phase", "TrainingConfig", "held_out_loss", "loss_logits", "train"]
