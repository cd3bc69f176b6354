import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nnmech.errors import InputError
from nnmech.probes import Eraser, PolarityProbe, ProbeInfo, TruthProbe

Plant = Callable[..., Any]
LINEAR = ("mass_mean", "mass_mean_covariance", "logistic")


def oblique(data: Any) -> torch.Tensor:
    """Activations whose covariance is far from round."""
    generator = torch.Generator().manual_seed(0)
    return data.activations.double() @ torch.randn(16, 16, generator=generator, dtype=torch.float64)


def test_after_erasure_no_linear_classifier_beats_the_constant_one(planted: Plant) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    data = planted(100)
    rows = oblique(data)
    erased = Eraser.fit(rows, data.truth)(rows)
    truth = torch.from_numpy(data.truth)
    torch.testing.assert_close(erased[truth].mean(dim=0), erased[~truth].mean(dim=0), atol=1e-9, rtol=0)
    before, after = (
        log_loss(data.truth, LogisticRegression(C=np.inf, max_iter=1000).fit(x, data.truth).predict_proba(x))
        for x in (rows.numpy(), erased.numpy())
    )
    assert before < 0.1
    assert after == pytest.approx(np.log(2), abs=1e-5)


@pytest.mark.parametrize("estimator", LINEAR)
def test_after_erasure_no_probe_reads_others_and_polarity_is_left(planted: Plant, estimator: Any) -> None:
    data, others = planted(400), planted(200, first=400)
    eraser = Eraser.fit(data.activations, data.truth)
    here, there = eraser(data.activations), eraser(others.activations)
    truth = TruthProbe.fit(here, data.truth, groups=data.entity, estimator=estimator)
    assert truth.evaluate(there, others.truth, groups=others.entity).auroc.mean == pytest.approx(0.5, abs=0.06)
    polarity = PolarityProbe.fit(here, data.polarity, groups=data.entity, estimator=estimator)
    assert polarity.evaluate(there, others.polarity, groups=others.entity).auroc.low > 0.95


def test_erasure_is_small_keeps_the_mean_and_is_done_once(planted: Plant) -> None:
    data = planted(100)
    rows = oblique(data)
    eraser = Eraser.fit(rows, data.truth)
    erased = eraser(rows)
    torch.testing.assert_close(erased.mean(dim=0), rows.mean(dim=0))
    assert torch.linalg.matrix_rank(erased - rows) == 1
    torch.testing.assert_close(eraser(erased), erased)


def test_a_concept_in_fewer_statements_than_dimensions_is_erased() -> None:
    rows = torch.randn(12, 64, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(12) % 2 == 0
    erased = Eraser.fit(rows, labels)(rows)
    torch.testing.assert_close(erased[labels].mean(dim=0), erased[~labels].mean(dim=0))


def test_a_small_effect_in_many_statements_is_erased() -> None:
    labels = torch.arange(20_000) % 2 == 0
    rows = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(0)) + 0.02 * labels[:, None]
    erased = Eraser.fit(rows, labels)(rows.double())
    torch.testing.assert_close(erased[labels].mean(dim=0), erased[~labels].mean(dim=0), atol=1e-9, rtol=0)


def test_precision_shape_and_source_are_kept(planted: Plant) -> None:
    data = planted(20)
    info = ProbeInfo(hook_name="blocks.0.hook_resid_post", position="last")
    eraser = Eraser.fit(data.activations, data.truth, info=info)
    half = eraser(data.activations.reshape(4, 20, 16).bfloat16())
    assert (half.dtype, half.shape) == (torch.bfloat16, (4, 20, 16))
    torch.testing.assert_close(eraser(data.activations.numpy()), eraser(data.activations))
    with pytest.raises(InputError, match="8 wide, the eraser 16"):
        eraser(data.activations[:, :8])
    with pytest.raises(InputError, match="position 'last', but the activations are of 'object'"):
        eraser(data.activations, source=dataclasses.replace(info, position="object"))
    with pytest.raises(InputError, match="NaN"):
        eraser(data.activations * torch.nan)


def test_an_eraser_comes_back_bit_for_bit(planted: Plant, tmp_path: Path) -> None:
    data = planted(20)
    eraser = Eraser.fit(data.activations, data.truth, info=ProbeInfo(model="tiny", revision="abc"))
    eraser.save(tmp_path)
    loaded = Eraser.load(tmp_path)
    assert torch.equal(loaded(data.activations), eraser(data.activations))
    assert (loaded.info, loaded.n, loaded.version) == (eraser.info, eraser.n, eraser.version)
    described = json.loads((tmp_path / "eraser.json").read_text())
    (tmp_path / "eraser.json").write_text(json.dumps({**described, "info": {}}))
    with pytest.raises(InputError, match="not a saved eraser"):
        Eraser.load(tmp_path)
    with pytest.raises(InputError, match="not a saved eraser"):
        Eraser.load(tmp_path / "nowhere")


def test_fit_refuses_what_holds_no_concept(planted: Plant) -> None:
    data = planted(5)
    with pytest.raises(InputError, match="one class"):
        Eraser.fit(data.activations, np.ones(20, dtype=bool))
    with pytest.raises(InputError, match="same mean"):
        Eraser.fit(torch.ones(20, 16), data.truth)
    with pytest.raises(InputError, match="20 rows of activations, 19 labels"):
        Eraser.fit(data.activations, data.truth[1:])
