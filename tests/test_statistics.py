from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from nnmech.errors import InputError
from nnmech.statistics import (
    Interval,
    bootstrap_weights,
    cluster_bootstrap,
    interval_bounds,
    mean_difference,
    mean_interval,
    middle,
    rate_difference,
    rate_interval,
    rate_ratio,
    weighted_auroc,
    weighted_mean,
)


def clustered_sample(rng: np.random.Generator, clusters: int = 40, each: int = 5) -> tuple[np.ndarray, np.ndarray]:
    centres = rng.normal(0.0, 1.0, clusters)
    values = np.repeat(centres, each) + rng.normal(0.0, 0.3, clusters * each)
    return values, np.repeat(np.arange(clusters), each)


def test_interval_covers_the_true_mean_about_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        values, clusters = clustered_sample(rng)
        interval = mean_interval(values, clusters)
        hits += interval.low <= 0.0 <= interval.high
    assert 0.92 <= hits / 400 <= 0.98


def six_claims(rng: np.random.Generator, rates: np.ndarray) -> np.ndarray:
    """Answers [claim question seed] of claims that are believed at such rates, 50 questions of three seeds."""
    return (rng.random((len(rates), 50, 3)) < rates[:, None, None]).astype(float)


def levels_of(answers: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    claim, question, seed = (grid.ravel() for grid in np.meshgrid(*map(range, answers.shape), indexing="ij"))
    return [claim, question], seed


def test_six_claims_are_covered_where_percentiles_of_the_bootstrap_fail() -> None:
    """Rates near 0.85 and near 0.02, claims wholly believed or not at all, and seeds that dominate."""
    rng = np.random.default_rng(11)
    settings_ = {
        "near 0.85": (lambda: six_claims(rng, rng.beta(0.85, 0.15, 6)), 0.85, rate_interval),
        "near 0.02": (lambda: six_claims(rng, rng.beta(0.1, 4.9, 6)), 0.02, rate_interval),
        "all or nothing": (lambda: six_claims(rng, 1.0 * (rng.random(6) < 0.8)), 0.8, rate_interval),
        "seeds": (
            lambda: rng.normal(0, 0.3, (6, 1, 1)) + rng.normal(0, 1, (1, 1, 3)) + rng.normal(0, 1, (6, 50, 3)),
            0.0,
            mean_interval,
        ),
    }
    for name, (draw, truth, interval) in settings_.items():
        held = []
        for _ in range(300):
            answers = draw()
            levels, seeds = levels_of(answers)
            found = interval(answers.ravel(), levels, crossed=seeds)
            held.append(found.low <= truth <= found.high)
        # Three standard errors below 0.93; percentiles of the nested bootstrap reach 0.82 at best.
        assert np.mean(held) > 0.93 - 3 * (0.93 * 0.07 / 300) ** 0.5, name


def test_percentiles_of_the_bootstrap_do_not_cover_six_claims() -> None:
    """What the test above would not let through."""
    rng = np.random.default_rng(11)
    held = []
    for trial in range(60):
        answers = six_claims(rng, rng.beta(0.85, 0.15, 6))
        levels, seeds = levels_of(answers)
        weights = bootstrap_weights(levels, draws=200, seed=trial, crossed=seeds)
        low, high = middle(weighted_mean(answers.ravel(), weights))
        held.append(low <= 0.85 <= high)
    assert np.mean(held) < 0.86


def test_paired_differences_and_ratios_of_six_claims_are_covered() -> None:
    rng = np.random.default_rng(12)
    held = []
    for _ in range(300):
        easy = rng.beta(0.95, 0.05, 6)
        sides = [six_claims(rng, easy).ravel(), six_claims(rng, easy * rng.beta(8, 1, 6)).ravel()]
        levels, seeds = levels_of(np.empty((6, 50, 3)))
        apart = rate_difference(sides[0], levels, sides[1], levels, before_crossed=seeds, after_crossed=seeds)
        over = rate_ratio(sides[1], levels, sides[0], levels, numerator_crossed=seeds, denominator_crossed=seeds)
        held.append((apart.low <= -0.95 / 9 <= apart.high, over.low <= 8 / 9 <= over.high))
    assert (np.mean(held, axis=0) > 0.93 - 0.045).all()


def test_an_area_of_one_is_not_certainty() -> None:
    scores, labels, people = np.arange(40.0), np.arange(40) >= 20, np.arange(40) % 10
    area = cluster_bootstrap(
        scores, people, share=True, draws=100, statistic=lambda values, weights: weighted_auroc(values, labels, weights)
    )
    assert (area.mean, area.high) == (1.0, 1.0)
    assert area.low == pytest.approx(0.025**0.1)


def test_satterthwaite_of_one_factor_is_the_t_test() -> None:
    values = np.array([1.0, 2.0, 4.0, 7.0])
    interval = mean_interval(values, np.arange(4))
    reach = 3.182446 * values.std(ddof=1) / 2
    assert (interval.low, interval.high) == pytest.approx((3.5 - reach, 3.5 + reach))
    # The same of every seed is no new evidence.
    thrice = mean_interval(np.tile(values, 3), np.tile(np.arange(4), 3), crossed=np.repeat(range(3), 4))
    assert (thrice.low, thrice.high) == pytest.approx((interval.low, interval.high))
    assert (thrice.units, thrice.seeds, thrice.n) == (4, 3, 12)


def test_what_is_shared_widens_with_its_own_degrees_of_freedom() -> None:
    values = np.zeros(4)
    shared = mean_interval(values, np.arange(4), shared=0.04, shared_df=9.0)
    assert shared.high == pytest.approx(0.2 * 2.262157)


def test_seeds_of_one_claim_each_are_nested() -> None:
    claims, seeds = np.repeat(np.arange(4), 2), np.arange(8)
    values = np.random.default_rng(3).normal(size=8)
    nested, plain = mean_interval(values, claims, crossed=seeds), mean_interval(values, claims)
    assert (nested.low, nested.high, nested.seeds) == (plain.low, plain.high, 1)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=6), min_size=3, max_size=8))
