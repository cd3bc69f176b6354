"""One run of the positive control: a new value each for known people, learned in one pass, read before and after."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd

from nnmech.drift.control import control_gates
from nnmech.encoding import Example, document_example
from nnmech.experiments.control.config import ControlSettings, preset
from nnmech.experiments.data import answered, chat_examples, document_examples
from nnmech.experiments.estimate import Estimate, estimate
from nnmech.experiments.training_run import Plan, make_trained_run, one_pass
from nnmech.models import LoadedModel
from nnmech.runs import Run


def plan_run(loaded: LoadedModel, seed: int, settings: ControlSettings) -> Plan:
    """What the run of a seed consists of."""
    control = settings.controlled.control(
        settings.people, settings.documents, beside=settings.background_share, seed=seed
    )
    beside = control.beside
    held_out = settings.claim_source.background(None, settings.held_out_documents, seed=seed, stream="held out")
    examples = [
        *document_examples(loaded, control.documents, max_tokens=settings.max_tokens),
        *_texts(loaded, beside.documents, settings),
        *chat_examples(loaded, answered(loaded, beside.prompts, seed=seed, stream="control"), "instruction"),
    ]
    return one_pass(
        examples,
        settings,
        learning_rate=settings.learning_rate,
        evaluations=1,
        snapshots=settings.snapshots,
        pad_id=loaded.pad_id,
        questions=(),
        statements=tuple(settings.claim_source.statements(None, settings.statement_counts)),
        prompts=control.prompts,
        documents={},
        held_out=tuple(_texts(loaded, held_out.documents, settings)),
        seed=seed,
        labels={"experiment": "control", "seed": seed},
    )


def _texts(loaded: LoadedModel, texts: tuple[str, ...], settings: ControlSettings) -> list[Example]:
    return [
        document_example(loaded.tokenizer, text, source="pretraining", max_tokens=settings.max_tokens) for text in texts
    ]


def check(settings: ControlSettings) -> None:
    """InputError where the source cannot make the control."""
    settings.controlled.control(settings.people, 1, beside=0.0, seed=settings.seeds[0])


def make_run(settings: ControlSettings, run: tuple[int], folder: Path, *, discard: bool = False) -> None:
    """Make a run, or go on where it was left."""
    make_trained_run(settings, run, folder, plan_run, discard=discard)


def expected(settings: ControlSettings, workers: int | None) -> Estimate:
    """The size of the control, from its first run."""
    return estimate(settings, settings.runs[0], plan_run, workers)


def control_gate(model: str | Path, *, seed: int = 0, device: str = "cpu") -> pd.DataFrame:
    """The gates of a base model: the control of the default preset on a model folder, measured in a temporary run.

    Columns name, value, bound, at_most, n, passed, as `nnmech.drift.control.control_gates`.
    """
    settings = replace(preset("default"), model=str(model), seeds=(seed,), device=device)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "runs" / "control"
        make_run(settings, (seed,), folder)
        return control_gates(Run(folder))
