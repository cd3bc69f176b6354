from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nnmech.errors import InputError
from nnmech.probes import TTPD, MassMean, PolarityProbe, TruthProbe
from nnmech.probes.linear import TrainingSet

Plant = Callable[..., Any]


def fit(data: Any, estimator: Any = "ttpd", *, truth: np.ndarray | None = None, topics: bool = True) -> TruthProbe:
    return TruthProbe.fit(
        data.activations,
        data.truth if truth is None else truth,
        groups=data.entity,
        polarity=data.polarity,
        topics=data.topic if topics else None,
        estimator=estimator,
    )


def auroc(probe: TruthProbe, data: Any) -> float:
    return probe.evaluate(data.activations, data.truth, groups=data.entity, draws=2).auroc.mean


def axis(number: int, length: float) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(number), 16) * length


def test_both_truth_directions_and_polarity_are_found(planted: Plant) -> None:
    probe = fit(planted(1000, truth=0.8, polarity=1.5, sensitive=1.2))
    # Parts are in units of the residual stream: what is found is as long as what was planted.
    torch.testing.assert_close(probe.t_g, axis(0, 0.8), atol=0.05, rtol=0)
    torch.testing.assert_close(probe.t_p, axis(2, 1.2), atol=0.05, rtol=0)
    for found, number in ((probe.t_g, 0), (probe.t_p, 2), (probe.polarity_direction, 1), (probe.direction, 0)):
        assert found[number] / found.norm() >= 0.99


def test_where_negated_statements_are_few_truth_is_not_mixed_with_its_negation(planted: Plant) -> None:
    data = planted(1000, truth=1.0, sensitive=1.5)
    rng = np.random.default_rng(0)
    kept = (data.polarity > 0) | (rng.random(len(data.truth)) < 0.15)
    few = data[kept]
    found = fit(few)
    torch.testing.assert_close(found.t_g, axis(0, 1.0), atol=0.1, rtol=0)
    torch.testing.assert_close(found.t_p, axis(2, 1.5), atol=0.1, rtol=0)
    mixed = fit(few, "mass_mean").direction
    assert mixed[0] / mixed.norm() < 0.9


def test_where_most_affirmations_are_true_truth_is_not_mixed_with_polarity(planted: Plant) -> None:
    data = planted(1000, truth=1.0, polarity=3.0)
    rng = np.random.default_rng(0)
    biased = data[(data.truth == (data.polarity > 0)) | (rng.random(len(data.truth)) < 0.2)]
    torch.testing.assert_close(fit(biased).t_g, axis(0, 1.0), atol=0.1, rtol=0)
    mixed = fit(biased, "mass_mean").direction
    assert mixed[0] / mixed.norm() < 0.9


def test_ttpd_carries_over_to_negated_statements_where_affirmative_mass_mean_does_not(planted: Plant) -> None:
    data, others = planted(200, truth=1.2, sensitive=2.0), planted(100, truth=1.2, sensitive=2.0, first=200)
    affirmative = data[data.polarity > 0]
    alone = TruthProbe.fit(affirmative.activations, affirmative.truth, groups=affirmative.entity)
    probe, negated = fit(data), others[others.polarity < 0]
    assert auroc(alone, others[others.polarity > 0]) > 0.9
    assert auroc(alone, negated) < 0.5
    assert auroc(probe, negated) > 0.9


def test_ttpd_reads_a_topic_on_which_it_was_not_fitted(planted: Plant) -> None:
    data, others = planted(200, truth=1.2), planted(60, truth=1.2, first=200)
    assert auroc(fit(data[data.topic != 0]), others[others.topic == 0]) > 0.9


def test_shuffled_labels_are_at_chance(planted: Plant) -> None:
    nothing, others = planted(300, truth=0.0, polarity=2.0), planted(300, truth=0.0, polarity=2.0, first=300)
    shuffled = np.random.default_rng(0).permutation(nothing.truth)
    held_out = fit(nothing, truth=shuffled).evaluate(others.activations, others.truth, groups=others.entity)
    assert held_out.auroc.low < 0.5 < held_out.auroc.high
    assert held_out.auroc.mean == pytest.approx(0.5, abs=0.05)


def test_without_topics_activations_are_centred_by_polarity(planted: Plant) -> None:
    found = fit(planted(1000), topics=False).t_g
    assert found[0] / found.norm() >= 0.99


def test_the_score_is_the_classifier_on_the_plane(planted: Plant) -> None:
    data = planted(50, truth=0.5)
    probe = fit(data)
    plane = torch.stack([probe.t_g, probe.polarity_direction], dim=1)
    weights = torch.linalg.lstsq(plane, probe.direction[:, None]).solution
    torch.testing.assert_close((plane @ weights)[:, 0], probe.direction, atol=1e-4, rtol=1e-3)
    probability = probe.predict_proba(data.activations)
    torch.testing.assert_close(probability, probe.score(data.activations).sigmoid())
    assert ((probability > 0.5).numpy() == data.truth).mean() > 0.6


def test_its_parts_come_back_and_other_probes_have_none(planted: Plant, tmp_path: Path) -> None:
    data = planted(20)
    probe = fit(data)
    probe.save(tmp_path)
    loaded = TruthProbe.load(tmp_path)
    for name in ("t_g", "t_p", "polarity_direction", "direction"):
        assert torch.equal(getattr(loaded, name), getattr(probe, name))
    with pytest.raises(InputError, match=r"by mass_mean has no t_g: .*estimator='ttpd'"):
        _ = fit(data, "mass_mean").t_g


def test_the_polarity_direction_may_be_a_difference_of_means(planted: Plant) -> None:
    found = fit(planted(500), TTPD(polarity=MassMean())).polarity_direction
    torch.testing.assert_close(found, axis(1, 4.0), atol=0.3, rtol=0)


def test_ttpd_says_what_it_lacks(planted: Plant) -> None:
    data = planted(10)
    with pytest.raises(InputError, match="give the polarity"):
        TruthProbe.fit(data.activations, data.truth, groups=data.entity, estimator="ttpd")
    with pytest.raises(InputError, match="truth says all of polarity"):
        TTPD().fit(TrainingSet(data.activations.double().numpy(), data.polarity > 0, np.arange(40), data.polarity > 0))


def test_a_polarity_probe_is_the_direction_by_which_ttpd_tells_polarity(planted: Plant) -> None:
    data = planted(40, truth=0.8, polarity=0.8)
    found = PolarityProbe.fit(
        data.activations, data.polarity, groups=data.entity, polarity=data.polarity, topics=data.topic, estimator="ttpd"
    )
    torch.testing.assert_close(found.direction, fit(data).polarity_direction)
    assert (found.estimator, found.log_odds) == ("ttpd", True)
    assert ((found.score(data.activations) > 0).numpy() == (data.polarity > 0)).mean() > 0.7
