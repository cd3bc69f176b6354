"""How fast `nnmech.training.train` is beside other loops, and what its snapshots cost."""

import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loops import BareLoop, make_trainer, run_trainer
from timing import Row, Seconds, Variant, cpu_note, interleave, ratios
from transformers import PreTrainedModel
from workload import SNAPSHOT_DTYPE, Workload

from nnmech.errors import RunError
from nnmech.recording.snapshots import log_spaced_steps
from nnmech.runs import Run
from nnmech.runs.writer import RunWriter
from nnmech.training import Phase, train
from nnmech.training.recorder import Recorder

PAPER_UPDATES = 625
SNAPSHOTS = 15
SAME_LOSS = 0.005
"""Nats by which two loops may differ in the loss of an update: rounding grows over the updates, a mistake is more."""


def measure_snapshot_overhead(workload: Workload, repeats: int, *, outright: bool) -> list[Row]:
    """The same training run with 15 log-spaced snapshots and that of the untouched model, against none.

    Both write metrics and final weights; snapshots are captured, written, synced and hashed as in the experiment. The
    run is one pass over the mixture, so the snapshots are dense in it, which measures their cost well; the ratios of
    longer runs follow, since neither the cost of a snapshot nor that of an update depends on their number. `outright`
    also trains for the paper's 625 updates.
    """
    rows = []
    for updates in (workload.mixture.steps, PAPER_UPDATES) if outright else (workload.mixture.steps,):
        with tempfile.TemporaryDirectory() as folder:
            runs = _Runs(workload, Path(folder), updates)
            taken = interleave(
                {
                    "without snapshots": Variant(runs.prepare, _train),
                    "with snapshots": Variant(lambda runs=runs: runs.prepare(snapshots=SNAPSHOTS), _train),
                },
                repeats,
            )
        rows += _overhead_rows(workload, updates, taken["with snapshots"], taken["without snapshots"])
    return rows


def _overhead_rows(
    workload: Workload, updates: int, recorded: Sequence[Seconds], plain: Sequence[Seconds]
) -> list[Row]:
    count = len(log_spaced_steps(updates, SNAPSHOTS)) + 1
    statements = f"{len(workload.statements.statements)} statements"
    measured = Row(
        f"training with snapshots / without: {updates} updates, {count} snapshots",
        "",
        ratios(recorded, plain),
        at_most=1.05 if updates == PAPER_UPDATES else None,
        note=f"measured; {statements}; {cpu_note(recorded, plain)}",
    )
    if updates == PAPER_UPDATES:
        return [measured]
    costs = [(a.wall - b.wall) / count for a, b in zip(recorded, plain, strict=True)]
    update = [b.wall / updates for b in plain]
    # A ratio of r over these updates is one of 1 + (r - 1) * scale over others.
    by_cpu = statistics.median(a.cpu / b.cpu for a, b in zip(recorded, plain, strict=True))

    def scaled(name: str, other: int, snapshots: int, at_most: float | None = None) -> Row:
        scale = updates / other * snapshots / count
        values = tuple(1 + (ratio - 1) * scale for ratio in measured.values)
        note = f"from the row above: {other} updates, {snapshots} snapshots; "
        note += f"by processor time {1 + (by_cpu - 1) * scale:.3f}"
        return Row(f"training with snapshots / without: {name}", "", values, at_most=at_most, note=note)

    return [
        measured,
        scaled("the paper's schedule", PAPER_UPDATES, SNAPSHOTS + 1, at_most=1.05),
        scaled("a run of the preset", workload.run_updates, workload.run_snapshots),
        Row("one snapshot, written", "ms", tuple(1e3 * cost for cost in costs), note=f"{statements}; same runs"),
        Row("one update", "ms", tuple(1e3 * each for each in update), note=_per_update(workload)),
    ]


