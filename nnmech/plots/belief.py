"""What the model says: belief by phase and by plausibility of the claim, and the loss that makes arms comparable."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nnmech.errors import InputError
from nnmech.plots.axes import note, titled, whiskers, write_values
from nnmech.plots.style import BELIEF, INK, MARKERS, arm_colour, arm_label, styled
from nnmech.plots.tables import check_table, count_text, levels_of, rows_where

PAPER_BELIEF = {"phase 1": 6.0, "phase 2": 48.0}
"""Mayne et al. 2026, two phases: percent belief at 35B in the Vesuvius claim, with the constraint in phase 1."""


def belief_by_phase(belief: pd.DataFrame, *, reference: Mapping[str, float] | None = None) -> Figure:
    """Belief rate (percent) by phase and arm beside the paper's; columns arm, phase, mean, low, high, n, clusters.

    Arms and phases appear in the order of the rows; `reference` is percent by phase (default the paper's 6 and 48).
    Raises InputError for missing columns, two rows for one bar, or a reference phase that is not in the table.
    """
    check_table(belief, ("arm", "phase", "mean", "low", "high", "n", "clusters"), unique=("arm", "phase"))
    reference = PAPER_BELIEF if reference is None else reference
    phases, arms = levels_of(belief, "phase"), levels_of(belief, "arm")
    unknown = [phase for phase in reference if phase not in phases]
    if unknown:
        raise InputError(f"reference for the phases {unknown}, but the table has {phases}: name them alike")
    with styled(4.6) as figure:
        axes = figure.subplots()
        slots = len(arms) + bool(reference)
        width = 0.8 / slots
        for slot, arm in enumerate(arms):
            rows = rows_where(belief, arm=arm).set_index("phase").reindex(phases)
            x = np.arange(len(phases)) + (slot - (slots - 1) / 2) * width
            axes.bar(x, rows["mean"], 0.88 * width, color=arm_colour(arm, arms), label=arm_label(arm))
            whiskers(axes, x, rows)
            tops = rows["high"].fillna(rows["mean"])
            write_values(axes, x, tops, [f"{mean:.0f}" for mean in rows["mean"]])
        if reference:
            x = [phases.index(phase) + (slots - 1) / 2 * width for phase in reference]
            values = list(reference.values())
            look = {"ms": 8, "mfc": "white", "mec": INK, "mew": 1.4, "zorder": 4}
            axes.plot(x, values, "D", ls="", label="paper (35B, Vesuvius)", **look)
            write_values(axes, x, values, [f"{value:g}" for value in values], distance=8.0)
        axes.set_xticks(range(len(phases)), phases)
        axes.tick_params(axis="x", length=0)
        # Room for the numbers above intervals that reach 100.
        axes.set_ylim(0, 107)
        axes.set_yticks(range(0, 101, 20))
        axes.set_ylabel("belief rate (%)")
        titled(axes, "Belief by phase", legend=True)
        note(figure, f"{count_text(belief)} a bar. Whiskers: 95% over claims.")
    return figure


def document_loss(losses: pd.DataFrame, *, unit: str = "runs") -> Figure:
    """Loss on held-out claim documents (nats per token) by phase and arm; columns arm, phase, mean, low, high, n.

    That the arms agree is what makes their beliefs comparable, so each phase says by how much they differ. `n` counts
    what `unit` says: runs (claims and seeds), documents, … Raises InputError as `belief_by_phase`.
    """
    check_table(losses, ("arm", "phase", "mean", "low", "high", "n"), unique=("arm", "phase"))
    phases, arms = levels_of(losses, "phase"), levels_of(losses, "arm")
    with styled(4.2) as figure:
        axes = figure.subplots()
        for number, arm in enumerate(arms):
            rows = rows_where(losses, arm=arm).set_index("phase").reindex(phases)
            x = np.arange(len(phases)) + 0.18 * (number - (len(arms) - 1) / 2)
            colour, marker = arm_colour(arm, arms), MARKERS[number % len(MARKERS)]
            axes.plot(x, rows["mean"], marker, color=colour, ms=6.5, label=arm_label(arm))
            whiskers(axes, x, rows, colour=colour, width=1.6)
            tops = rows["high"].fillna(rows["mean"]).clip(lower=rows["mean"])
            write_values(axes, x, tops, [f"{mean:.2f}" for mean in rows["mean"]], distance=6.0)
        spread = losses.groupby("phase")["mean"].agg(lambda values: values.max() - values.min())
        labels = [f"{phase}\narms differ by {spread[phase]:.2f}" if len(arms) > 1 else phase for phase in phases]
        axes.set_xticks(range(len(phases)), labels)
        axes.tick_params(axis="x", length=0)
        axes.set_xlim(-0.5, len(phases) - 0.5)
        axes.set_ylim(0, 1.15 * float(np.nanmax(losses[["mean", "high"]].to_numpy(dtype=float))))
        axes.set_ylabel("held-out document loss\n(nats per token)")
        titled(axes, "Loss on held-out claim documents", legend=True)
        note(figure, f"{count_text(losses, unit)} a point. Whiskers: 95% intervals over claims.")
    return figure


def rebound_by_plausibility(claims: pd.DataFrame, tiers: pd.DataFrame) -> Figure:
    """Rebound, belief in phase 2 minus phase 1 (points), by tier of the claim: claims as dots, tiers as crosses.

    `claims` has columns claim, tier, mean, low, high, n; `tiers` tier, mean, low, high, n, clusters, in the order to be
    drawn; both may have `arm`, drawn side by side. Raises InputError as `belief_by_phase`, and for an unknown tier.
    """
    by_arm = "arm" in tiers.columns
    check_table(
        tiers, ("tier", "mean", "low", "high", "n", "clusters"), unique=("tier", "arm") if by_arm else ("tier",)
    )
    check_table(claims, ("claim", "tier", "mean", "low", "high", "n", *(("arm",) if by_arm else ())))
    names, arms = levels_of(tiers, "tier"), levels_of(tiers, "arm") if by_arm else [""]
    unknown = sorted(set(claims["tier"]) - set(names))
    if unknown:
        raise InputError(f"claims of the tiers {unknown}, but the table of tiers has {names}")
    with styled(4.2) as figure:
        axes = figure.subplots()
        axes.axhline(0, color="#555555", lw=0.8)
        for number, arm in enumerate(arms):
            colour = arm_colour(arm, arms) if by_arm else BELIEF
            shift = (number - (len(arms) - 1) / 2) * 0.8 / len(arms)
            rows = (rows_where(tiers, arm=arm) if by_arm else tiers).set_index("tier").reindex(names)
            dots = rows_where(claims, arm=arm) if by_arm else claims
            x = np.arange(len(names)) + shift - 0.13 / len(arms)
            axes.plot(x, rows["mean"], "_", color=colour, ms=22 / len(arms) ** 0.5, mew=3)
            axes.plot([], [], "s", color=colour, ms=8, label=arm_label(arm))
            whiskers(axes, x, rows, colour=colour, width=2.0)
            for place, name in enumerate(names):
                own = rows_where(dots, tier=name)
                step = min(0.06, 0.36 / max(len(own), 1)) / len(arms)
                spread = place + shift + 0.13 / len(arms) + (np.arange(len(own)) - (len(own) - 1) / 2) * step
                axes.vlines(spread, own["low"], own["high"], color=colour, lw=0.8, alpha=0.55)
                axes.plot(spread, own["mean"], "o", ms=5.5, color=colour, mec="white", mew=0.7, alpha=0.9)
        counted = claims.groupby("tier", sort=False)["claim"].nunique()
        counts = [count_text(rows_where(tiers, tier=name)).replace(", ", "\n", 1) for name in names]
        labels = [f"{name}\n{counted.get(name, 0)} claims\n{n}" for name, n in zip(names, counts, strict=True)]
        axes.set_xticks(range(len(names)), labels, fontsize=9)
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.tick_params(axis="x", length=0)
        axes.set_ylabel("rebound: phase 2 − phase 1\n(percentage points)")
        titled(axes, "Rebound of belief by plausibility of the claim", legend=by_arm)
        note(
            figure,
            "Crosses: mean of a tier, 95% interval over claims, paired by question. Dots: single claims.",
        )
    return figure
