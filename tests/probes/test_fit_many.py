import inspect

import numpy as np
import pytest
import torch
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from nnmech.errors import InputError
from nnmech.probes.fit_many import BATCHED_ESTIMATORS, INVERSE_PENALTY, ManyProbes, fit_many, grouped_masks
from nnmech.probes.fitting import fit_one
from nnmech.probes.linear import Logistic, TrainingSet
from nnmech.statistics import weighted_auroc

ROWS, WIDTH, FOLDS = 240, 24, 4


def residual_streams(
    *cells: int, rows: int = ROWS, width: int = WIDTH, strength: float = 0.5, mean: float = 3.0, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Activations [*cells, rows, width] in double precision with a few strong coordinates, labels, groups of four."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(rows) % 2 == 0)
    mixed = rng.normal(size=(*cells, rows, width)) @ rng.normal(size=(width, width))
    spread = mixed * np.geomspace(4.0, 0.2, width) + mean * rng.normal(size=(*cells, 1, width))
    axis = rng.normal(size=(*cells, 1, width))
    planted = spread + strength * np.where(labels, 1, -1)[:, None] * axis
    return torch.from_numpy(planted), torch.from_numpy(labels), np.arange(rows) // 4


def folds_of(labels: torch.Tensor, groups: np.ndarray, folds: int = FOLDS) -> tuple[torch.Tensor, torch.Tensor]:
    train = grouped_masks(labels.numpy(), groups, folds, 0)
    return labels.expand(len(train), -1).contiguous(), train


def standardised_regression(rows: np.ndarray, labels: np.ndarray, inverse_penalty: float) -> tuple[np.ndarray, float]:
    """Direction and bias of scikit-learn's optimum, in units of the rows."""
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    model = LogisticRegression(C=inverse_penalty, solver="newton-cholesky", tol=1e-10, max_iter=1000)
    model.fit((rows - mean) / scale, labels)
    direction = model.coef_[0] / scale
    return direction, float(model.intercept_[0] - mean @ direction)


def auroc(scores: torch.Tensor, labels: torch.Tensor, test: torch.Tensor) -> torch.Tensor:
    """Of the rows that each problem leaves out, in every cell."""
    areas = [
        weighted_auroc(scores[..., problem, inside].numpy(), own[inside].numpy(), np.ones((1, int(inside.sum()))))[0]
        for problem, (own, inside) in enumerate(zip(labels, test, strict=True))
    ]
    return torch.from_numpy(np.stack(areas, axis=-1))


def relative(found: torch.Tensor | np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(np.asarray(found) - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 2e-3)])
@pytest.mark.parametrize("width", [WIDTH, 300])
@pytest.mark.parametrize("estimator", ["mass_mean", "mass_mean_covariance"])
def test_mass_means_are_those_of_one_by_one(estimator: str, width: int, dtype: torch.dtype, tolerance: float) -> None:
    activations, labels, groups = residual_streams(2, 3, width=width)
    many_labels, train = folds_of(labels, groups)
    # A problem of other labels and one that trains on few rows have their own covariance.
    many_labels = torch.cat([many_labels, many_labels[:1].roll(1, dims=1), many_labels[:1]])
    train = torch.cat([train, train[:1], (torch.arange(ROWS) < 60)[None]])
    found = fit_many(activations, many_labels, train, estimator=estimator, dtype=dtype)
    for cell in np.ndindex(2, 3):
        for problem, (label, mask) in enumerate(zip(many_labels.numpy(), train.numpy(), strict=True)):
            rows = activations[cell].numpy()
            one = fit_one(TrainingSet(rows[mask], label[mask], groups[mask]), estimator)
            assert relative(found.directions[cell][problem], one.direction) < tolerance
            scores = found.score(activations)[cell][problem]
            assert relative(scores, rows @ one.direction + one.bias) < tolerance


