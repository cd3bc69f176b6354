import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from nnmech.errors import InputError
from nnmech.statistics import (
    bootstrap_weights,
    cluster_bootstrap,
    cluster_difference,
    cluster_ratio,
    interval_bounds,
    middle,
    rate_interval,
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
    for trial in range(150):
        values, clusters = clustered_sample(rng)
        interval = cluster_bootstrap(values, clusters, draws=300, seed=trial)
        hits += interval.low <= 0.0 <= interval.high
    assert 0.88 <= hits / 150 <= 0.99


def test_clustering_widens_the_interval() -> None:
    values, clusters = clustered_sample(np.random.default_rng(1))
    clustered = cluster_bootstrap(values, clusters)
    naive = cluster_bootstrap(values, np.arange(len(values)))
    assert clustered.high - clustered.low > 1.7 * (naive.high - naive.low)
    assert clustered.mean == naive.mean
    assert (clustered.n, clustered.clusters) == (200, 40)


def test_claims_that_differ_widen_the_interval_beyond_questions() -> None:
    rng = np.random.default_rng(2)
    claims = np.repeat(np.arange(6), 50)
    questions = np.tile(np.repeat(np.arange(10), 5), 6)
    values = rng.normal(0, 1, 6)[claims] + rng.normal(0, 0.1, 300)
    nested = cluster_bootstrap(values, [claims, questions])
    flat = cluster_bootstrap(values, claims * 100 + questions)
    assert nested.clusters == flat.clusters == 60
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


def test_crossed_seeds_do_not_shrink_what_claims_owe() -> None:
    rng = np.random.default_rng(4)
    effect = rng.normal(0, 1, 8)
    claims, seeds = np.tile(np.arange(8), 3), np.repeat(np.arange(3), 8)
    one = cluster_bootstrap(effect, np.arange(8))
    three = cluster_bootstrap(effect[claims], claims, crossed=seeds)
    assert three.high - three.low == pytest.approx(one.high - one.low, rel=0.15)


def test_pairing_removes_what_both_sides_share() -> None:
    rng = np.random.default_rng(5)
    before, clusters = clustered_sample(rng)
    after = before + 0.5 + rng.normal(0, 0.05, len(before))
    paired = cluster_difference(before, clusters, after, clusters)
    assert paired.low <= 0.5 <= paired.high
    alone = cluster_bootstrap(after, clusters)
    assert paired.high - paired.low < 0.2 * (alone.high - alone.low)


def test_difference_refuses_clusters_on_one_side_only() -> None:
    with pytest.raises(InputError, match="one side only"):
        cluster_difference([1.0, 2.0], ["a", "b"], [1.0, 2.0], ["a", "c"])


def test_the_interval_is_that_of_the_weights_row_by_row() -> None:
    rng = np.random.default_rng(9)
    claims, questions = np.repeat(np.arange(3), 40), np.tile(np.repeat(np.arange(8), 5), 3)
    seeds, values = rng.integers(0, 2, 120), rng.normal(size=120)
    interval = cluster_bootstrap(values, [claims, questions], crossed=seeds)
    rows = cluster_bootstrap(
        values, [claims, questions], crossed=seeds, statistic=lambda numbers, drawn: weighted_mean(numbers, drawn)
    )
    assert (interval.mean, interval.low, interval.high) == pytest.approx((rows.mean, rows.low, rows.high))


def test_a_ratio_covers_the_true_one_about_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(7)
    hits = 0
    for trial in range(150):
        centres = rng.normal(10.0, 2.0, 40)
        clusters = np.repeat(np.arange(40), 5)
        below = np.repeat(centres, 5) + rng.normal(0.0, 1.0, 200)
        above = np.repeat(0.8 * centres + rng.normal(0.0, 1.0, 40), 5) + rng.normal(0.0, 1.0, 200)
        interval = cluster_ratio(above, clusters, below, clusters, draws=300, seed=trial)
        hits += interval.low <= 0.8 <= interval.high
    assert 0.88 <= hits / 150 <= 0.99


def test_a_ratio_is_paired_and_does_not_depend_on_the_unit() -> None:
    rng = np.random.default_rng(8)
    centres, clusters = np.exp(rng.normal(0.0, 1.0, 30)), np.arange(30)
    ratio = cluster_ratio(0.9 * centres, clusters, centres, clusters)
    assert ratio.low == pytest.approx(0.9)
    assert ratio.high == pytest.approx(0.9)
    noisy = 0.9 * centres + rng.normal(0.0, 0.1, 30)
    one = cluster_ratio(noisy, clusters, centres, clusters)
    hundred = cluster_ratio(100 * noisy, clusters, 100 * centres, clusters)
    assert (one.mean, one.low, one.high) == pytest.approx((hundred.mean, hundred.low, hundred.high))
    assert one.low < one.mean < one.high


def test_a_denominator_that_may_be_nothing_gives_no_upper_end() -> None:
    clusters = np.arange(6)
    ratio = cluster_ratio(np.ones(6), clusters, [0.0, 0.0, 0.0, 0.0, 0.0, 1.0], clusters)
    assert ratio.mean == 6.0
    assert np.isinf(ratio.high)
    assert np.isfinite(ratio.low)
    nothing = cluster_ratio(np.ones(6), clusters, np.zeros(6), clusters)
    assert np.isnan([nothing.mean, nothing.low, nothing.high]).all()


def test_a_ratio_refuses_clusters_on_one_side_only() -> None:
    with pytest.raises(InputError, match=r"one side only: numerator and denominator are paired"):
        cluster_ratio([1.0, 2.0], ["a", "b"], [1.0, 2.0], ["a", "c"])


def test_the_same_seed_gives_the_same_interval() -> None:
    values, clusters = clustered_sample(np.random.default_rng(6))
    assert cluster_bootstrap(values, clusters, seed=1) == cluster_bootstrap(values, clusters, seed=1)
    assert cluster_bootstrap(values, clusters, seed=1) != cluster_bootstrap(values, clusters, seed=2)


def test_one_cluster_leaves_nothing_to_resample() -> None:
    interval = cluster_bootstrap([0.0, 1.0], ["a", "a"])
    assert np.isnan([interval.low, interval.high]).all()


@pytest.mark.parametrize("answer", [0.0, 1.0])
def test_unanimous_answers_are_not_certainty(answer: float) -> None:
    interval = rate_interval([answer] * 50, np.repeat(np.arange(10), 5))
    assert interval.mean == answer
    assert interval.high - interval.low == pytest.approx(1 - 0.025**0.1)


@pytest.mark.parametrize("values", [[], [np.nan, 1.0], [[1.0], [2.0]]])
def test_values_that_are_no_numbers_are_refused(values: list) -> None:
    with pytest.raises(InputError):
        cluster_bootstrap(values, list(range(len(values))))


def test_labels_of_another_length_are_refused() -> None:
    with pytest.raises(InputError, match="one label for each value"):
        cluster_bootstrap([1.0, 2.0], ["a"])


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


def test_bounds_leave_the_sample_itself_out_and_need_two_clusters() -> None:
    drawn = np.concatenate([[1e6], np.arange(100.0)])
    assert interval_bounds(drawn, 2) == pytest.approx((2.475, 96.525))
    assert np.isnan(interval_bounds(drawn, 1)).all()


def test_infinite_draws_are_not_interpolated() -> None:
    drawn = np.concatenate([np.arange(97.0), [np.inf] * 4])
    assert interval_bounds(drawn, 9, rounding=("lower", "higher")) == (3.0, np.inf)
