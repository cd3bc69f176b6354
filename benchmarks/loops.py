"""The training loops that `nnmech.training.train` is held against."""

from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional
from transformers import PrinterCallback, Trainer, TrainingArguments
from workload import Workload

from nnmech.encoding import Example
from nnmech.training.mixtures import PAD_TO_MULTIPLE, Mixture

IGNORED = -100


class BareLoop:
    """The loop one would write for these batches and nothing else, without a line that costs time for no reason.

    Batches and shifted labels are made before the clock starts; no attention mask, since right padding needs none in a
    causal model; logits of every position, cross-entropy over those with a label; fused AdamW, gradients clipped, a
    rate that falls linearly; losses stay in memory. Nothing is written, nothing can be resumed.
    """

    def __init__(self, workload: Workload) -> None:
        self.config = workload.training
        self.device = workload.model.device
        self.batches = [
            (batch.input_ids.to(self.device), labels.to(self.device))
            for batch, labels in ((batch, _labels(batch.input_ids, batch.loss_weights)) for batch in workload.batches)
        ]

    def train(self, model: nn.Module) -> list[float]:
        """One pass over the batches; the loss of every update."""
        config = self.config
        model.train()
        parameters = list(model.parameters())
        optimizer = torch.optim.AdamW(
            parameters, lr=config.learning_rate, betas=config.betas, eps=config.eps, weight_decay=0.0, fused=True
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / len(self.batches))
        losses = []
        for input_ids, labels in self.batches:
            logits = model(input_ids=input_ids, use_cache=False).logits
            loss = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, config.max_grad_norm or float("inf"))
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append(loss.detach())
        return torch.stack(losses).tolist()


def _labels(input_ids: Int[Tensor, "b t"], loss_weights: Float[Tensor, "b t"]) -> Int[Tensor, "b t"]:
    """For each position the token it has to predict, IGNORED where that carries no loss."""
    targets = input_ids.masked_fill(loss_weights == 0, IGNORED)
    return functional.pad(targets[:, 1:], (0, 1), value=IGNORED)


def make_trainer(workload: Workload, folder: Path) -> Trainer:
    """The Hugging Face Trainer with the settings of the phase: examples in the mixture's order, padded batch by batch.

    It gets the attention mask, as data collators give it, and logs every update in memory; no bars, prints or files.
    """
    mixture, config = workload.mixture, workload.training
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"),
        num_train_epochs=1,
        per_device_train_batch_size=mixture.batch_size,
        train_sampling_strategy="sequential",
        learning_rate=config.learning_rate,
        lr_scheduler_type="linear",
        optim="adamw_torch_fused",
        adam_beta1=config.betas[0],
        adam_beta2=config.betas[1],
        adam_epsilon=config.eps,
        weight_decay=0.0,
        max_grad_norm=config.max_grad_norm or 0.0,
        logging_strategy="steps",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        use_cpu=workload.model.device.type == "cpu",
        seed=config.seed,
    )
    trainer = Trainer(
        model=workload.fresh_model(),
        args=arguments,
        train_dataset=[mixture.examples[index] for index in mixture.order],  # pyright: ignore[reportArgumentType]
        data_collator=lambda examples: _collate(examples, mixture),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _collate(examples: list[Example], mixture: Mixture) -> dict[str, Tensor]:
    longest = max(len(example.input_ids) for example in examples)
    width = -(-longest // PAD_TO_MULTIPLE) * PAD_TO_MULTIPLE
    ids = torch.full((len(examples), width), mixture.pad_id)
    labels = torch.full((len(examples), width), IGNORED)
    mask = torch.zeros(len(examples), width, dtype=torch.long)
    for row, example in enumerate(examples):
        length = len(example.input_ids)
        ids[row, :length] = torch.tensor(example.input_ids)
        labels[row, :length] = torch.where(torch.tensor(example.loss_weights) > 0, ids[row, :length], IGNORED)
        mask[row, :length] = 1
    return {"input_ids": ids, "labels": labels, "attention_mask": mask}


def run_trainer(trainer: Trainer) -> list[float]:
    """Train; the loss of every update."""
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
