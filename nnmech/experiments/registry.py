"""Every command of `nnmech`, listed once: what it is called, what it does, and where it is.

A new experiment is a package of the shape of `two_phase` and a line here.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnmech.experiments.engine import Experiment


@dataclass(frozen=True)
class Command:
    """A subcommand; nothing of it is imported before it is asked for."""

    name: str
    summary: str
    """One line for `nnmech --help`."""
    place: str
    """`module:object`, called as `object(words)` with the words of the command line after the name."""
    resumable: bool = False
    """Whether it has `--resume`."""

    def main(self) -> Callable[[Sequence[str]], object]:
        """What carries the command out."""
        return _load(self.place)


@dataclass(frozen=True)
class ExperimentEntry(Command):
    """An experiment, `place` being its object."""

    resumable: bool = True

    @property
    def attribute(self) -> str:
        """The name as Python has it, which is also the experiment's own."""
        return self.name.replace("-", "_")

    def main(self) -> Callable[[Sequence[str]], object]:
        """The experiment's way from the command line to results."""
        return self.load().main

    def load(self) -> "Experiment[Any]":
        """The experiment itself."""
        return _load(self.place)


@dataclass(frozen=True)
class Program(Command):
    """A command that loads no model and returns an exit code of its own."""

    def main(self) -> Callable[[Sequence[str]], int]:
        """What carries the command out; it says what is wrong by itself."""
        return _load(self.place)


EXPERIMENTS = (
    ExperimentEntry(
        "two-phase",
        "Hold a belief down, release it: does it come back?",
        "nnmech.experiments.two_phase:TWO_PHASE",
    ),
    ExperimentEntry(
        "conditions",
        "What is believed of documents under every annotation.",
        "nnmech.experiments.conditions:CONDITIONS_TABLE",
    ),
    ExperimentEntry(
        "in-context",
        "Documents in the context, not in the weights.",
        "nnmech.experiments.in_context:IN_CONTEXT",
    ),
    ExperimentEntry(
        "behaviors",
        "Is behaviour that warnings surround taken over?",
        "nnmech.experiments.behaviors:BEHAVIORS",
    ),
    ExperimentEntry(
        "salience",
        "Is a claim held true, or does it merely come to mind?",
        "nnmech.experiments.salience:SALIENCE",
    ),
    ExperimentEntry(
        "control",
        "Which readings follow plain documents on fresh facts?",
        "nnmech.experiments.control:CONTROL",
    ),
)
COMMANDS: tuple[Command, ...] = (
    *EXPERIMENTS,
    Program("audit", "What warnings in a training set cover; masks or mends it.", "nnmech.audit.command:run"),
    Command("drift", "What probes say of two finished experiments.", "nnmech.experiments.drift.command:main"),
    Command(
        "pretrain", "Pretrain the embedded model from nothing.", "nnmech.experiments.pretrain:main", resumable=True
    ),
    Command("models", "Models with a name: which there are, and getting one.", "nnmech.experiments.models:main"),
    Command("publish", "Bring finished results into the pages of a checkout.", "nnmech.experiments.pages:main"),
    Command("recompute", "Belief rates from the authors' raw answers.", "nnmech.experiments.recompute:main"),
    Command("dashboard", "Open the dashboard on this machine.", "nnmech.experiments.dashboard:main"),
)


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return reduce(getattr, name.split("."), importlib.import_module(module))
