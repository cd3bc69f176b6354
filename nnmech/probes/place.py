"""Where in a model a probe reads best: chosen on some people, reported on others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd

from nnmech.claims import Statement
from nnmech.errors import InputError
from nnmech.probes.estimators import grouped_folds
from nnmech.probes.kinds import PROBES
from nnmech.probes.labels import label_table, labelled, training_table
from nnmech.probes.layers import auroc_by_layer
from nnmech.recording.snapshots import Snapshot


def best_place(aurocs: pd.DataFrame, probe: str = "truth") -> tuple[int, str]:
    """Layer and token position at which a probe does best on held-out entities, within a polarity and across.

    The worse of the splits `entity` and `crossed` counts: what is learned on affirmative statements and turns round on
    negated ones is not truth.

    Args:
        aurocs: a table of `auroc_by_layer` with these splits, or one of them.
        probe: `truth` or `polarity`.

    Raises:
        InputError: where the table has no such rows of the probe.
    """
    asked = (aurocs["probe"] == probe) & aurocs["split"].isin(["entity", "crossed"])
    rows = aurocs.loc[asked.to_numpy(dtype=bool)]
    if rows["auroc"].isna().all():
        raise InputError(f"no AUROC of the {probe} probe for the splits entity and crossed: measure them first")
    worse = cast(pd.Series, rows.groupby(["layer", "position"], sort=False)["auroc"].min())
    layer, position = cast(tuple[int, str], worse.idxmax())
    return int(layer), str(position)


@dataclass(frozen=True, eq=False)
class ChosenPlace:
    """Where a probe reads best by some people, and how well it reads there by others.

    `aurocs` are those of all layers and positions, tested on people that the choice knows nothing of.
    """

    probe: str
    layer: int
    position: str
    aurocs: pd.DataFrame

    @property
    def rows(self) -> pd.DataFrame:
        """The rows of `aurocs` at the place, a split each."""
        table = self.aurocs
        return table.loc[((table["layer"] == self.layer) & (table["position"] == self.position)).to_numpy(dtype=bool)]


def choose_place(
    snapshot: Snapshot,
    statements: pd.DataFrame | Sequence[Statement],
    probe: str = "truth",
    *,
    seed: int = 0,
    **how: Any,
) -> ChosenPlace:
    """`best_place` among one half of the entities of role `train`, read on the other half.

    Were both the same, the best of many places would look better than it is. The place is chosen by probes that saw
    the first half alone; those that are reported are fitted on all entities but the ones that they are tested on.

    Args:
        snapshot: the activations.
        statements: all statements of the run, in the order of the snapshot.
        probe: `truth` or `polarity`.
        seed: deals the entities out.
        how: as for `auroc_by_layer`.

    Raises:
        InputError: as `auroc_by_layer` and `best_place`, also where a half has too few entities.
    """
    train = training_table(label_table(statements, snapshot))
    if probe not in PROBES:
        raise InputError(f"probe {probe!r}: expected one of {list(PROBES)}")
    data = labelled(train, probe)
    halves = grouped_folds(data.labels, data.groups, 2, seed)
    choosing, reporting = (set(train["entity"].to_numpy()[rows]) for _, rows in halves)
    known = {"probes": [probe], "seed": seed, **how}
    chosen = auroc_by_layer(snapshot, statements, entities=choosing, **{**known, "draws": 1})
    layer, position = best_place(chosen, probe)
    return ChosenPlace(probe, layer, position, auroc_by_layer(snapshot, statements, tested=reporting, **known))
