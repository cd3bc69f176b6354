"""Where in a model a probe reads best."""

from typing import cast

import pandas as pd

from nnmech.errors import InputError


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
