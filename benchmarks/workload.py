"""What is trained and what is recorded: the two-phase experiment's own model, data and statements."""

import copy
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from nnmech.experiments.data import load
from nnmech.experiments.two_phase import TwoPhaseSettings
from nnmech.experiments.two_phase.single import plan_run
from nnmech.recording.statements import StatementBatches, freeze_statements
from nnmech.training import TrainingConfig
from nnmech.training.mixtures import Batch, Mixture

SNAPSHOT_DTYPE = torch.float16
"""As the experiment stores them."""


@dataclass(frozen=True)
class Workload:
    """Phase 2 of the first run of a preset without constraint, with the statements that the run records."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    description: dict[str, object]
    """What `run.json` says of the model."""
    mixture: Mixture
    statements: StatementBatches
    run_updates: int
    """Updates of a whole run of the preset, both phases."""
    run_snapshots: int
    """Its snapshots, that of the untouched model included."""
    training: TrainingConfig

    def fresh_model(self) -> PreTrainedModel:
        """The untouched model, in memory of its own."""
        return copy.deepcopy(self.model)

    def fresh_mixture(self, updates: int | None = None) -> Mixture:
        """The mixture with nothing computed yet; for `updates`, one pass over its examples as often as that takes."""
        if updates is None:
            return replace(self.mixture)
        examples = list(self.mixture.examples)
        count = updates * self.mixture.batch_size
        return replace(self.mixture, examples=(examples * -(-count // len(examples)))[:count])

    @cached_property
    def batches(self) -> list[Batch]:
        """The batches that every loop is given."""
        return [self.mixture.batch(step) for step in range(1, self.mixture.steps + 1)]

    @property
    def tokens(self) -> int:
        """Tokens of one pass, padding not counted."""
        return sum(batch.tokens for batch in self.batches)

    def summary(self) -> dict[str, object]:
        """Sizes, for the results."""
        return {
            "model": self.description,
            "updates": self.mixture.steps,
            "examples": len(self.mixture.examples),
            "batch_size": self.mixture.batch_size,
            "tokens": self.tokens,
            "tokens_with_padding": sum(batch.input_ids.numel() for batch in self.batches),
            "tokens_with_loss": sum(len(batch.targets) for batch in self.batches),
            "statements": len(self.statements.statements),
            "statement_tokens": sum(int(batch.attention_mask.sum()) for batch in self.statements.batches),
            "positions": self.statements.positions,
        }


def make_workload(config: TwoPhaseSettings) -> Workload:
    """Load the model and build the data; the model writes the instruction chats itself, which takes seconds."""
    config = replace(config, arms=("none",))
    loaded = load(config)
    claim, arm, seed = config.runs[0]
    plan = plan_run(loaded, claim, arm, seed, config)
    steps = plan.schedule
    return Workload(
        model=loaded.model,
        tokenizer=loaded.tokenizer,
        description=loaded.describe(),
        mixture=plan.phases[-1].mixture,
        statements=freeze_statements(loaded.tokenizer, plan.statements),
        run_updates=steps.total,
        run_snapshots=len(steps.snapshots),
        training=TrainingConfig(learning_rate=config.phase2_learning_rate, seed=seed),
    )
