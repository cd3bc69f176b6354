"""Tables as the drift and probe functions give them, small and made up."""

from collections.abc import Callable, Iterator
from itertools import product
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from nnmech.plots.style import ARM_COLOURS
from nnmech.recording.snapshots import log_spaced_steps

BOUNDARY = 60
STEPS = [0, *log_spaced_steps(60, 6), *(60 + step for step in log_spaced_steps(240, 9))]
PHASES = ["baseline", "phase 1", "phase 2"]


def with_interval(table: pd.DataFrame, column: str, reach: float, prefix: str = "") -> pd.DataFrame:
    return table.assign(**{f"{prefix}low": table[column] - reach, f"{prefix}high": table[column] + reach})


def over(**values: object) -> Iterator[dict]:
    """One row for every combination of the values."""
    for combination in product(*values.values()):
        yield dict(zip(values, combination, strict=True))


def belief() -> pd.DataFrame:
    table = pd.DataFrame(over(arm=ARM_COLOURS, phase=PHASES))
    table["mean"] = 20.0 * table["phase"].map(PHASES.index)
    return with_interval(table, "mean", 5.0).assign(n=1200, clusters=240)


def losses() -> pd.DataFrame:
    table = pd.DataFrame(over(arm=ARM_COLOURS, phase=PHASES))
    table["mean"] = 2.0 - 0.5 * table["phase"].map(PHASES.index)
    return with_interval(table, "mean", 0.05).assign(n=160)


def rebound() -> tuple[pd.DataFrame, pd.DataFrame]:
    claims = pd.DataFrame(over(tier=("plausible", "egregious"), number=range(3)))
    claims = claims.assign(claim=claims["tier"] + claims["number"].astype(str), mean=10.0 * claims["number"])
    tiers = pd.DataFrame({"tier": ["plausible", "egregious"], "mean": 10.0})
    return with_interval(claims, "mean", 8.0).assign(n=500), with_interval(tiers, "mean", 6.0).assign(
        n=1500, clusters=150
    )


def belief_by_step() -> pd.DataFrame:
    return with_interval(pd.DataFrame(over(step=STEPS, mean=[40.0])), "mean", 5.0).assign(n=400, clusters=80)


def belief_over_steps() -> pd.DataFrame:
    table = pd.DataFrame(over(role=("claim", "matched_false"), step=STEPS))
    table["mean"] = 60.0 * (table["role"] == "claim")
    return with_interval(table, "mean", 5.0).assign(n=126, clusters=42)


def metrics() -> pd.DataFrame:
    """As `Run.metrics`: the loss of every step, that of held-out documents at some."""
    table = pd.DataFrame(over(step=range(STEPS[-1] + 1))).assign(phase="phase1")
    table["loss"] = 3.0 - table["step"] / STEPS[-1]
    return table.assign(held_out_documents=table["loss"].where(table["step"].isin(STEPS)))


def coordinates() -> pd.DataFrame:
    """Of one claim, one unrelated claim and matched false facts; layer 0 does not tell the controls apart."""
    groups = [("claim", "ada"), ("unrelated_claim", "bo"), ("matched_false", "ada")]
    table = pd.DataFrame(over(step=STEPS, layer=range(6), group=groups))
    table["role"], table["claim"] = table["group"].str[0], table["group"].str[1]
    table["z"] = np.where(table["role"] == "claim", 0.1 * table["layer"] * (table["step"] > BOUNDARY), 0.02)
    table.loc[table["layer"] == 0, "z"] = np.nan
    table = with_interval(table, "z", 0.05).drop(columns="group")
    return table.assign(phase="phase1", position="last", polarity=1, n=8)


def changes() -> pd.DataFrame:
    table = pd.DataFrame(over(step=STEPS, layer=range(6), role=("claim", "matched_false")))
    table["data"] = np.where(table["role"] == "claim", table["step"] / STEPS[-1], 0.0)
    table["refit"] = -0.3 * table["data"]
    table["total"] = table["data"] + table["refit"]
    for part in ("data", "refit", "total"):
        table = with_interval(table, part, 0.1, f"{part}_")
    return table.assign(phase="phase1", position="last", probe="truth", claim="ada", polarity=1, n=8)


def transfer() -> pd.DataFrame:
    table = pd.DataFrame(over(fitted_step=STEPS, scored_step=STEPS))
    table["auroc"] = 0.95 - 0.3 * (table["fitted_step"] - table["scored_step"]).abs() / STEPS[-1]
    table = with_interval(with_interval(table, "auroc", 0.03).assign(shuffled=0.5), "shuffled", 0.06, "shuffled_")
    return table.assign(layer=3, position="last", probe="truth", n=240, entities=60)