def measure_training(workload: Workload, repeats: int) -> list[Row]:
    """Tokens a second of `train`, of a bare PyTorch loop and of the Hugging Face Trainer, on the same batches.

    All three start from the same weights, take the same updates and have to report the same losses. The clock runs
    from the untouched model to the trained one; loading the model and tokenising the data is before it. Tokens are
    those that are not padding.
    """
    losses: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        runs = _Runs(workload, Path(folder), workload.mixture.steps)
        loop = BareLoop(workload)

        def keep(name: str, work: Callable[[Any], list[float]]) -> Callable[[Any], None]:
            def kept(prepared: Any) -> None:
                losses[name] = work(prepared)

            return kept

        taken = interleave(
            {
                "nnmech": Variant(runs.prepare, _train),
                "bare loop": Variant(workload.fresh_model, keep("bare loop", loop.train)),
                "Trainer": Variant(lambda: make_trainer(workload, Path(folder)), keep("Trainer", run_trainer)),
            },
            repeats,
        )
        losses["nnmech"] = runs.losses()
    _check_same(losses)
    rates = {name: tuple(workload.tokens / each.wall for each in seconds) for name, seconds in taken.items()}
    bare, trainer, ours = taken["bare loop"], taken["Trainer"], taken["nnmech"]
    return [
        Row("training with nnmech", "tokens/s", rates["nnmech"], note=f"{_per_update(workload)}; metrics on disk"),
        Row("training with a bare PyTorch loop", "tokens/s", rates["bare loop"], note="batches made beforehand"),
        Row("training with the Hugging Face Trainer", "tokens/s", rates["Trainer"], note="the same batches"),
        Row("tokens/s, nnmech / bare loop", "", ratios(bare, ours), at_least=0.9, note=cpu_note(bare, ours)),
        Row("tokens/s, nnmech / Trainer", "", ratios(trainer, ours), note=cpu_note(trainer, ours)),
    ]


@dataclass(frozen=True)
class _Prepared:
    model: PreTrainedModel
    phase: Phase
    writer: RunWriter
    recorder: Recorder | None


class _Runs:
    """Run directories of `train`, each of its own and closed when the next one is made."""

    def __init__(self, workload: Workload, folder: Path, updates: int) -> None:
        self.workload = workload
        self.folder = folder
        self.updates = updates
        self.writer: RunWriter | None = None

    def prepare(self, snapshots: int = 0) -> _Prepared:
        """The untouched model and data, and a new run directory."""
        number = len(list(self.folder.glob("run*")))
        if self.writer is not None:
            self.writer.close()
        workload = self.workload
        self.writer = RunWriter.create(
            self.folder / f"run{number}",
            config={},
            model=workload.description,
            statements=workload.statements.statements,
            batch_hash=workload.statements.hash,
        )
        steps = log_spaced_steps(self.updates, snapshots) if snapshots else ()
        recorder = Recorder(self.writer, workload.statements, steps=steps, dtype=SNAPSHOT_DTYPE) if snapshots else None
        mixture = workload.fresh_mixture(None if self.updates == workload.mixture.steps else self.updates)
        return _Prepared(workload.fresh_model(), Phase("train", mixture, workload.training), self.writer, recorder)

    def losses(self) -> list[float]:
        """Loss of every update of the last run."""
        if self.writer is None:
            return []
        self.writer.close()
        return Run(self.writer.path).metrics["loss"].tolist()


def _train(prepared: _Prepared) -> None:
    """`train` as the experiment calls it, without evaluations: a line of metrics each update, final weights saved."""
    train(prepared.model, [prepared.phase], writer=prepared.writer, recorder=prepared.recorder)


def _check_same(losses: dict[str, list[float]]) -> None:
    """RunError where the loops did not do the same, so that their times say nothing."""
    ours = losses["nnmech"]
    for name, theirs in losses.items():
        if len(theirs) != len(ours) or max(abs(a - b) for a, b in zip(theirs, ours, strict=True)) > SAME_LOSS:
            raise RunError(f"the losses of {name} are not those of nnmech: {theirs[:3]} … and {ours[:3]} …")


def _per_update(workload: Workload) -> str:
    mean = statistics.mean(batch.tokens for batch in workload.batches)
    return f"{workload.mixture.batch_size} examples, {mean:.0f} tokens an update"