def test_a_rate_lies_in_its_interval_and_both_in_the_unit(claims: list[list[bool]]) -> None:
    labels = np.repeat(np.arange(len(claims)), [len(answers) for answers in claims])
    found = rate_interval(np.concatenate([np.array(answers, dtype=float) for answers in claims]), labels)
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert found.high - found.low > 0.05


def test_clustering_widens_the_interval() -> None:
    values, clusters = clustered_sample(np.random.default_rng(1))
    clustered = mean_interval(values, clusters)
    naive = mean_interval(values, np.arange(len(values)))
    assert clustered.high - clustered.low > 1.7 * (naive.high - naive.low)
    assert clustered.mean == naive.mean
    assert (clustered.n, clustered.clusters) == (200, 40)


def test_claims_that_differ_widen_the_interval_beyond_questions() -> None:
    rng = np.random.default_rng(2)
    claims = np.repeat(np.arange(6), 50)
    questions = np.tile(np.repeat(np.arange(10), 5), 6)
    values = rng.normal(0, 1, 6)[claims] + rng.normal(0, 0.1, 300)
    nested = mean_interval(values, [claims, questions])
    flat = mean_interval(values, claims * 100 + questions)
    assert nested.clusters == flat.clusters == 60
    assert (nested.units, flat.units) == (6, 60)
    assert nested.high - nested.low > 2 * (flat.high - flat.low)


def test_nested_draws_keep_the_number_of_clusters_at_each_level() -> None:
    claims = np.repeat([0, 1, 2], 4)
    questions = np.tile([0, 1, 2, 3], 3)
    weights = bootstrap_weights([claims, questions], draws=500, seed=3)
    assert (weights.sum(axis=1) == 12).all()
    per_claim = weights.reshape(500, 3, 4).sum(axis=2)
    assert (per_claim % 4 == 0).all()
    assert (per_claim == 0).any()


def test_questions_of_one_claim_are_not_questions_of_another() -> None:
    claims, questions = np.array(["a", "a", "b", "b"]), np.array(["q1", "q2", "q1", "q2"])
    weights = bootstrap_weights([claims, questions], draws=200)
    assert (weights[:, 0] != weights[:, 2]).any()


