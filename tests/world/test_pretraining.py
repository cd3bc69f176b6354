"""A pretraining run: killed and resumed it ends with the same model, and the model loads like any other."""

from dataclasses import replace

import pytest

from nnmech.errors import InputError, RunExistsError
from nnmech.experiments import pretrain as command
from nnmech.models import load_model
from nnmech.runs import Run
from nnmech.world import pretraining_run
from nnmech.world.gates import Gate
from nnmech.world.pretraining import PretrainingConfig
from nnmech.world.pretraining_run import pretrain_into
from nnmech.world.stream import StreamConfig

SMALL = tuple(replace(stage, rows=4, length=128) for stage in StreamConfig().stages)
CONFIG = PretrainingConfig(
    steps=6, d_model=32, layers=2, heads=2, d_mlp=64, compile=False, warmup_steps=2, stream=StreamConfig(stages=SMALL)
)


class KilledError(Exception):
    pass


@pytest.fixture(autouse=True)
def few_questions(monkeypatch):
    monkeypatch.setattr(pretraining_run, "INTERIM_GATE_QUESTIONS", 2)
    monkeypatch.setattr(pretraining_run, "FINAL_GATE_QUESTIONS", 3)


def test_resumed_it_ends_with_the_same_model(tmp_path):
    gates = pretrain_into(tmp_path / "whole", CONFIG, gates_every=2)

    def killed_at_five(step, metrics):
        if step == 5:
            raise KilledError

    with pytest.raises(KilledError):
        pretrain_into(tmp_path / "parts", CONFIG, gates_every=2, on_step=killed_at_five)
    assert pretrain_into(tmp_path / "parts", CONFIG, gates_every=2, resume=True) == gates
    whole, parts = (tmp_path / name / "model" / "model.safetensors" for name in ("whole", "parts"))
    assert whole.read_bytes() == parts.read_bytes()
    measured = [Run(tmp_path / name).metrics.drop(columns="time") for name in ("whole", "parts")]
    assert measured[0].equals(measured[1])

    loaded = load_model(tmp_path / "whole" / "model")
    assert loaded.model.config.num_hidden_layers == 2
    card = (tmp_path / "whole" / "model" / "README.md").read_text()
    assert all(gate.name in card for gate in gates)


def test_other_settings_are_not_resumed_and_a_name_is_not_taken_twice(tmp_path):
    pretrain_into(tmp_path / "run", CONFIG, gates_every=10)
    with pytest.raises(InputError, match="started with other settings"):
        pretrain_into(tmp_path / "run", replace(CONFIG, seed=1), resume=True)
    with pytest.raises(InputError, match="started with other settings"):
        pretrain_into(tmp_path / "run", replace(CONFIG, seed=1), resume=True, discard=True)
    assert len(Run(tmp_path / "run").metrics) > 1
    with pytest.raises(RunExistsError):
        pretrain_into(tmp_path / "run", CONFIG)


def test_the_command_passes_on_what_may_be_discarded(tmp_path, monkeypatch):
    asked = {}

    def noted(folder, config, **options):
        asked.update(options, folder=folder)
        return []

    monkeypatch.setattr(command, "pretrain_into", noted)
    command.main(["--resume", str(tmp_path), "--discard"])
    assert asked["resume"]
    assert asked["discard"]
    assert asked["folder"] == tmp_path
    command.main(["--resume", str(tmp_path)])
    assert not asked["discard"]
    with pytest.raises(InputError, match="--discard is given without --resume"):
        command.main(["--discard"])


@pytest.mark.parametrize(
    ("value", "at_most", "passed"), [(0.9, False, True), (0.89, False, False), (0.05, True, True), (0.06, True, False)]
)
def test_a_gate_is_held_against_its_bound(value, at_most, passed):
    assert Gate("gate", value, 300, 0.05 if at_most else 0.9, at_most).passed is passed
