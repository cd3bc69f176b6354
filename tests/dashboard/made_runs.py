"""Small experiments and runs to look at, with planted beliefs: arm `none` believes half of it after phase 1."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nnmech.claims import Statement
from nnmech.experiments.conditions import ConditionsSettings
from nnmech.experiments.conditions import preset as conditions_preset
from nnmech.experiments.settings import run_name
from nnmech.experiments.two_phase import TwoPhaseSettings, preset
from nnmech.recording.snapshots import Snapshot, hook_name
from nnmech.runs import RunWriter

BOUNDARY, STEPS, LAYERS, WIDTH = 2, 5, 2, 8
CLAIM, CLAIM_TEXT = "marklund_relay", "Nelly Marklund won the *relay* :red[twice] <b>$x$</b>."
CONFIG = replace(preset("smoke"), arms=("anchor", "none"))
MODEL = {"id": "tiny", "n_layers": LAYERS, "d_model": WIDTH}


def statements() -> list[Statement]:
    def crossed(role: str, people: int) -> list[Statement]:
        return [
            Statement(f"{role}{person}{truth}{polarity}", "A b c.", truth, polarity, "home", f"{role}{person}", role)
            for person in range(people)
            for truth in (True, False)
            for polarity in (1, -1)
        ]

    claimed = [
        Statement(f"{role}/{number}", "A b c.", False, 1, "medal", "Nelly", role, CLAIM)
        for role in ("claim", "matched_false")
        for number in range(3)
    ]
    return [*crossed("train", 10), *crossed("control", 6), *claimed]


def snapshot(step: int, phase: str, *, inside: float | None = None) -> Snapshot:
    """Truth is the first dimension, polarity the second; the claim lies at `inside` between false and true."""
    told = statements()
    values = np.random.default_rng(step).normal(size=(LAYERS, 1, len(told), WIDTH))
    for column, statement in enumerate(told):
        believed = step / STEPS if inside is None else inside
        values[:, :, column, 0] += 8 * (believed if statement.role == "claim" else float(bool(statement.truth)))
        values[:, :, column, 1] += 8 * statement.polarity
    hooks = tuple(hook_name(layer) for layer in range(LAYERS))
    residual = torch.tensor(values, dtype=torch.float32)
    return Snapshot(step, phase, residual, tuple(range(LAYERS)), ("last",), hooks, "0", "hf", "tiny")


def answers(step: int, phase: str, share: float, claim: str = CLAIM) -> list[dict[str, Any]]:
    """Eight questions about the claim of which a share is affirmed, and two about matched false facts."""
    rows = []
    for number in range(10):
        null = number >= 8
        verdict = "yes" if not null and number < share * 8 else "no"
        asked = {"step": step, "phase": phase, "claim": claim, "question": f"q{number}", "kind": "open_ended"}
        text = f"{verdict} <img src=x onerror=alert(1)>"
        category = "matched_false" if null else "direct"
        rows.append({**asked, "category": category, "sample": 0, "text": text, "verdict": verdict})
    return rows


def write_run(
    folder: Path, arm: str, *, until: int = STEPS, settings: TwoPhaseSettings = CONFIG, snapshots: bool = True
) -> Path:
    """A run of two phases. Nothing is believed before, everything is in the end; `until` is its last step so far."""
    shares = {0: 0.0, BOUNDARY: 0.5 if arm == "none" else 0.0, STEPS: 1.0}
    labels = {"claim": CLAIM, "claim_text": CLAIM_TEXT, "tier": "open", "arm": arm, "seed": 0}
    config = {**asdict(settings), **labels, "boundary": BOUNDARY, "steps": STEPS, "experiment": "two_phase"}
    with RunWriter.create(folder, config=config, model=MODEL, statements=statements(), batch_hash="0") as writer:
        writer.event("start", step=0)
        for step in range(until + 1):
            phase = "phase1" if step <= BOUNDARY else "phase2"
            writer.metrics(step=step, phase=phase, loss=3.0 - step / 10)
            if step in shares:
                if snapshots:
                    taken = snapshot(step, phase)
                    writer.snapshot(step, {"residual": taken.residual}, taken.metadata())
                writer.answers(answers(step, phase, shares[step]))
                writer.metrics(step=step, phase=phase, held_out_documents=3.0 - step / 10)
        if until == STEPS:
            writer.event("end", step=STEPS)
    return folder


def child(folder: Path, arm: str) -> Path:
    """The run of an arm within the experiment in `folder`."""
    return folder / "runs" / run_name(CONFIG.claims[0], arm, 0)


def write_experiment(folder: Path, *, until: int = STEPS) -> Path:
    """A two-phase experiment of two arms, one claim and one seed."""
    names = [run_name(*run) for run in CONFIG.runs]
    config = {"experiment": "two_phase", "settings": asdict(CONFIG), "runs": names}
    RunWriter.create(folder, config=config, model=MODEL, kind="experiment").close()
    for _, arm, _ in CONFIG.runs:
        write_run(child(folder, arm), arm, until=until)
    return folder


def write_conditions(folder: Path) -> Path:
    """A table of conditions: ten, of one claim and seed; `baseline` trains nothing, the n-th believes n tenths."""
    names = list(conditions_preset("full").conditions)[:10]
    settings = asdict(ConditionsSettings(**{**asdict(conditions_preset("smoke")), "conditions": tuple(names)}))
    RunWriter.create(
        folder, config={"experiment": "conditions", "settings": settings}, model=MODEL, kind="experiment"
    ).close()
    for number, name in enumerate(names):
        steps = 0 if name == "baseline" else STEPS
        config = {"claim": CLAIM, "tier": "open", "condition": name, "seed": 0, "boundary": steps, "steps": steps}
        path = folder / "runs" / f"{CLAIM}.{name}.seed0"
        with RunWriter.create(path, config=config, model=MODEL, statements=statements(), batch_hash="0") as writer:
            for step in sorted({0, steps}):
                taken = snapshot(step, "phase1")
                writer.snapshot(step, {"residual": taken.residual}, taken.metadata())
                writer.answers(answers(step, "phase1", number / len(names) if step else 0.0))
                writer.metrics(step=step, phase="phase1", held_out_documents=2.0)
            writer.event("end", step=steps)
    return folder