def test_crossed_seeds_share_their_questions() -> None:
    questions, seeds = np.tile(np.arange(8), 2), np.repeat([0, 1], 8)
    weights = bootstrap_weights([questions], crossed=seeds, draws=300)
    both = weights[(weights[:, :8].sum(axis=1) > 0) & (weights[:, 8:].sum(axis=1) > 0)]
    assert len(both) > 50
    assert ((both[:, :8] > 0) == (both[:, 8:] > 0)).all()


def test_pairing_removes_what_both_sides_share() -> None:
    rng = np.random.default_rng(5)
    before, clusters = clustered_sample(rng)
    after = before + 0.5 + rng.normal(0, 0.05, len(before))
    paired = mean_difference(before, clusters, after, clusters)
    assert paired.low <= 0.5 <= paired.high
    alone = mean_interval(after, clusters)
    assert paired.high - paired.low < 0.2 * (alone.high - alone.low)


@pytest.mark.parametrize("difference", [mean_difference, rate_difference])
def test_difference_refuses_clusters_on_one_side_only(difference: Callable[..., Interval]) -> None:
    with pytest.raises(InputError, match="one side only"):
        difference([1.0, 0.0], ["a", "b"], [1.0, 0.0], ["a", "c"])


def test_a_ratio_is_paired() -> None:
    rng = np.random.default_rng(8)
    clusters = np.repeat(np.arange(12), 50)
    ease = rng.beta(2, 2, 12)[clusters]
    below = (rng.random(600) < ease).astype(float)
    above = np.where(rng.random(600) < 0.9, below, 0.0)
    ratio = rate_ratio(above, clusters, below, clusters)
    assert ratio.low < 0.9 < ratio.high
    apart = rate_ratio(above, clusters, below, np.arange(12)[::-1][clusters])
    assert ratio.high - ratio.low < 0.7 * (apart.high - apart.low)


def test_a_denominator_that_may_be_nothing_gives_no_upper_end() -> None:
    clusters = np.arange(6)
    ratio = rate_ratio(np.ones(6), clusters, [0.0, 0.0, 0.0, 0.0, 0.0, 1.0], clusters)
    assert ratio.mean == 6.0
    assert ratio.high > 100
    assert np.isfinite(ratio.low)
    nothing = rate_ratio(np.ones(6), clusters, np.zeros(6), clusters)
    assert np.isnan([nothing.mean, nothing.low, nothing.high]).all()


def test_a_ratio_refuses_clusters_on_one_side_only() -> None:
    with pytest.raises(InputError, match=r"one side only: numerator and denominator are paired"):
        rate_ratio([1.0, 0.0], ["a", "b"], [1.0, 0.0], ["a", "c"])


def test_the_same_seed_gives_the_same_interval() -> None:
    values, clusters = clustered_sample(np.random.default_rng(6))
    one, again, other = (cluster_bootstrap(values, clusters, seed=s, statistic=weighted_mean) for s in (1, 1, 2))
    assert one == again != other


@pytest.mark.parametrize("clusters", [["a", "a"], ["a", "b"]])
@pytest.mark.parametrize("interval", [mean_interval, rate_interval])
def test_one_or_two_clusters_leave_nothing_to_infer_from(
    clusters: list[str], interval: Callable[..., Interval]
) -> None:
    found = interval([0.0, 1.0], clusters)
    assert np.isnan([found.low, found.high]).all()
    assert found.mean == 0.5


@pytest.mark.parametrize("answer", [0.0, 1.0])
def test_unanimous_answers_are_not_certainty(answer: float) -> None:
    interval = rate_interval([answer] * 50, np.repeat(np.arange(10), 5))
    assert interval.mean == answer
    assert interval.high - interval.low == pytest.approx(1 - 0.025**0.1)


@pytest.mark.parametrize("values", [[], [np.nan, 1.0], [[1.0], [2.0]]])
def test_values_that_are_no_numbers_are_refused(values: list) -> None:
    with pytest.raises(InputError):
        mean_interval(values, list(range(len(values))))


