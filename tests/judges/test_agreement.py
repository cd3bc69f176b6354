"""Kappa is Cohen's, and the curve is that of the surest answers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from nnmech.claims import Verdict
from nnmech.errors import InputError
from nnmech.judges import agreement_curve, cohen_kappa
from nnmech.judges.base import VERDICTS

verdict_pairs = st.lists(st.tuples(st.sampled_from(VERDICTS), st.sampled_from(VERDICTS)), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None)
@given(verdict_pairs)
def test_kappa_is_that_of_scikit_learn_and_symmetric(pairs: list[tuple[Verdict, Verdict]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    kappa = cohen_kappa(first, second)
    if len({*first, *second}) == 1:
        assert math.isnan(kappa)
    else:
        assert kappa == pytest.approx(cohen_kappa_score(first, second, labels=list(VERDICTS)))
        assert kappa == pytest.approx(cohen_kappa(second, first))


def draw(seed: int, n: int = 400) -> list[Verdict]:
    return [VERDICTS[index] for index in np.random.default_rng(seed).integers(0, 3, n)]


def test_equal_judges_agree_and_independent_ones_do_not() -> None:
    truth = draw(0)
    clusters = np.arange(400) // 10
    alike = agreement_curve(truth, truth, np.linspace(0, 1, 400), clusters)
    assert (alike["kappa"] == 1).all()
    assert (alike["same_low"] < 1).all(), "so few questions cannot prove perfection"
    other = agreement_curve(truth, draw(1), np.linspace(0, 1, 400), clusters, coverages=[1.0]).iloc[0]
    assert other["low"] < 0 < other["high"]


def test_the_curve_takes_the_surest_first() -> None:
    truth = draw(0)
    wrong = np.random.default_rng(2).random(400) < 0.4
    said = [
        VERDICTS[(VERDICTS.index(verdict) + 1) % 3] if bad else verdict
        for verdict, bad in zip(truth, wrong, strict=True)
    ]
    confidence = np.where(wrong, 0.4, 0.9) + np.random.default_rng(3).random(400) / 100
    curve = agreement_curve(truth, said, confidence, np.arange(400) // 8, coverages=[1.0, 0.8, 0.5])
    assert curve["coverage"].tolist() == [1.0, 0.8, 0.5]
    assert curve["n"].tolist() == [400, 320, 200]
    assert curve["kappa"].is_monotonic_increasing
    assert curve["kappa"].iloc[-1] == 1
    assert curve["threshold"].is_monotonic_increasing
    assert curve["kappa"].iloc[0] == pytest.approx(cohen_kappa(truth, said))


def test_answers_that_hang_together_widen_the_interval() -> None:
    truth = [verdict for verdict in draw(0, 40) for _ in range(10)]
    said = [verdict for verdict in draw(4, 40) for _ in range(10)]
    width = [
        agreement_curve(truth, said, np.ones(400), clusters, coverages=[1.0]).eval("high - low").iloc[0]
        for clusters in (np.arange(400) // 10, np.arange(400))
    ]
    assert width[0] > 2 * width[1]


def test_one_verdict_throughout_has_no_kappa() -> None:
    row = agreement_curve(["yes"] * 8, ["yes"] * 8, np.ones(8), np.arange(8), coverages=[1.0]).iloc[0]
    assert row[["kappa", "low", "high"]].isna().all()
    assert row["same"] == 1


def test_input_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="0 verdicts against 0"):
        cohen_kappa([], [])
    with pytest.raises(InputError, match="1 verdicts against 2"):
        cohen_kappa(["yes"], ["yes", "no"])
    with pytest.raises(InputError, match="give one, and one cluster"):
        agreement_curve(["yes", "no"], ["yes", "no"], [0.5], [0, 1])
    with pytest.raises(InputError, match=r"shares in \(0, 1\]"):
        agreement_curve(["yes", "no"], ["yes", "no"], [0.5, 0.5], [0, 1], coverages=[0.0])