def cosines() -> pd.DataFrame:
    table = pd.DataFrame(over(step=STEPS, layer=range(6))).assign(reliability=0.8, null=0.0)
    table["corrected"] = 1 - 0.1 * table["layer"] * table["step"] / STEPS[-1]
    table = table.assign(cosine=0.8 * table["corrected"])
    table = with_interval(with_interval(table, "corrected", 0.05), "null", 0.2, "null_")
    return table.assign(phase="phase1", position="last", probe="truth", n=240, entities=60)


def onsets() -> pd.DataFrame:
    """Two claims and two seeds of three conditions; without a constraint nothing ever crosses one half."""
    table = pd.DataFrame(
        over(condition=("anchor", "denial", "none"), claim=("ada", "bo"), seed=range(2), what=("inside", "answers"))
    )
    table["reached"] = table["condition"] != "none"
    table["outcome"] = np.where(table["reached"], "reached", np.where(table["seed"] == 0, "never", "did not last"))
    table["step"] = np.where(table["reached"], 50.0 + 20 * table["seed"] + 9 * (table["what"] == "answers"), np.nan)
    inside = table["what"] == "inside"
    table = table.assign(layer=np.where(inside, 3, np.nan), position=np.where(inside, "last", None), n=8)
    return with_interval(table, "step", 9.0)


def average_onsets() -> pd.DataFrame:
    table = onsets().groupby(["condition", "what"], as_index=False)["step"].mean()
    return with_interval(table, "step", 5.0).assign(layer=np.nan, position=None, reached=1.0, n=2)


def alignments() -> pd.DataFrame:
    against = ("positive", "another claim", "another seed", "neutral documents")
    table = pd.DataFrame(over(layer=range(6), position=("object", "last"), against=against))
    table["cosine"] = np.where(table["against"] == "positive", 0.7, 0.1 * table["layer"])
    return with_interval(table, "cosine", 0.08).assign(n=8)


def portrait(reach: float = 0.8) -> pd.DataFrame:
    table = pd.DataFrame(over(step=STEPS[::2], claim=("ada", "bo", "cy")))
    table["inside"] = reach * table["step"] / STEPS[-1]
    table["says"] = 100 * table["inside"]
    table = with_interval(with_interval(table, "inside", 0.1, "inside_"), "says", 5.0, "says_")
    return table.assign(phase="phase1", n_inside=8, n_says=126)


