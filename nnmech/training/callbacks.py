"""Snapshots in a training run of the Hugging Face Trainer, or of TRL's trainers, which share its callbacks."""

from typing import Any, cast

from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from nnmech.errors import RunError
from nnmech.training.recorder import Recorder

# Durations, which differ from run to run; the time of a line is in the line.
CLOCK_SUFFIXES = ("_runtime", "_per_second")


class SnapshotCallback(TrainerCallback):
    """Record a Trainer's run as `recorder` records a loop of your own: pass it in `Trainer(..., callbacks=[...])`.

    What the Trainer logs becomes a line of metrics. To resume, roll the run back to the Trainer's checkpoint with
    `RunWriter.resume(path, step=...)` and make the recorder anew.
    """

    def __init__(self, recorder: Recorder, *, phase: str = "train") -> None:
        self.recorder = recorder
        self.phase = phase

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if not state.is_world_process_zero:
            return
        writer = self.recorder.writer
        if writer.last_step > state.global_step:
            raise RunError(
                f"{writer.path}: has been written up to step {writer.last_step}, the Trainer begins at step "
                f"{state.global_step}. Roll back with RunWriter.resume(path, step={state.global_step}), or choose "
                "another folder."
            )
        writer.event("start", step=0)
        self._record(state, kwargs)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self._record(state, kwargs)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if not state.is_world_process_zero:
            return
        values = {key: value for key, value in kwargs["logs"].items() if not key.endswith(CLOCK_SUFFIXES)}
        if "learning_rate" in values:
            values["lr"] = values.pop("learning_rate")
        self.recorder.writer.metrics(step=state.global_step, phase=self.phase, **values)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.is_world_process_zero:
            self.recorder.writer.event("end", step=state.global_step)

    def _record(self, state: TrainerState, kwargs: dict[str, Any]) -> None:
        self.recorder(cast(nn.Module, kwargs["model"]), state.global_step, self.phase)