@pytest.mark.parametrize("inverse_penalty", [1e-3, INVERSE_PENALTY, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("width", [WIDTH, 300])
def test_logistic_is_that_of_scikit_learn(width: int, dtype: torch.dtype, inverse_penalty: float) -> None:
    activations, labels, groups = residual_streams(2, width=width)
    many_labels, train = folds_of(labels, groups)
    found = fit_many(
        activations, many_labels, train, estimator="logistic", inverse_penalty=inverse_penalty, dtype=dtype
    )
    areas = auroc(found.score(activations), many_labels, ~train)
    assert found.converged is not None
    assert found.converged.all()
    for cell in range(2):
        for problem, mask in enumerate(train.numpy()):
            rows = activations[cell].numpy()
            direction, bias = standardised_regression(rows[mask], labels.numpy()[mask], inverse_penalty)
            scale = rows[mask].std(axis=0)
            assert relative(found.directions[cell, problem].numpy() * scale, direction * scale) < 0.01
            scores = rows @ direction + bias
            assert relative(found.score(activations)[cell, problem], scores) < 0.01
            assert abs(float(areas[cell, problem]) - roc_auc_score(labels.numpy()[~mask], scores[~mask])) < 0.005


def test_logistic_reaches_the_tolerance_asked_for() -> None:
    activations, labels, groups = residual_streams()
    many_labels, train = folds_of(labels, groups)
    found = fit_many(
        activations, many_labels, train, estimator="logistic", inverse_penalty=0.1, tolerance=1e-9, dtype=torch.float64
    )
    for mask, direction in zip(train.numpy(), found.directions, strict=True):
        expected, _ = standardised_regression(activations.numpy()[mask], labels.numpy()[mask], 0.1)
        assert relative(direction, expected) < 1e-7


@pytest.mark.parametrize("case", ["separable", "nearly collinear", "constant", "one scale in a million"])
def test_logistic_of_awkward_activations(case: str) -> None:
    activations, labels, groups = residual_streams(strength=20.0 if case == "separable" else 0.5)
    if case == "nearly collinear":
        activations[:, 1] = activations[:, 0] + 1e-3 * activations[:, 1]
    elif case == "constant":
        activations[:, 0] = 7.1
    elif case == "one scale in a million":
        activations[:, 0] *= 1e6
    many_labels, train = folds_of(labels, groups)
    found = fit_many(activations, many_labels, train, estimator="logistic", inverse_penalty=1.0)
    assert found.converged is not None
    assert found.converged.all()
    areas = auroc(found.score(activations), many_labels, ~train)
    kept = slice(1, None) if case == "constant" else slice(None)
    rows = activations[:, kept].numpy()
    for problem, mask in enumerate(train.numpy()):
        direction, bias = standardised_regression(rows[mask], labels.numpy()[mask], 1.0)
        scores = rows @ direction + bias
        assert relative(found.score(activations)[problem], scores) < 0.02
        assert abs(float(areas[problem]) - roc_auc_score(labels.numpy()[~mask], scores[~mask])) < 0.005
    if case == "constant":
        assert found.directions[:, 0].abs().max() < 1e-3 * found.directions.abs().max()


@pytest.mark.filterwarnings("ignore:.*did not converge")
@pytest.mark.parametrize("width", [WIDTH, 300])
def test_logistic_without_a_penalty_to_speak_of_stays_finite(width: int) -> None:
    activations, labels, groups = residual_streams(width=width, strength=20.0)
    activations[:, 1:5] = activations[:, :1]
    many_labels, train = folds_of(labels, groups)
    found = fit_many(activations, many_labels, train, estimator="logistic", inverse_penalty=1e8)
    assert found.directions.isfinite().all()
    assert (auroc(found.score(activations), many_labels, ~train) > 0.9).all()


def test_logistic_where_nothing_varies_knows_how_many_are_true() -> None:
    labels = torch.arange(20) < 15
    found = fit_many(torch.full((20, 3), 0.1), labels[None], torch.ones(1, 20, dtype=torch.bool), estimator="logistic")
    assert found.converged is not None
    assert found.converged.all()
    assert not found.directions.any()
    assert float(found.biases) == pytest.approx(np.log(3), rel=1e-3)


def test_with_groups_the_penalty_is_the_one_that_one_by_one_chooses() -> None:
    activations = torch.stack([residual_streams(strength=strength)[0] for strength in (0.01, 0.1, 0.5)])
    _, labels, groups = residual_streams()
    many_labels, train = folds_of(labels, groups)
    found = fit_many(activations, many_labels, train, estimator="logistic", groups=groups)
    assert found.inverse_penalties is not None
    assert len(found.inverse_penalties.unique()) > 1
    for cell in range(3):
        for problem, mask in enumerate(train.numpy()):
            rows = activations[cell].numpy()[mask]
            one = Logistic().fit(TrainingSet(rows, labels.numpy()[mask], groups[mask]))
            assert float(found.inverse_penalties[cell, problem]) == pytest.approx(float(one.parts["inverse_penalty"]))
            assert relative(found.directions[cell, problem], one.direction) < 0.01


def test_a_problem_without_folds_of_both_classes_chooses_no_penalty() -> None:
    activations, labels, groups = residual_streams(2, rows=80)
    many_labels, train = folds_of(labels, groups)
    # Two entities are left to the second problem, and each is of one class.
    own = labels.clone()
    own[:4], own[4:8] = True, False
    many_labels[1], train[1] = own, torch.arange(80) < 8
    with pytest.raises(InputError, match=r"problem 1: no fold of the 2 groups"):
        fit_many(activations, many_labels, train, estimator="logistic", groups=groups)
    fit_many(activations, many_labels, train, estimator="logistic", inverse_penalty=0.1, groups=groups)


def test_no_groups_and_no_penalty_is_the_default_penalty() -> None:
    activations, labels, groups = residual_streams()
    many_labels, train = folds_of(labels, groups)
    found, same = (
        fit_many(activations, many_labels, train, estimator="logistic", inverse_penalty=value)
        for value in (None, INVERSE_PENALTY)
    )
    assert torch.equal(found.directions, same.directions)


@pytest.mark.parametrize("estimator", BATCHED_ESTIMATORS)
def test_test_rows_have_no_influence(estimator: str) -> None:
    activations, labels, groups = residual_streams(2)
    many_labels, train = folds_of(labels, groups)
    moved, relabelled = activations.clone(), many_labels.clone()
    moved[:, ~train[0]] = 5 * moved[:, ~train[0]].flip(-1) - 40
    relabelled[0, ~train[0]] ^= True
    alone, alone_moved = (
        fit_many(x, y[:1], train[:1], estimator=estimator) for x, y in ((activations, many_labels), (moved, relabelled))
    )
    assert torch.equal(alone.directions, alone_moved.directions)
    assert torch.equal(alone.biases, alone_moved.biases)
    # Beside problems that do train on these rows, they are still nothing to this one.
    together = fit_many(moved, relabelled, train, estimator=estimator, dtype=torch.float64, tolerance=1e-6)
    before = fit_many(activations, many_labels, train, estimator=estimator, dtype=torch.float64, tolerance=1e-6)
    torch.testing.assert_close(together.directions[:, 0], before.directions[:, 0], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(together.directions[:, 1], before.directions[:, 1], rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("estimator", BATCHED_ESTIMATORS)
def test_how_many_cells_at_once_changes_nothing(estimator: str) -> None:
    activations, labels, groups = residual_streams(2, 5, rows=80)
    many_labels, train = folds_of(labels, groups)
    one, three, all_cells = (
        fit_many(activations, many_labels, train, estimator=estimator, cells_at_once=size) for size in (1, 3, None)
    )
    assert one.directions.shape == (2, 5, FOLDS, WIDTH)
    assert one.biases.shape == (2, 5, FOLDS)
    for other in (three, all_cells):
        torch.testing.assert_close(other.directions, one.directions, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(other.score(activations), one.score(activations), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("estimator", BATCHED_ESTIMATORS)
def test_how_many_threads_changes_nothing(estimator: str) -> None:
    activations, labels, groups = residual_streams(5, rows=80)
    many_labels, train = folds_of(labels, groups)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    expected = fit_many(activations, many_labels, train, estimator=estimator, cells_at_once=1)
    torch.set_num_threads(2)
    try:
        found = fit_many(activations, many_labels, train, estimator=estimator, cells_at_once=1)
        scores = found.score(activations)
        assert torch.get_num_threads() == 2
        activations[4, 3] = torch.nan
        with pytest.raises(InputError, match=r"cell \(4,\), row 3"):
            fit_many(activations, many_labels, train, estimator=estimator)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found.directions, expected.directions)
    torch.testing.assert_close(scores[:4], expected.score(activations.nan_to_num(0.0))[:4], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("estimator", BATCHED_ESTIMATORS)
def test_cells_are_in_their_own_place_whatever_the_layout(estimator: str) -> None:
    activations, labels, groups = residual_streams(2, 3, rows=80)
    many_labels, train = folds_of(labels, groups)
    expected = fit_many(activations, many_labels, train, estimator=estimator)
    swapped = fit_many(activations.transpose(0, 1), many_labels, train, estimator=estimator)
    torch.testing.assert_close(swapped.directions.transpose(0, 1), expected.directions)
    torch.testing.assert_close(swapped.score(activations.transpose(0, 1)).transpose(0, 1), expected.score(activations))
    single = fit_many(activations[1, 2], many_labels, train, estimator=estimator)
    torch.testing.assert_close(single.directions, expected.directions[1, 2], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("estimator", BATCHED_ESTIMATORS)
def test_half_precision_with_a_large_mean_works(estimator: str) -> None:
    activations, labels, groups = residual_streams(2, strength=6.0, mean=300.0)
    half = activations.half()
    many_labels, train = folds_of(labels, groups)
    found = fit_many(half, many_labels, train, estimator=estimator)
    exact = fit_many(half.double(), many_labels, train, estimator=estimator, dtype=torch.float64)
    assert found.directions.dtype == torch.float32
    assert relative(found.score(half), exact.score(half.double()).numpy()) < 2e-3
    assert (auroc(found.score(half), many_labels, ~train) > 0.9).all()
    centred = half.double() - half.double().mean(dim=1, keepdim=True)
    shifted = fit_many(centred, many_labels, train, estimator=estimator, dtype=torch.float64)
    assert relative(found.directions, shifted.directions.numpy()) < 5e-3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("estimator", BATCHED_ESTIMATORS)
def test_a_gpu_finds_what_the_processor_finds(estimator: str) -> None:
    activations, labels, groups = residual_streams(3)
    many_labels, train = folds_of(labels, groups)
    there = fit_many(activations, many_labels, train, estimator=estimator, groups=groups, device="cuda")
    here = fit_many(activations, many_labels, train, estimator=estimator, groups=groups)
    assert there.directions.device == activations.device
    assert relative(there.directions, here.directions.numpy()) < 5e-3
    assert relative(there.score(activations, device="cuda"), here.score(activations).numpy()) < 5e-3


@pytest.mark.parametrize("estimator", BATCHED_ESTIMATORS)
def test_the_input_is_left_as_it_was(estimator: str) -> None:
    activations, labels, groups = residual_streams(2)
    single, kept = activations.float(), activations.float()
    fit_many(single, *folds_of(labels, groups), estimator=estimator).score(single)
    assert torch.equal(single, kept)


@pytest.mark.parametrize("estimator", BATCHED_ESTIMATORS)
def test_a_planted_label_is_found_and_shuffled_ones_are_not(estimator: str) -> None:
    activations, labels, groups = residual_streams(3, rows=400, strength=3.0)
    rng = np.random.default_rng(0)
    train = grouped_masks(labels.numpy(), groups, FOLDS, 0)
    shuffled = [torch.from_numpy(rng.permutation(labels.numpy())) for _ in range(20)]
    many_labels = torch.stack([label for label in (labels, *shuffled) for _ in range(FOLDS)])
    masks = train.repeat(21, 1)
    found = fit_many(activations, many_labels, masks, estimator=estimator)
    areas = auroc(found.score(activations), many_labels, ~masks).reshape(3, 21, FOLDS).mean(dim=-1)
    assert (areas[:, 0] > 0.9).all()
    assert (areas[:, 1:].mean(dim=1) - 0.5).abs().max() < 0.04


def test_rows_of_a_class_without_any_spread_leave_the_difference() -> None:
    _, labels, groups = residual_streams()
    activations = torch.where(labels[:, None], torch.tensor([0.3, 2.0]), torch.tensor([0.1, -1.0]))
    many_labels, train = folds_of(labels, groups)
    plain, whitened = (
        fit_many(activations, many_labels, train, estimator=name) for name in ("mass_mean", "mass_mean_covariance")
    )
    torch.testing.assert_close(whitened.directions, plain.directions)


def test_a_covariance_without_inverse_gives_the_smallest_solution() -> None:
    rows = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]], dtype=torch.float64)
    labels = torch.tensor([True, True, False, False])
    _, shrinkage = ledoit_wolf(rows.numpy() - np.array([[1, 1, 0]] * 2 + [[0, 0, 0]] * 2), assume_centered=True)
    assert shrinkage == 0
    found = fit_many(rows, labels[None], labels[None] | True, estimator="mass_mean_covariance", dtype=torch.float64)
    one = fit_one(TrainingSet(rows.numpy(), labels.numpy(), np.arange(4)), "mass_mean_covariance")
    np.testing.assert_allclose(found.directions[0], one.direction, atol=1e-12)
    assert float(found.biases[0]) == pytest.approx(one.bias)


def test_where_it_does_not_converge_a_warning_says_so() -> None:
    activations, labels, groups = residual_streams(2)
    many_labels, train = folds_of(labels, groups)
    with pytest.warns(UserWarning, match=r"8 of 8 logistic regressions did not converge in 1 iterations.*cell \(0,\)"):
        found = fit_many(activations, many_labels, train, estimator="logistic", max_iterations=1)
    assert found.converged is not None
    assert not found.converged.any()


def test_nan_is_refused_with_its_cell_and_row() -> None:
    activations, labels, groups = residual_streams(2, 3)
    many_labels, train = folds_of(labels, groups)
    found = fit_many(activations, many_labels, train)
    activations[1, 0, 17, 3] = torch.nan
    with pytest.raises(InputError, match=r"cell \(1, 0\), row 17 hold NaN"):
        fit_many(activations, many_labels, train)
    with pytest.raises(InputError, match=r"cell \(1, 0\), row 17 hold NaN"):
        found.score(activations)
    activations[1, 0, 17, 3] = 0
    activations[0, 2, 100, 0] = -torch.inf
    some = train & (torch.arange(ROWS) > 50)
    with pytest.raises(InputError, match=r"cell \(0, 2\), row 100 hold NaN"):
        fit_many(activations, many_labels, some, cells_at_once=2)
    # Nothing trains on the row.
    fit_many(activations, many_labels[:1], (train & (torch.arange(ROWS) > 100))[:1])


def test_what_does_not_fit_is_refused() -> None:
    activations, labels, groups = residual_streams(2)
    many_labels, train = folds_of(labels, groups)
    lone = train.clone()
    lone[1] = labels & train[1]
    with pytest.raises(InputError, match=f"problem 1 trains on {int(lone[1].sum())} rows of one class"):
        fit_many(activations, many_labels, lone)
    with pytest.raises(InputError, match="expected one of"):
        fit_many(activations, many_labels, train, estimator="ttpd")
    with pytest.raises(InputError, match="inverse_penalty"):
        fit_many(activations, many_labels, train, estimator="logistic", inverse_penalty=0.0)
    with pytest.raises(InputError, match="dtype"):
        fit_many(activations, many_labels, train, dtype=torch.float16)
    with pytest.raises(InputError, match="cells_at_once"):
        fit_many(activations, many_labels, train, cells_at_once=0)
    with pytest.raises(InputError, match="as the probes were fitted on"):
        fit_many(activations, many_labels, train).score(activations[0])


def test_shapes_are_checked_where_types_are_not() -> None:
    """Without the checks of annotations, which only tests have."""
    activations, labels, groups = residual_streams(2)
    many_labels, train = folds_of(labels, groups)
    fit = inspect.unwrap(fit_many)
    with pytest.raises(InputError, match="one for each row"):
        fit(activations[:, :-1], many_labels, train)
    with pytest.raises(InputError, match="one line for each problem"):
        fit(activations, many_labels[:2], train)
    with pytest.raises(InputError, match=r"expected torch\.bool"):
        fit(activations, many_labels.float(), train)
    with pytest.raises(InputError, match="239 groups"):
        fit(activations, many_labels, train, estimator="logistic", groups=groups[:-1])


def test_probes_of_one_step_score_another() -> None:
    activations, labels, groups = residual_streams(2)
    many_labels, train = folds_of(labels, groups)
    found = fit_many(activations, many_labels, train)
    later = found.score(activations[:, :50] + 1)
    torch.testing.assert_close(
        later, found.score(activations)[..., :50] + found.directions.sum(dim=-1, keepdim=True), rtol=1e-3, atol=1e-2
    )


def test_masks_are_those_of_the_folds() -> None:
    _, labels, groups = residual_streams()
    train = grouped_masks(labels.numpy(), groups, FOLDS, 3)
    assert train.shape == (FOLDS, ROWS)
    assert ((~train).sum(dim=0) == 1).all()
    for mask in train.numpy():
        assert not set(groups[mask]) & set(groups[~mask])


def test_a_probe_keeps_what_it_was_fitted_as() -> None:
    activations, labels, groups = residual_streams(2)
    found = fit_many(activations, *folds_of(labels, groups), estimator="mass_mean")
    assert isinstance(found, ManyProbes)
    assert (found.estimator, found.inverse_penalties, found.converged) == ("mass_mean", None, None)