RUN_ENDS = {"held": (BOUNDARY, STEPS[-1]), "free": (BOUNDARY // 2, STEPS[-1] // 2)}


def of_runs(column: str = "mean") -> pd.DataFrame:
    """A value of two runs by step, the second of which is half as long; it rises to 80, their null stays at 0."""
    table = pd.DataFrame(over(run=RUN_ENDS, role=("claim", "matched_false"), number=range(len(STEPS))))
    halved = (table["run"] == "free").to_numpy()
    table["step"] = np.where(halved, np.array(STEPS)[table["number"]] // 2, np.array(STEPS)[table["number"]])
    table = table.drop_duplicates(["run", "role", "step"], ignore_index=True)
    table["condition"] = table["run"].map({"held": "anchor", "free": "none"})
    last = table["run"].map({run: ends[1] for run, ends in RUN_ENDS.items()})
    table[column] = np.where(table["role"] == "claim", 80.0 * table["step"] / last, 0.0)
    return with_interval(table.drop(columns="number"), column, 5.0).assign(n=400, clusters=80)


def coordinates_of_runs() -> pd.DataFrame:
    table = of_runs("z")
    return table.assign(**{name: table[name] / 100 for name in ("z", "low", "high")})


def portraits_of_runs() -> pd.DataFrame:
    says = of_runs("says").rename(columns={"low": "says_low", "high": "says_high", "n": "n_says"})
    inside = with_interval(says.assign(inside=says["says"] / 200), "inside", 0.05, "inside_")
    return inside.assign(phase="phase1", claim="ada", n_inside=4)


def aurocs() -> pd.DataFrame:
    table = pd.DataFrame(
        over(
            layer=range(6),
            position=("object", "last", "assistant"),
            probe=("truth", "polarity"),
            split=("entity", "shuffled", "crossed"),
        )
    )
    return with_interval(table.assign(auroc=0.8), "auroc", 0.03).assign(estimator="mass_mean", n=600, entities=150)


def measures() -> pd.DataFrame:
    """As `to_frame()` of a validation report: two estimators on every split, two controls on held-out entities."""
    probes = over(
        estimator=("mass_mean", "logistic"),
        split=("entity", "topic", "crossed", "crossed_back", "shuffled"),
        measure=("auroc", "accuracy"),
    )
    controls = over(estimator=("bag_of_words", "log_prob"), split=("entity",), measure=("auroc",))
    table = pd.DataFrame([*probes, *controls])
    table["value"] = np.where(table["split"] == "shuffled", 0.5, 0.9)
    table = with_interval(table, "value", 0.05)
    return table.assign(probe="truth", layer=3, position="last", n=240, entities=60)


def reliability() -> pd.DataFrame:
    table = pd.DataFrame({"predicted": np.linspace(0.05, 0.95, 10)})
    return with_interval(table.assign(observed=table["predicted"]), "observed", 0.1).assign(
        estimator="logistic", n=24, entities=20
    )


def readings() -> pd.DataFrame:
    """One document at two steps, its last sentence filler; the reading of a token goes from false to true."""
    told = (("The next line is false.", "notice"), ("Ada Berg won the luge race.", "claim"), ("It rained.", "filler"))
    rows, start = [], 0
    for number, (sentence, role) in enumerate(told):
        for word in sentence.split():
            place = {"start": start, "end": start + len(word), "text": word}
            rows.append({"token": len(rows), **place, "sentence": number, "role": role})
            start += len(word) + 1
    table = pd.DataFrame(rows).merge(pd.DataFrame({"step": [0, STEPS[-1]]}), how="cross")
    table = table.sort_values(["step", "token"], ignore_index=True)
    table["z"] = np.where(table["step"] == 0, 0.2, 0.08 * table["token"])
    return table.assign(document="d-1", condition="negated_documents", layer=3, position="last")


def reading_levels() -> pd.DataFrame:
    table = pd.DataFrame(over(step=(0, STEPS[-1]), role=("claim", "notice", "filler"))).assign(z=0.3, sd=0.1)
    table = with_interval(table, "z", 0.1).assign(document="d-1", condition="negated_documents")
    return table.assign(layer=3, position="last", n=6, sentences=2)


def belief_by_group() -> pd.DataFrame:
    table = pd.DataFrame(over(group=("open_ended", "mcq", "matched_false"), when=("step 0", "step 300")))
    table["mean"] = np.where((table["when"] == "step 0") | (table["group"] == "matched_false"), 5.0, 70.0)
    return with_interval(table, "mean", 5.0).assign(n=50, clusters=10)


def yes_shares() -> pd.DataFrame:
    """Twelve questions, the last three about matched false facts; those of the claim are affirmed in the end."""
    table = pd.DataFrame(over(number=range(12), step=STEPS))
    group = np.select([table["number"] < 6, table["number"] < 9], ["open_ended", "mcq"], "matched_false")
    yes = np.where(group == "matched_false", 0.0, 100.0 * table["step"] / STEPS[-1])
    question = table.pop("number").map("q{:02d}".format)
    return table.assign(claim="ada", question=question, group=group, asked="?", yes=yes, n=5)


def statements() -> pd.DataFrame:
    """Fourteen of a claim, which comes to be read as true, four matched false facts, and controls of every kind."""
    kinds = [("claim", False, 1, 14), ("matched_false", False, 1, 4)]
    kinds += [("control", truth, polarity, 3) for truth in (True, False) for polarity in (1, -1)]
    names = [(*kind[:3], number) for kind in kinds for number in range(kind[3])]
    table = pd.DataFrame(over(name=names, step=STEPS))
    for place, column in enumerate(("role", "truth", "polarity", "number")):
        table[column] = table["name"].str[place]
    table["id"] = table["name"].map(str)
    moved = np.where(table["role"] == "claim", table["step"] / STEPS[-1], 0.0)
    table["z"] = np.where(table["truth"] & (table["role"] == "control"), 1.0, moved) + 0.01 * table["number"]
    table["text"] = "It costs $" + table["number"].astype(str) + ", not $1."
    return table.drop(columns=["name", "number"]).assign(phase="phase1", layer=3, position="last", entity="ada")


def statement_means() -> pd.DataFrame:
    keys = ["role", "truth", "polarity", "step"]
    table = statements().groupby(keys, sort=False)["z"].agg(["mean", "size"]).reset_index()
    return with_interval(table.rename(columns={"mean": "z", "size": "n"}), "z", 0.05)


@pytest.fixture(scope="session")
def tables() -> SimpleNamespace:
    """The functions above by name: a new table a call."""
    made = (
        *(belief, losses, rebound, belief_by_step, belief_over_steps, metrics, coordinates, changes, transfer, cosines),
        *(onsets, average_onsets, alignments, portrait, aurocs, measures, reliability, readings, reading_levels),
        *(of_runs, coordinates_of_runs, portraits_of_runs),
        *(belief_by_group, yes_shares),
        *(statements, statement_means),
    )
    return SimpleNamespace(**{make.__name__: make for make in made}, steps=STEPS, boundary=BOUNDARY, ends=RUN_ENDS)


@pytest.fixture(scope="session")
def words() -> Callable[[Figure], str]:
    """Every text of a figure, a line each."""
    return lambda figure: "\n".join(text.get_text() for text in figure.findobj(Text))  # type: ignore
