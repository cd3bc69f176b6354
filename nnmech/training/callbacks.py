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
    `RunWriter.resume(path, step=...)` and make the recorder again.

    Args:
        recorder: Of the run.
        phase: What the run's lines call this training.
    """

    def __init__(self, recorder: Recorder, *, phase: str = "train") -> None:
        self.recorder = recorder
        self.phase = phase
        self._trained = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if not state.is_world_process_zero:
            return
        writer = self.recorder.writer
        if self._trained > state.global_step and args.auto_find_batch_size:
            # The Trainer counts from 0 again, and the weights are where the first attempt left them.
            raise RunError(
                f"{writer.path}: the Trainer starts again at step {state.global_step} after {self._trained} steps, as "
                "auto_find_batch_size does when memory runs out, and goes on with the weights that those steps left; "
                f"expected an untouched model; {_smaller_batches(state)}, load the model again, and record into "
                "another folder"
            )
        if (reached := max(writer.last_step, self._trained)) > state.global_step:
            raise RunError(
                f"{writer.path}: has been written up to step {reached}, the Trainer begins at step "
                f"{state.global_step}. Roll back with RunWriter.resume(path, step={state.global_step}), or choose "
                "another folder."
            )
        writer.event("start", step=0)
        self._record(state, kwargs)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._trained = state.global_step
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


def _smaller_batches(state: TrainerState) -> str:
    size = state.train_batch_size
    known = f" to {size}, which the Trainer would try next," if size else ""
    return f"set per_device_train_batch_size{known} and auto_find_batch_size=False"
