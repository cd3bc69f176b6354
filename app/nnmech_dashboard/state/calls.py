"""The steps of recipes that several pages take, and the files of a run that their tables depend on."""

from nnmech.drift import belief_over_steps
from nnmech.plots.gathered import COORDINATES
from nnmech.plots.recipes import Call, call
from nnmech.probes import auroc_by_layer
from nnmech.runs import DamagedRun, Run
from nnmech_dashboard.state.listing import Stamp
from nnmech_dashboard.state.opening import kind_of_run

RECORDED_FILES = ("run.json", "manifest.jsonl", "statements.jsonl")
FIRST_FILES = ("run.json", "statements.jsonl")
ANSWER_FILES = ("run.json", "answers.jsonl")
METRIC_FILES = ("run.json", "metrics.jsonl")


def opened(path: str) -> Call:
    """The run at `path`."""
    return call("run", kind_of_run(path), path)


def probe_quality(run: Call, probe: str, first: int) -> Call:
    """AUROC of a probe on held-out entities, with its controls, by layer and position at the `first` step recorded."""
    snapshot, statements = call(None, Run.snapshot, run, first), call(None, getattr, run, "statements")
    return call("aurocs", auroc_by_layer, snapshot, statements, probes=[probe])


def coordinates(run: Call, probe: str, position: str | None, first: int) -> Call:
    """The coordinate of each group of statements by step and layer at one position, with intervals."""
    return call("coordinates", COORDINATES[probe], run, positions=[position], reference_step=first)


def belief(run: Call, claim: str | None) -> Call:
    """Belief rate (percent) by role and step."""
    return call("table", belief_over_steps, run, claim)


def metrics(run: Call) -> Call:
    """What was measured, a row a logged step."""
    return call("metrics", getattr, run, "metrics")


def answer_steps(path: str, version: Stamp) -> list[int]:
    """The steps at which anything was asked; by `background.table`."""
    return sorted({int(step) for step in DamagedRun(path).answers["step"]})
