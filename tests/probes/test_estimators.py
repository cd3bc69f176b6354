from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nnmech.errors import InputError
from nnmech.probes import ESTIMATORS, TTPD, Logistic, MassMean, MassMeanCovariance, PolarityProbe, TruthProbe
from nnmech.probes.estimators import TrainingSet, find_estimator, grouped_folds

Plant = Callable[..., Any]


def on_truth(data: Any, estimator: Any = "mass_mean") -> TruthProbe:
    return TruthProbe.fit(
        data.activations,
        data.truth,
        groups=data.entity,
        polarity=data.polarity,
        topics=data.topic,
        estimator=estimator,
    )


def cosine_to_axis(direction: torch.Tensor, axis: int) -> float:
    return float(direction[axis] / direction.norm())


# Strong enough that sampling noise is small, weak enough that the classes overlap and logistic stays finite.
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_planted_truth_direction_is_found(planted: Plant, estimator: str) -> None:
    assert cosine_to_axis(on_truth(planted(1000, truth=0.75, polarity=0.75), estimator).direction, 0) >= 0.99


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_planted_polarity_direction_is_found(planted: Plant, estimator: Any) -> None:
    data = planted(1000, truth=0.75, polarity=0.75)
    found = PolarityProbe.fit(data.activations, data.polarity, groups=data.entity, estimator=estimator)
    assert cosine_to_axis(found.direction, 1) >= 0.99


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_truth_is_read_on_others_and_shuffled_labels_are_not(planted: Plant, estimator: str) -> None:
    data, others = planted(200), planted(200, first=200)
    rng = np.random.default_rng(0)
    read = on_truth(data, estimator).evaluate(others.activations, others.truth, groups=others.entity, draws=200)
    assert read.auroc.low > 0.95
    shuffled = on_truth(replace(data, truth=rng.permutation(data.truth)), estimator)
    nothing = shuffled.evaluate(others.activations, rng.permutation(others.truth), groups=others.entity, draws=200)
    assert nothing.auroc.mean == pytest.approx(0.5, abs=0.06)


def test_a_mass_mean_direction_is_in_residual_stream_units(planted: Plant) -> None:
    assert on_truth(planted(1000, truth=2.0)).direction[0] == pytest.approx(4.0, rel=0.05)


def test_covariance_undoes_a_shared_spread(planted: Plant) -> None:
    data = planted(500)
    rows = data.activations
    rows[:, 1:4] += 3 * torch.randn(len(rows), 1, generator=torch.Generator().manual_seed(0))
    rows[:, 1] += 2 * rows[:, 0]

    def separation(probe: TruthProbe) -> float:
        scores = probe.score(rows).numpy()
        return (scores[data.truth].mean() - scores[~data.truth].mean()) / scores[data.truth].std()

    assert separation(on_truth(data, "mass_mean_covariance")) > 1.5 * separation(on_truth(data, "mass_mean"))


@pytest.mark.parametrize("estimator", ["logistic", "mass_mean_covariance", "ttpd"])
def test_probabilities_are_calibrated(planted: Plant, estimator: str) -> None:
    data = planted(800, truth=0.6)
    probability = on_truth(data, estimator).predict_proba(data.activations)
    labels = torch.from_numpy(data.truth).float()
    for low, high in [(0.0, 0.3), (0.3, 0.7), (0.7, 1.0)]:
        inside = (probability >= low) & (probability < high)
        assert labels[inside].mean() == pytest.approx(float(probability[inside].mean()), abs=0.06)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_where_the_origin_lies_does_not_matter(planted: Plant, estimator: str) -> None:
    data = planted(60, truth=0.6)
    rows = data.activations.double().numpy()
    codes = np.unique(data.entity, return_inverse=True)[1]
    here, there = (
        find_estimator(estimator).fit(TrainingSet(moved, data.truth, codes, data.polarity > 0))
        for moved in (rows, rows - np.linspace(-40, 40, rows.shape[1]))
    )
    np.testing.assert_allclose(there.direction, here.direction, rtol=1e-3, atol=1e-4)
    moved = here.bias + here.direction @ np.linspace(-40, 40, rows.shape[1])
    assert there.bias == pytest.approx(moved, rel=1e-3, abs=1e-2)


