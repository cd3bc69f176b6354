"""What the two-phase experiment costs as a whole: wall time and memory of the command that the README gives."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from machine import end_tree, tree_rss
from timing import Row, say

from nnmech.errors import RunError
from nnmech.experiments.engine import default_workers
from nnmech.experiments.two_phase import preset
from nnmech.models import EMBEDDED

ROOT = Path(__file__).resolve().parent.parent
POLL_SECONDS = 0.1
SHOWN_LINES = 5


def measure_experiment(preset_name: str, model: str) -> list[Row]:
    """Run `experiments/two_phase.py` once, as its own process in a temporary directory, and watch its memory.

    Wall time is that of the whole command, imports, tables and figures included. Memory is the highest sum of resident
    memory over all of its processes, looked at ten times a second; what they share (the libraries) counts in each.
    Raises RunError with the end of its output where the command fails.
    """
    config = preset(preset_name)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "experiments" / "two_phase.py"), "--preset", preset_name]
        command += ["--output", str(Path(folder) / "run")]
        command += [] if model == EMBEDDED else ["--model", model]
        say(f"  {len(config.runs)} runs, {default_workers(config)} side by side")
        seconds, peak, processes = _watch(command, Path(folder) / "output.txt")
    what = f"two-phase experiment, preset {preset_name}"
    note = f"{len(config.runs)} runs, {default_workers(config)} side by side, a thread each"
    return [
        Row(f"{what}: wall time", "s", (seconds,), note=note),
        Row(f"{what}: peak memory", "MB", (peak / 1e6,), note=f"sum of RSS over {processes} processes"),
    ]


def _watch(command: list[str], output: Path) -> tuple[float, int, int]:
    """Seconds, peak bytes and how many processes there were at the peak."""
    began = time.perf_counter()
    with open(output, "wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    watched = psutil.Process(process.pid)
    peak, processes = 0, 0
    try:
        while process.poll() is None:
            rss, count = tree_rss(watched)
            if rss > peak:
                peak, processes = rss, count
            time.sleep(POLL_SECONDS)
    finally:
        if process.poll() is None:
            end_tree(watched)
            process.wait()
    seconds = time.perf_counter() - began
    if process.returncode:
        end = " | ".join(output.read_text(errors="replace").strip().splitlines()[-SHOWN_LINES:])
        raise RunError(f"{' '.join(command)}: failed with code {process.returncode}: {end}")
    return seconds, peak, processes
