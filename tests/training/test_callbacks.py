"""The Hugging Face Trainer, watched by the callback, leaves the run directory that a loop of one's own leaves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast, Trainer, TrainingArguments

from nnmech.claims import Statement
from nnmech.errors import RunError
from nnmech.models import add_lora
from nnmech.runs import Run, RunWriter
from nnmech.training.callbacks import SnapshotCallback
from nnmech.training.recorder import Recorder

pytest.importorskip("accelerate")

STATEMENTS = tuple(
    Statement(f"s{index}", text, True, 1, "work", text[:8], "train", object_end=len(text) - 1)
    for index, text in enumerate(["Ada Berg is a pilot.", "Cyril Dahl is not a baker."])
)
TOTAL = 6
STEPS = [2, 3, 6]


def data() -> list[dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    rows = [torch.randint(9, 100, (10,), generator=generator) for _ in range(2 * TOTAL)]
    return [{"input_ids": row, "labels": row} for row in rows]


class Short(Trainer):
    """A Trainer whose memory runs out once, at the `fails_at`-th batch."""

    fails_at = 0
    batches = 0

    def training_step(self, *arguments: Any, **options: Any) -> Tensor:
        self.batches += 1
        if self.batches == self.fails_at:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().training_step(*arguments, **options)


def trainer_for(
    model: nn.Module,
    folder: Path,
    *callbacks: SnapshotCallback,
    total: int = TOTAL,
    kind: type[Trainer] = Trainer,
    **options: Any,
) -> Trainer:
    options = {"per_device_train_batch_size": 2, "logging_steps": 1} | options
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=total,
        learning_rate=1e-2,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=0.0,
        optim="adamw_torch",
        adam_beta2=0.95,
        save_steps=3,
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        train_sampling_strategy="sequential",
        **options,
    )
    return kind(model=model, args=arguments, train_dataset=data(), callbacks=list(callbacks))  # pyright: ignore


def own_loop(model: LlamaForCausalLM, recorder: Recorder) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.95), weight_decay=0.0)
    rows = data()
    recorder.writer.event("start", step=0)
    recorder(model, 0)
    for step in range(1, TOTAL + 1):
        ids = torch.stack([row["input_ids"] for row in rows[2 * step - 2 : 2 * step]])
        loss = model.train()(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        recorder.writer.metrics(step=step, phase="train", loss=loss, lr=1e-2)
        recorder(model, step)
    recorder.writer.event("end", step=TOTAL)


def snapshots(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (path / "snapshots").iterdir()}


def test_the_callback_writes_what_a_plain_loop_writes(
    tiny_tokenizer: PreTrainedTokenizerFast, make_model: Callable, tmp_path: Path
) -> None:
    def recorder(name: str, model: LlamaForCausalLM) -> Recorder:
        return Recorder.create(tmp_path / name, model, tiny_tokenizer, STATEMENTS, steps=STEPS)

    model = make_model(len(tiny_tokenizer))
    with recorder("plain", model) as plain:
        own_loop(model, plain)
    model = make_model(len(tiny_tokenizer))
    with recorder("trainer", model) as watched:
        trainer_for(model, tmp_path / "output", SnapshotCallback(watched)).train()
    untouched = make_model(len(tiny_tokenizer))
    trainer_for(untouched, tmp_path / "output").train()

    assert snapshots(tmp_path / "trainer") == snapshots(tmp_path / "plain")
    for one, other in zip(model.parameters(), untouched.parameters(), strict=True):
        assert torch.equal(one, other)
    one, other = Run(tmp_path / "trainer"), Run(tmp_path / "plain")
    assert one.steps == other.steps == [0, *STEPS]
    assert list(one.events["kind"]) == list(other.events["kind"]) == ["start", "end"]
    assert one.finished
    assert one.info["batch_hash"] == other.info["batch_hash"]
    logged = one.metrics[one.metrics["loss"].notna()]
    assert list(logged["step"]) == list(other.metrics["step"])
    assert logged["loss"].tolist() == pytest.approx(other.metrics["loss"].tolist(), abs=1e-4)
    assert set(logged["lr"]) == {1e-2}
    assert not [name for name in one.metrics if "runtime" in name]


def test_a_resumed_trainer_run_ends_like_an_uninterrupted_one(
    tiny_tokenizer: PreTrainedTokenizerFast, make_model: Callable, tmp_path: Path
) -> None:
    def run(name: str, total: int) -> Recorder:
        model = make_model(len(tiny_tokenizer))
        recorder = Recorder.create(tmp_path / name, model, tiny_tokenizer, STATEMENTS, steps=STEPS)
        trainer_for(model, tmp_path / f"{name} output", SnapshotCallback(recorder), total=total).train()
        recorder.close()
        return recorder

    run("whole", TOTAL)
    first = run("resumed", 4)
    model = make_model(len(tiny_tokenizer))
    with RunWriter.resume(tmp_path / "resumed", step=3) as writer:
        recorder = Recorder(writer, first.batches, steps=STEPS)
        trainer = trainer_for(model, tmp_path / "resumed output", SnapshotCallback(recorder))
        trainer.train(resume_from_checkpoint=str(tmp_path / "resumed output" / "checkpoint-3"))
    assert snapshots(tmp_path / "resumed") == snapshots(tmp_path / "whole")
    resumed, whole = Run(tmp_path / "resumed"), Run(tmp_path / "whole")
    for name in ("loss", "step"):
        assert resumed.metrics[name].dropna().tolist() == whole.metrics[name].dropna().tolist()
    assert list(resumed.events["kind"]) == ["start", "resume", "end"]


def test_a_run_that_is_ahead_of_the_trainer_is_refused(
    tiny_tokenizer: PreTrainedTokenizerFast, make_model: Callable, tmp_path: Path
) -> None:
    model = make_model(len(tiny_tokenizer))
    with Recorder.create(tmp_path / "run", model, tiny_tokenizer, STATEMENTS, steps=STEPS) as recorder:
        recorder(model, 2)
        trainer = trainer_for(model, tmp_path / "output", SnapshotCallback(recorder))
        with pytest.raises(RunError, match=r"written up to step 2, the Trainer begins at step 0\. Roll back"):
            trainer.train()


def test_memory_that_runs_out_in_the_first_step_leaves_a_run_like_any_other(
    tiny_tokenizer: PreTrainedTokenizerFast, make_model: Callable, tmp_path: Path
) -> None:
    # Half a batch fits into memory: the Trainer starts again with it, from untouched weights.
    model = make_model(len(tiny_tokenizer))
    with Recorder.create(tmp_path / "short", model, tiny_tokenizer, STATEMENTS, steps=STEPS) as recorder:
        trainer = trainer_for(
            model, tmp_path / "output", SnapshotCallback(recorder), kind=Short, auto_find_batch_size=True
        )
        trainer.fails_at = 1  # pyright: ignore
        trainer.train()
    plain = make_model(len(tiny_tokenizer))
    with Recorder.create(tmp_path / "plain", plain, tiny_tokenizer, STATEMENTS, steps=STEPS) as recorder:
        smaller = trainer_for(plain, tmp_path / "output", SnapshotCallback(recorder), per_device_train_batch_size=1)
        smaller.train()
    assert snapshots(tmp_path / "short") == snapshots(tmp_path / "plain")
    short, other = Run(tmp_path / "short"), Run(tmp_path / "plain")
    assert list(short.events["kind"]) == list(other.events["kind"]) == ["start", "end"]
    assert list(short.metrics["step"]) == list(other.metrics["step"])


@pytest.mark.parametrize("logging", [1, 100])
def test_memory_that_runs_out_later_is_named_with_a_remedy(
    tiny_tokenizer: PreTrainedTokenizerFast, make_model: Callable, tmp_path: Path, logging: int
) -> None:
    model = make_model(len(tiny_tokenizer))
    with Recorder.create(tmp_path / "run", model, tiny_tokenizer, STATEMENTS, steps=[6]) as recorder:
        trainer = trainer_for(
            model,
            tmp_path / "output",
            SnapshotCallback(recorder),
            kind=Short,
            auto_find_batch_size=True,
            logging_steps=logging,
        )
        trainer.fails_at = 3  # pyright: ignore
        with pytest.raises(RunError, match=r"starts again at step 0 after 2 steps.*per_device_train_batch_size to 1"):
            trainer.train()


@pytest.mark.parametrize("wrapper", ["compiled", "parallel", "lora", "compiled lora"])
def test_wrapped_models_are_recorded_as_what_they_are(
    tiny_tokenizer: PreTrainedTokenizerFast, make_model: Callable, tmp_path: Path, wrapper: str
) -> None:
    plain = make_model(len(tiny_tokenizer))
    with Recorder.create(tmp_path / "plain", plain, tiny_tokenizer, STATEMENTS, steps=[1]) as recorder:
        recorder(plain, 0)
    model: Any = add_lora(plain, 3) if "lora" in wrapper else plain
    model = torch.compile(model) if "compiled" in wrapper else model
    model = nn.DataParallel(model) if "parallel" in wrapper else model
    with Recorder.create(tmp_path / "wrapped", model, tiny_tokenizer, STATEMENTS, steps=[1]) as recorder:
        recorder(model, 0)
    one, other = Run(tmp_path / "plain").info["model"], Run(tmp_path / "wrapped").info["model"]
    assert other == {**one, "lora_rank": 3 if "lora" in wrapper else None}
    assert other["architecture"] == "LlamaForCausalLM"
    assert snapshots(tmp_path / "wrapped") == snapshots(tmp_path / "plain")