def test_the_penalty_is_chosen_on_entities_left_out(planted: Plant) -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 8)
    own = rng.normal(0, 1, (40, 64))[groups] + rng.normal(0, 0.1, (320, 64))
    # Truth is a matter of the entity: on rows left out, recognising it would pay; on entities left out it does not.
    memorised = Logistic().fit(TrainingSet(own, groups % 2 == 0, groups))
    recognised = Logistic().fit(TrainingSet(own, groups % 2 == 0, np.arange(320)))
    assert recognised.parts["inverse_penalty"] > 100 * memorised.parts["inverse_penalty"]
    data = planted(200, truth=1.0)
    rows, codes = data.activations.double().numpy(), np.unique(data.entity, return_inverse=True)[1]
    read = Logistic().fit(TrainingSet(rows, data.truth, codes))
    assert read.parts["inverse_penalty"] > memorised.parts["inverse_penalty"]


@pytest.mark.parametrize("folds", [2, 5])
def test_without_folds_of_both_classes_no_penalty_is_chosen(folds: int) -> None:
    """Two entities, each of one class: whichever is left out, the other has nothing to tell apart."""
    rows = np.random.default_rng(0).normal(size=(12, 4))
    labels, groups = np.repeat([True, False], 6), np.repeat([0, 1], 6)
    with pytest.raises(InputError, match=r"no fold of the 2 groups .*inverse_penalties=\(0\.1,\)"):
        Logistic(folds=folds).fit(TrainingSet(rows, labels, groups))
    with pytest.raises(InputError, match=r"no fold of the 2 groups"):
        TTPD().fit(TrainingSet(rows, np.tile([True, False], 6), groups, labels))
    one = Logistic(inverse_penalties=(0.1,)).fit(TrainingSet(rows, labels, groups))
    assert float(one.parts["inverse_penalty"]) == 0.1


def test_folds_of_one_class_are_left_out_of_the_choice() -> None:
    """Of three entities one has all the true statements: the fold without it says nothing, the other two do."""
    rng = np.random.default_rng(0)
    labels, groups = np.repeat([True, False, False], 20), np.repeat([0, 1, 2], 20)
    rows = rng.normal(size=(60, 4)) + 3 * labels[:, None]
    fitted = Logistic().fit(TrainingSet(rows, labels, groups))
    assert fitted.settled == Logistic(inverse_penalties=(float(fitted.parts["inverse_penalty"]),))
    assert float(fitted.parts["inverse_penalty"]) > 1e-3


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_coordinates_that_never_vary_have_no_weight(planted: Plant, estimator: str) -> None:
    data = planted(40)
    data.activations[:, -1] = 7.1
    assert abs(on_truth(data, estimator).direction[-1]) < 1e-4 * on_truth(data, estimator).direction.norm()


def test_one_topic_is_no_topic_at_all(planted: Plant) -> None:
    data = planted(40, topics=1)
    without = TruthProbe.fit(data.activations, data.truth, groups=data.entity, polarity=data.polarity, estimator="ttpd")
    torch.testing.assert_close(on_truth(data, "ttpd").direction, without.direction)


@pytest.mark.parametrize("estimator", ["logistic", "ttpd"])
def test_a_settled_estimator_fits_the_same_again(planted: Plant, estimator: str) -> None:
    data = planted(30, truth=0.5)
    codes = np.unique(data.entity, return_inverse=True)[1]
    rows = TrainingSet(data.activations.double().numpy(), data.truth, codes, data.polarity > 0, data.topic)
    fitted = find_estimator(estimator).fit(rows)
    assert find_estimator(estimator).chooses
    assert fitted.settled is not None
    assert not fitted.settled.chooses
    np.testing.assert_allclose(fitted.settled.fit(rows).direction, fitted.direction)


def test_names_stand_for_estimators_with_their_defaults(planted: Plant) -> None:
    data = planted(20)
    for name, estimator in zip(ESTIMATORS, (MassMean(), MassMeanCovariance(), Logistic(), TTPD()), strict=True):
        assert find_estimator(name) == estimator
        assert torch.equal(on_truth(data, name).direction, on_truth(data, estimator).direction)
    weak, strong = (on_truth(data, Logistic((penalty,))) for penalty in (1.0, 1e-4))
    assert weak.direction.norm() > strong.direction.norm()
    with pytest.raises(InputError, match=r"'massmean': expected one of \['mass_mean'"):
        find_estimator("massmean")
    with pytest.raises(InputError, match="expected positive numbers"):
        Logistic((0.0, 1.0))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=12, max_size=60), st.integers(2, 5))
def test_entities_never_cross_a_split(rows: list[tuple[int, bool]], folds: int) -> None:
    groups, labels = np.array([group for group, _ in rows]), np.array([label for _, label in rows])
    if len(np.unique(groups)) < 2:
        return
    tested = []
    for train, test in grouped_folds(labels, groups, folds, seed=0):
        assert not set(groups[train]) & set(groups[test])
        tested.extend(test)
    assert sorted(tested) == list(range(len(rows)))
