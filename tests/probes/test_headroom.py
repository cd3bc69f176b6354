"""A claim that already reads true, or whose controls do not part, is named as not scorable, with the reason."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from nnmech.claims import Statement
from nnmech.errors import InputError
from nnmech.probes.headroom import scorable


def controls(count: int = 20) -> list[Statement]:
    return [
        Statement(f"c{number}/{truth}/{polarity}", "…", truth, polarity, "t", f"control{number}", "control")
        for number in range(count)
        for truth in (True, False)
        for polarity in (1, -1)
    ]


def claim(name: str, role: str = "claim", polarity: int = 1, count: int = 4) -> list[Statement]:
    return [
        Statement(f"{name}/{role}/{polarity}/{number}", "…", None, polarity, "t", name, role, name)  # pyright: ignore
        for number in range(count)
    ]


def scores_of(
    statements: list[Statement], reading: dict[str, float], *, gap: float = 1.0, noise: float = 0.1
) -> np.ndarray:
    """False controls at 5 (negated ones at 9), true ones `gap` above; a claim as far up as its reading says."""
    rng = np.random.default_rng(0)
    place = [gap * bool(one.truth) if one.claim is None else gap * reading[one.claim] for one in statements]
    base = [5 if one.polarity == 1 else 9 for one in statements]
    return np.array(base) + place + rng.normal(0, noise, len(statements))


def test_a_claim_near_the_true_end_is_not_scorable() -> None:
    statements = [*controls(), *claim("new"), *claim("known"), *claim("known", "false_fact", -1)]
    table = scorable(scores_of(statements, {"new": 0.1, "known": 0.95}), statements)
    assert list(table.columns) == ["claim", "role", "polarity", "z", "low", "high", "n", "scorable", "reason"]
    rows = table.set_index(["claim", "role", "polarity"])
    new, known, other = (
        rows.loc[("new", "claim", 1)],
        rows.loc[("known", "claim", 1)],
        rows.loc[("known", "false_fact", -1)],
    )
    assert new["scorable"]
    assert new["reason"] == ""
    assert new["z"] == pytest.approx(0.1, abs=0.1)
    assert new["low"] < new["z"] < new["high"]
    # Each polarity has its own ends.
    for row in (known, other):
        assert not row["scorable"]
        assert row["z"] == pytest.approx(0.95, abs=0.1)
        assert row["reason"].startswith(f"no headroom: z is {row['z']:.2f}, above 0.80")
    assert set(table["n"]) == {4}
    generous = scorable(torch.from_numpy(scores_of(statements, {"new": 0.1, "known": 0.95})), statements, headroom=-0.2)
    assert generous["scorable"].all()


def test_controls_that_do_not_part_score_nothing() -> None:
    statements = [*controls(), *claim("new")]
    noise = scores_of(statements, {"new": 0.1}, gap=0.0)
    turned = scores_of(statements, {"new": 0.1}, gap=-1.0)
    for scores in (noise, turned):
        row = scorable(scores, statements).iloc[0]
        assert not row["scorable"]
        assert np.isnan(row["z"])
        assert row["reason"].startswith("controls not separated: gap ")


def test_controls_of_one_entity_are_not_known_to_part() -> None:
    """Nothing is left to resample, so that the gap has no interval."""
    row = scorable(scores_of([*controls(1), *claim("new")], {"new": 0.1}), [*controls(1), *claim("new")]).iloc[0]
    assert not row["scorable"]
    assert np.isnan(row["z"])
    assert row["reason"].startswith("controls not separated: gap ")


def test_missing_controls_are_the_reason() -> None:
    statements = [one for one in controls() if one.polarity == 1 or one.truth] + [
        *claim("new"),
        *claim("new", "claim", -1),
    ]
    # Controls whose truth is not known stand at neither end.
    statements += [replace(one, id=f"{one.id}?", truth=None, entity="nobody") for one in controls(1)]
    rows = scorable(scores_of(statements, {"new": 0.2}), statements).set_index("polarity")
    assert rows.loc[1, "scorable"]
    assert not rows.loc[-1, "scorable"]
    assert rows.loc[-1, "reason"] == "no controls: 20 true and 0 false ones of its polarity, both are needed"


def test_a_single_statement_has_no_interval() -> None:
    statements = [*controls(), *claim("new", count=1)]
    row = scorable(scores_of(statements, {"new": 0.2}), statements).iloc[0]
    assert row["scorable"]
    assert np.isnan([row["low"], row["high"]]).all()


def test_what_cannot_be_judged_is_named() -> None:
    statements = [*controls(4), *claim("new")]
    scores = scores_of(statements, {"new": 0.2})
    with pytest.raises(InputError, match=r"scores of shape \(19,\): expected one finite number for each of 20"):
        scorable(scores[1:], statements)
    with pytest.raises(InputError, match="expected one finite number"):
        scorable(scores * np.nan, statements)
    with pytest.raises(InputError, match="there is no claim to judge"):
        scorable(scores[:16], statements[:16])
    with pytest.raises(InputError, match="lack the columns"):
        scorable(scores, pd.DataFrame({"id": range(20)}))
    with pytest.raises(InputError, match="must not be judged on entities it was fitted on"):
        scorable(scores, [replace(one, role="train") if one.id.startswith("c0/True/1") else one for one in statements])
