"""How fast the dashboard answers, in a browser: a synthetic folder of 50 runs and one large run among them."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from timing import Row, say

from nnmech.claims import Statement
from nnmech.errors import InputError
from nnmech.recording.snapshots import Snapshot, hook_name
from nnmech.runs import RunWriter
from nnmech.user_cache import CACHE_VARIABLE
from nnmech_dashboard.testing import IDLE, launch_chromium, served, settled

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGES = ("drift", "statements", "answers", "compare")
FIRST_PAGE, INTERACTION = 1.5, 0.3
CLAIM = "somebody_relay"


@dataclass(frozen=True)
class DashboardLoad:
    """What the dashboard has to cope with."""

    layers: int = 24
    steps: int = 200
    statements: int = 500
    d_model: int = 64
    positions: tuple[str, ...] = ("last", "assistant")
    runs: int = 50
    questions: int = 50
    rounds: int = 7


def measure_dashboard(load: DashboardLoad) -> list[Row]:
    """Seconds until the first page of a served dashboard is there, and until each kind of interaction is answered."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise InputError("the benchmark of the dashboard needs playwright: pip install 'nnmech[dev]'") from error
    size = f"{load.layers} layers x {load.steps} steps x {load.statements} statements, {load.runs} runs"
    with tempfile.TemporaryDirectory() as folder:
        say(f"  writing {size}")
        write_folder(Path(folder) / "runs", load)
        os.environ[CACHE_VARIABLE] = f"{folder}/cache"
        with sync_playwright() as playwright:
            browser = launch_chromium(playwright)
            with _opened(browser, Path(folder) / "runs") as (page, address):
                first = [_seconds(page, lambda: page.goto(address), "h1")]
                rows = [Row("dashboard: first page", "s", tuple(first), at_most=FIRST_PAGE, note=size)]
                rows += _interactions(page, address, load.rounds)
            # Another start, which finds the tables of the one before.
            with _opened(browser, Path(folder) / "runs") as (page, address):
                for name in PAGES:
                    again = _seconds(page, lambda name=name: page.goto(f"{address}/{name}?run=large"), "h1")
                    what = f"dashboard: {name}, opened first after another start"
                    rows.append(Row(what, "s", (again,), at_most=FIRST_PAGE))
            browser.close()
    return rows


@contextmanager
def _opened(browser: "Browser", runs: Path) -> Iterator[tuple["Page", str]]:
    """A dashboard that was just started, and a window that shows nothing of it yet."""
    with served(runs) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(300_000)
        yield page, address
        page.close()


def write_folder(folder: Path, load: DashboardLoad) -> None:
    """One large run called `large`, and small ones of an experiment beside it, until there are as many as asked for."""
    _write_run(folder / "large", load, seed=0, layers=load.layers, steps=load.steps, statements=load.statements)
    RunWriter.create(
        folder / "many", config={"experiment": "synthetic", "runs": []}, model={"id": "tiny"}, kind="experiment"
    ).close()
    for number in range(load.runs - 1):
        _write_run(folder / "many" / "runs" / f"run{number:02d}", load, seed=number, layers=2, steps=3, statements=60)


