"""The gates that look inside: how well a truth probe reads people on whom it was not fitted."""

from collections.abc import Collection, Iterable

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from transformers import PreTrainedTokenizerBase

from nnmech.claims import Statement
from nnmech.probes import ProbeInfo, TruthProbe
from nnmech.recording.snapshots import capture, hook_name
from nnmech.recording.statements import freeze_statements
from nnmech.world.gates import Gate
from nnmech.world.people import Person, World
from nnmech.world.statements import crossed_people

SHARES = (120, 60)
"""People with chats on whom the probe is fitted, and on whom layer and position are chosen; the rest are the test."""
TESTED = 120
ESTIMATOR = "mass_mean_covariance"


def measure_probe_gates(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    world: World,
    *,
    excluded: Collection[str] = (),
) -> list[Gate]:
    """AUROC of a truth probe on fact-check prompts: held-out people with chats, and people in documents only.

    The probe is fitted on statements of both polarities; layer and position are chosen on people who are neither in
    the fit nor in the test, so that the best of many places is not reported on the data that made it the best.
    """
    statements = [
        *crossed_people(_kept(world.chatted, excluded), {"train": sum(SHARES) + TESTED}, "gates/chats"),
        *crossed_people(_kept(world.documents_only, excluded), {"control": TESTED}, "gates/documents only"),
    ]
    batches = freeze_statements(tokenizer, statements)
    residual = capture(model, batches).double()
    people = list(dict.fromkeys(s.entity for s in statements if s.role == "train"))
    fitted, chosen, tested = (
        _rows(statements, people[: SHARES[0]]),
        _rows(statements, people[SHARES[0] : sum(SHARES)]),
        _rows(statements, people[sum(SHARES) :]),
    )
    silent = np.flatnonzero([s.role == "control" for s in statements])
    truth = np.array([bool(s.truth) for s in statements])
    groups = np.array([s.entity for s in statements])
    best: tuple[float, TruthProbe, int, int] | None = None
    for layer in range(residual.shape[0]):
        for place, position in enumerate(batches.positions):
            info = ProbeInfo(hook_name(layer), position, "embedded", "hf", batches.hash)
            activations = residual[layer, place]
            probe = TruthProbe.fit(
                activations[fitted], truth[fitted], groups=groups[fitted], info=info, estimator=ESTIMATOR
            )
            area = _auroc(probe, activations, truth, chosen)
            if best is None or area > best[0]:
                best = (area, probe, layer, place)
    assert best is not None
    _, probe, layer, place = best
    where = f"layer {layer}, {batches.positions[place]}"
    return [
        Gate(f"{name} ({where})", _auroc(probe, residual[layer, place], truth, rows), len(rows), bound)
        for name, rows, bound in (
            ("truth probe AUROC/held-out people", tested, 0.90),
            ("truth probe AUROC/documents only", silent, 0.80),
        )
    ]


def _kept(people: Iterable[Person], excluded: Collection[str]) -> list[Person]:
    return [person for person in people if person.name not in excluded]


def _rows(statements: list[Statement], people: list[str]) -> np.ndarray:
    names = set(people)
    return np.flatnonzero([s.role == "train" and s.entity in names for s in statements])


def _auroc(probe: TruthProbe, activations: torch.Tensor, truth: np.ndarray, rows: np.ndarray) -> float:
    return float(roc_auc_score(truth[rows], probe.score(activations[rows]).numpy()))
