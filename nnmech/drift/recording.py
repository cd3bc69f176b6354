"""What of a run a table is about: its activations layer by layer, and its statements in groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from nnmech.claims import MATCHED_FALSE
from nnmech.drift.training import PROBE_NAMES, ProbeName, Training, check_probes
from nnmech.errors import InputError, RunError, located
from nnmech.probes.labels import label_table
from nnmech.probes.scale import Ends, control_ends
from nnmech.runs import Run

__all__ = ["PROBE_NAMES", "Group", "ProbeName", "Recording", "check_probes", "claim_answers", "open_recording"]


@dataclass(frozen=True, eq=False)
class Recording:
    """What of a run a table is about; the first of `steps` is the reference step.

    `shown` are the places in `steps` of those that the table was asked for, in order.
    """

    run: Run
    statements: pd.DataFrame
    steps: tuple[int, ...]
    shown: tuple[int, ...]
    phases: tuple[str, ...]
    layers: tuple[int, ...]
    positions: tuple[str, ...]

    def column(self, name: str) -> np.ndarray:
        return self.statements[name].to_numpy()

    def activations(self, layer: int) -> Float[Tensor, "step position statement d_model"]:
        """The residual stream after a block at every step, as `at_step` gives it."""
        return torch.stack([self.at_step(step, [layer])[0] for step in self.steps])

    def at_step(self, step: int, layers: Sequence[int]) -> Float[Tensor, "layer position statement d_model"]:
        """The residual stream after some blocks at one step, less its mean over the statements at each position.

        The mean dwarfs what tells statements apart and is no part of any difference between them. Raises RunError for
        activations that are not finite.
        """
        snapshot = self.run.snapshot(step, layers=layers)
        places = [snapshot.positions.index(position) for position in self.positions]
        # NumPy, for torch would wake its threads for every step, which takes longer than the work.
        residual = snapshot.residual.float().numpy()[:, places].astype(np.float64)
        mean = residual.mean(axis=2, keepdims=True)
        # NaN and infinity reach the mean.
        diverged = ~np.isfinite(mean).all(axis=(1, 2, 3))
        if diverged.any():
            raise RunError(
                f"{self.run.path}: activations of step {step}, layer {layers[int(diverged.argmax())]} are NaN or "
                "infinite: training may have diverged, or fp16 overflowed; record in float32 or bfloat16"
            )
        residual -= mean
        return torch.from_numpy(residual.astype(np.float32))

    def training(self) -> Training:
        """The statements of role `train`; InputError unless truth and polarity are crossed in them."""
        with located(self.run.path):
            return Training.of(self.statements)

    def check_entities(self) -> None:
        """Raise InputError where an entity of the statements of role `train` has statements of another role."""
        trained = self.statements["role"] == "train"
        shared = sorted(set(self.statements.loc[trained, "entity"]) & set(self.statements.loc[~trained, "entity"]))
        if shared:
            raise InputError(
                f"{self.run.path}: {len(shared)} entities ({', '.join(map(str, shared[:3]))}) have statements of role "
                "train and of another role: a probe must not be read on entities it was fitted on; give them one role"
            )

    def groups(self) -> "list[Group]":
        """The statements that are placed, by role, claim and polarity: all but those of roles `train` and `control`.

        Raises InputError where there are none, or where an entity of theirs, or of a control, is one of training.
        """
        self.check_entities()
        placed = self.statements.loc[~self.statements["role"].isin(["train", "control"]).to_numpy()]
        if placed.empty:
            raise InputError(
                f"{self.run.path}: the run has only statements of role train and control: there is no claim to place; "
                "record statements of role claim"
            )
        groups = []
        for key, members in placed.groupby(["role", "claim", "polarity"], sort=False, dropna=False):
            role, claim, polarity = tuple(key)  # pyright: ignore[reportArgumentType]
            groups.append(Group(role, claim, int(polarity), members.index.to_numpy(copy=True)))
        return groups

    def ends(self, probe: ProbeName, group: "Group | None" = None) -> Ends:
        """The controls between which a group is placed: for truth false and true ones of its own polarity.

        For polarity, or without a group, they are those of all statements. Raises InputError for none of a kind.
        """
        ends = control_ends(self.statements, probe, None if group is None else group.polarity)
        if not len(ends.zero) or not len(ends.one):
            own = "" if group is None else f"{group.role} of claim {group.claim} has polarity {group.polarity:+d}: "
            raise InputError(
                f"{self.run.path}: {own}expected controls on both ends of its scale, there are "
                f"{len(ends.zero)} at 0 and {len(ends.one)} at 1; record statements of role control"
            )
        return ends

    def table(self, labels: Mapping[str, Any], values: Mapping[str, np.ndarray | int]) -> pd.DataFrame:
        """Long form of values [shown layer position]: columns step, phase, layer, position, the labels, the values."""
        index = pd.MultiIndex.from_product(
            [self.shown, self.layers, self.positions], names=["row", "layer", "position"]
        )
        table = index.to_frame(index=False)
        rows = table.pop("row").to_numpy()
        table.insert(0, "step", np.asarray(self.steps)[rows])
        table.insert(1, "phase", np.asarray(self.phases, dtype=object)[rows])
        columns = {name: np.ravel(value) if np.ndim(value) else value for name, value in values.items()}
        return table.assign(**labels, **columns)

    def empty(self) -> Float[np.ndarray, "shown layer position"]:
        return np.full((len(self.shown), len(self.layers), len(self.positions)), np.nan)


@dataclass(frozen=True, eq=False)
class Group:
    """Statements of one role, claim and polarity; `members` are their row numbers in the run."""

    role: str
    claim: Any
    polarity: int
    members: Int[np.ndarray, "member"]

    @property
    def labels(self) -> dict[str, Any]:
        return {"role": self.role, "claim": self.claim, "polarity": self.polarity}


def open_recording(
    run: Run,
    *,
    layers: Sequence[int] | None = None,
    positions: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    reference_step: int = 0,
) -> Recording:
    """The recorded steps, layers and positions asked for (None: all), checked to be of the same statements.

    Raises RunError for a run without snapshots or with snapshots of different statements, InputError for steps, layers
    or positions that were not recorded.
    """
    recorded = run.steps
    if not recorded:
        raise RunError(f"{run.path}: the run has no snapshots: give its Recorder statements and steps to record")
    asked = tuple(dict.fromkeys(recorded if steps is None else steps))
    missing = [step for step in dict.fromkeys((reference_step, *asked)) if step not in recorded]
    if missing or not asked:
        raise InputError(f"{run.path}: no snapshot of steps {missing}; there are {recorded}: name some of them")
    ordered = (reference_step, *(step for step in asked if step != reference_step))
    with located(run.path):
        reference = run.snapshot(reference_step, layers=layers)
        statements = label_table(run.statements, reference)
    positions = reference.positions if positions is None else tuple(positions)
    unknown = [position for position in positions if position not in reference.positions]
    if unknown or not positions:
        raise InputError(f"{run.path}: positions {unknown}: expected some of {list(reference.positions)}")
    phases = []
    for step in ordered:
        with located(run.path):
            snapshot = run.snapshot(step, layers=reference.layers[:1])
        if snapshot.batch_hash != reference.batch_hash:
            raise RunError(
                f"{run.path}: the snapshots of steps {reference_step} and {step} are of different statements or tokens "
                f"({reference.batch_hash[:12]}, {snapshot.batch_hash[:12]}): drift compares the same ones"
            )
        phases.append(snapshot.phase)
    shown = tuple(ordered.index(step) for step in asked)
    return Recording(run, statements, ordered, shown, tuple(phases), reference.layers, positions)


def claim_answers(run: Run, claim: str, role: str = "claim") -> pd.DataFrame:
    """The answers to the questions about a claim, or to those about its `matched_false` facts.

    Raises InputError for another role, RunError where the run has no such answers.
    """
    if role not in ("claim", MATCHED_FALSE):
        raise InputError(f"role {role!r}: expected claim or {MATCHED_FALSE}, nobody is asked about other statements")
    about = (run.answers["claim"] == claim) & ((run.answers["category"] == MATCHED_FALSE) == (role == MATCHED_FALSE))
    answers = run.answers.loc[about.to_numpy(dtype=bool)]
    if answers.empty:
        raise RunError(f"{run.path}: no answers about {role} of {claim}: ask its questions at evaluation steps")
    return answers