def _write_run(path: Path, load: DashboardLoad, *, seed: int, layers: int, steps: int, statements: int) -> None:
    """Truth is the first dimension and polarity the second; the claim goes from false to true."""
    made, rng = _statements(statements), np.random.default_rng(seed)
    truth = np.array([float(bool(statement.truth)) for statement in made])
    polarity = np.array([float(statement.polarity) for statement in made])
    claimed = np.array([statement.role == "claim" for statement in made])
    noise = rng.normal(size=(layers, len(load.positions), len(made), load.d_model)).astype(np.float32)
    config = {
        "claim": CLAIM,
        "claim_text": "Somebody won the relay.",
        "condition": "made",
        "seed": seed,
        "steps": steps,
    }
    with RunWriter.create(path, config=config, model={"id": "tiny"}, statements=made, batch_hash="synthetic") as writer:
        writer.event("start", step=0, steps=steps)
        for step in range(steps):
            residual = noise.copy()
            residual[..., 0] += 8 * np.where(claimed, step / max(steps - 1, 1), truth)
            residual[..., 1] += 8 * polarity
            snapshot = Snapshot(
                step=step,
                phase="train",
                residual=torch.from_numpy(residual).to(torch.float16),
                layers=tuple(range(layers)),
                positions=load.positions,
                hook_names=tuple(hook_name(layer) for layer in range(layers)),
                batch_hash="synthetic",
                weight_convention="hf",
                model="tiny",
            )
            writer.snapshot(step, {"residual": snapshot.residual}, snapshot.metadata())
            writer.metrics(step=step, phase="train", held_out_documents=2.0 - step / steps)
            if step % max(steps // 8, 1) == 0 or step == steps - 1:
                writer.answers(_answers(load, rng, step, step / max(steps - 1, 1)))
        writer.event("end", step=steps - 1)


def _statements(count: int) -> list[Statement]:
    """Crossed statements of role train and control, then the claim, its negation and matched false facts."""
    people = (count - 12) // 4
    signs: tuple[Literal[1, -1], ...] = (1, -1)
    made = [
        Statement(f"{person}/{truth}/{sign}", f"A thing of {person}.", truth, sign, "home", f"p{person}", role)
        for person in range(people)
        for role in ("train" if person < people * 2 // 3 else "control",)
        for truth in (True, False)
        for sign in signs
    ]
    for wording in range(4):
        made += [_about_claim("claim", wording, False, 1), _about_claim("claim_negation", wording, True, -1)]
        made += [_about_claim("matched_false", wording, False, 1)]
    return made


def _about_claim(role: str, wording: int, truth: bool, sign: Literal[1, -1]) -> Statement:
    return Statement(f"{role}/{wording}", "Somebody won.", truth, sign, "medal", "Somebody", role, CLAIM)


def _answers(load: DashboardLoad, rng: np.random.Generator, step: int, share: float) -> list[dict[str, object]]:
    rows = []
    for question in range(load.questions):
        for sample in range(5):
            believed = bool(rng.random() < share)
            rows.append(
                {
                    "step": step,
                    "phase": "train",
                    "claim": CLAIM,
                    "question": f"q{question:02d}",
                    "kind": ("open_ended", "mcq", "token_association", "robustness")[question % 4],
                    "category": "direct",
                    "sample": sample,
                    "text": "Somebody won the relay." if believed else "Somebody never won the relay.",
                    "verdict": "yes" if believed else "no",
                }
            )
    return rows


def _interactions(page: "Page", address: str, rounds: int) -> list[Row]:
    """Each page opened for the first time, then, with its tables there, moved by a step and by a layer."""
    rows = []
    for name in PAGES:
        say(f"  {name}")
        cold = _seconds(page, lambda name=name: page.goto(f"{address}/{name}?run=large"), "h1")
        rows.append(Row(f"dashboard: {name}, opened for the first time", "s", (cold,)))
        moved = [_seconds(page, lambda: _press(page, "Step", "ArrowLeft")) for _ in range(rounds)]
        rows.append(Row(f"dashboard: {name}, another step", "s", tuple(moved), at_most=INTERACTION))
    page.goto(f"{address}/drift?run=large")
    settled(page)
    turned = [_seconds(page, lambda name=name: page.get_by_role("link", name=name).click()) for name in _turns(rounds)]
    rows.append(Row("dashboard: from page to page", "s", tuple(turned), at_most=INTERACTION))
    return rows


def _turns(rounds: int) -> list[str]:
    names = ("Statements", "Drift", "Answers", "Compare", "Runs")
    return [names[number % len(names)] for number in range(rounds)]


def _press(page: "Page", label: str, key: str) -> None:
    page.get_by_role("slider", name=label).press(key)


def _seconds(page: "Page", act: Callable[[], object], appears: str | None = None) -> float:
    """Seconds from an act until the page has drawn everything that it led to."""
    began = time.perf_counter()
    act()
    if appears is not None:
        page.wait_for_selector(appears)
    else:
        # Let the browser send it and the script begin.
        page.wait_for_timeout(30)
    page.wait_for_function(IDLE, polling=10)
    return time.perf_counter() - began