def test_labels_of_another_length_are_refused() -> None:
    with pytest.raises(InputError, match="one label for each value"):
        mean_interval([1.0, 2.0], ["a"])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_unweighted_auroc_is_the_textbook_one(rows: list[tuple[int, bool]]) -> None:
    scores, labels = np.array([float(score) for score, _ in rows]), np.array([label for _, label in rows])
    ours = weighted_auroc(scores, labels, np.ones((1, len(rows)), dtype=np.int64))[0]
    if labels.all() or not labels.any():
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(roc_auc_score(labels, scores))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=2, max_size=30))
def test_a_weight_is_a_repetition(rows: list[tuple[int, bool, int]]) -> None:
    scores = np.array([float(score) for score, _, _ in rows])
    labels, counts = np.array([label for _, label, _ in rows]), np.array([count for _, _, count in rows])
    weighted = weighted_auroc(scores, labels, counts[None])
    repeated = weighted_auroc(scores.repeat(counts), labels.repeat(counts), np.ones((1, counts.sum()), dtype=np.int64))
    np.testing.assert_allclose(weighted, repeated)


def test_strata_compare_only_within() -> None:
    scores, labels = np.array([0.0, 1.0, 10.0, 11.0]), np.array([False, True, False, True])
    strata = np.array([0, 0, 1, 1])
    ones = np.ones((1, 4), dtype=np.int64)
    assert weighted_auroc(scores, labels, ones, strata)[0] == 1.0
    assert weighted_auroc(scores, labels, ones)[0] == 0.75


def test_many_areas_at_once_are_those_one_by_one() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 12, (7, 3, 90)).astype(float)
    labels, folds = rng.random(90) < 0.4, rng.integers(0, 9, 90)
    weights = rng.integers(0, 3, (20, 90))
    for strata in (None, folds):
        found = weighted_auroc(scores, labels, weights, strata)
        assert found.shape == (20, 7, 3)
        for cell in np.ndindex(7, 3):
            np.testing.assert_array_equal(found[:, *cell], weighted_auroc(scores[cell], labels, weights, strata))
            assert found[0, *cell] == pytest.approx(_pairwise(scores[cell], labels, weights[0], strata), abs=1e-12)


def _pairwise(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, strata: np.ndarray | None) -> float:
    """The definition: over all pairs of a positive and a negative of one stratum."""
    wins = pairs = 0.0
    for i in np.flatnonzero(labels):
        for j in np.flatnonzero(~labels):
            if strata is None or strata[i] == strata[j]:
                pairs += weights[i] * weights[j]
                wins += weights[i] * weights[j] * ((scores[i] > scores[j]) + (scores[i] == scores[j]) / 2)
    return wins / pairs


def test_draws_without_a_value_are_left_out_as_far_as_allowed() -> None:
    draws = np.arange(100.0)[:, None].repeat(4, axis=1)
    draws[:5, 1], draws[:60, 2], draws[:, 3] = np.nan, np.nan, np.nan
    low, high = middle(draws)
    np.testing.assert_allclose(low, [2.475, 7.35, 60.975, np.nan])
    np.testing.assert_allclose(high, [96.525, 96.65, 98.025, np.nan])
    low, high = middle(draws, may_fail=0.1)
    assert np.isnan(low).tolist() == np.isnan(high).tolist() == [False, False, True, True]
    assert middle(draws[:, 1]) == pytest.approx((7.35, 96.65))


def test_bounds_leave_the_sample_itself_out_and_need_three_clusters() -> None:
    drawn = np.concatenate([[1e6], np.arange(100.0)])
    assert interval_bounds(drawn, 10**6) == pytest.approx((2.475, 96.525), abs=1e-3)
    assert np.isnan(interval_bounds(drawn, 2)).all()


def test_percentiles_lie_further_out_for_few_clusters() -> None:
    rng = np.random.default_rng(13)
    held, reach = [], []
    for _ in range(300):
        values = rng.normal(size=8)
        weights = np.concatenate([np.ones((1, 8)), rng.multinomial(8, np.full(8, 1 / 8), size=1000)])
        low, high = interval_bounds(weighted_mean(values, weights), 8)
        held.append(low <= 0 <= high)
        reach.append(high - low)
    assert np.mean(held) > 0.9


def test_infinite_draws_are_not_interpolated() -> None:
    drawn = np.concatenate([np.arange(97.0), [np.inf] * 4])
    assert interval_bounds(drawn, 9999, rounding=("lower", "higher")) == (3.0, np.inf)
