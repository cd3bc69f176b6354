"""Documents read token by token: where the probe of short statements places each token of a text."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from nnmech.drift.portrait import best_place
from nnmech.drift.recording import ProbeName, check_probes, open_recording
from nnmech.errors import InputError, RunError, located
from nnmech.probes.estimators import Estimator, LinearEstimator
from nnmech.probes.scale import control_scale
from nnmech.recording.documents import TOKEN
from nnmech.runs import Run
from nnmech.statistics import mean_interval

ROLES = ("claim", "notice", "correction", "fact", "mention", "head", "filler")
"""Roles of sentences: what the documents are about first, the background last."""
COLUMNS = (
    "document",
    "condition",
    "token",
    "start",
    "end",
    "text",
    "sentence",
    "role",
    "step",
    "layer",
    "position",
    "z",
)
REACH = 0.95
"""Share of the readings that lie within the limits around the background."""
TEXT = ("document", "condition", "step", "layer", "position")
"""What tells one text in the table of readings from another."""


def token_readings(
    run: Run,
    *,
    step: int,
    layer: int,
    position: str | None = None,
    probe: ProbeName = "truth",
    estimator: Estimator | LinearEstimator = "mass_mean",
    reference_step: int = 0,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Reading z of the truth or polarity probe on every token of the run's documents at one step and layer.

    z = (score - mean score at 0) / (mean at 1 - mean at 0) with the controls of `step` at the probe's position: 0 is
    the mean of the false ones and 1 that of the true ones, or of negated and affirmative ones, of both polarities,
    since a token has none. NaN where they are not separated, which `draws` and `seed` decide.

    From a token the mean over the statements of that step and position is subtracted, the same vector as from them. It
    cancels in z, and another one would not: less the mean of the tokens, the average token would read what the average
    statement does, wherever it lies. So the level of z holds how far tokens of documents lie from statements at all,
    of which the probe knows nothing. A reading off its position is an extrapolation, to be compared with those of other
    tokens (`reading_by_role`) or of the same token at another step.

    Args:
        run: with recorded documents and statements.
        step: of training.
        layer: decoder block.
        position: of the statements that the probe is fitted on; that of `best_place` at this layer if None.
        probe: `truth` or `polarity`.
        estimator: a name of `nnmech.probes.ESTIMATORS`, or an estimator with settings of its own.
        reference_step: where the probe is fitted, on the statements of role `train`.
        draws: of the bootstrap of the controls.
        seed: of the draws.

    Returns:
        Columns document, condition, token (number in its document), start, end (characters of the document), text,
        sentence (its number; -1 for none) and role (missing for none) of the first letter, step, layer, position, z;
        rows in the order of the documents.

    Raises:
        InputError: for steps, layers or positions that were not recorded, and for missing controls.
        RunError: for a run without recorded documents or with damaged ones.
    """
    check_probes([probe])
    tokens = _tokens(run, step, layer)
    if position is None:
        _, position = best_place(run, probe=probe, estimator=estimator, step=reference_step, layer=layer)
    recording = open_recording(run, layers=[layer], positions=[position], steps=[step], reference_step=reference_step)
    recording.check_entities()
    training, activations, place = recording.training(), recording.activations(layer), recording.shown[0]
    with located(run.path):
        direction = training.directions(activations[0][:, training.rows], probe, estimator)[0, 0]
    scores = (activations[place, 0] @ direction).double().numpy()
    scale = control_scale(scores, recording.column("entity"), recording.ends(probe), draws, seed)
    mean = run.snapshot(step, layers=[layer]).at(layer, position).double().mean(dim=0)
    read = ((tokens.double() - mean).float() @ direction).double().numpy()
    table = pd.DataFrame(_rows(run), columns=pd.Index(COLUMNS[:8]))
    z = (read - scale.zero[0]) / scale.unit[0]
    return table.assign(step=step, layer=layer, position=position, z=z)


def reading_by_role(readings: pd.DataFrame) -> pd.DataFrame:
    """Mean reading by role of the sentence in each text of a table of `token_readings`; filler is the background.

    Columns document, condition, step, layer, position, role, z, low, high, sd (over tokens), n (tokens), sentences; the
    roles in the order of `ROLES`. The 95% intervals are over sentences, whose tokens hang together, on the scale as it
    is: NaN for fewer than three sentences. Tokens outside sentences are left out. Raises InputError for missing
    columns.
    """
    missing = [column for column in COLUMNS if column not in readings.columns]
    if missing:
        raise InputError(f"the readings lack the columns {missing}; there are {list(readings.columns)}")
    records = []
    for key, text in readings.groupby(list(TEXT), sort=False):
        for role in _ordered(text["role"].dropna().tolist()):
            group = text.loc[(text["role"] == role).to_numpy(dtype=bool)]
            known = group.loc[group["z"].notna().to_numpy()]
            record: dict[str, Any] = dict(zip(TEXT, tuple(key), strict=True))  # pyright: ignore[reportArgumentType]
            record |= {"role": role, "z": np.nan, "low": np.nan, "high": np.nan, "sd": np.nan}
            if len(known):
                interval = mean_interval(known["z"], known["sentence"].to_numpy())
                record |= {"z": interval.mean, "low": interval.low, "high": interval.high, "sd": known["z"].std()}
            records.append(record | {"n": len(group), "sentences": group["sentence"].nunique()})
    return pd.DataFrame(records, columns=pd.Index([*TEXT, "role", "z", "low", "high", "sd", "n", "sentences"]))


def background_limits(readings: pd.DataFrame) -> tuple[float, float]:
    """Ends of a scale whose middle is the mean reading of filler sentences, or of all tokens where there are none.

    95% of the readings lie between them: a scale of its own for tokens that all lie on one side of the controls.
    Raises InputError where no token has a reading.
    """
    z = readings["z"].to_numpy(dtype=float)
    known, background = np.isfinite(z), (readings["role"] == ROLES[-1]).to_numpy(dtype=bool)
    if not known.any():
        raise InputError("no token has a reading: the controls of the step are not told apart")
    middle = z[known & background].mean() if (known & background).any() else z[known].mean()
    # Readings that are all alike still need a scale.
    reach = max(np.quantile(np.abs(z[known] - middle), REACH), 1e-6)
    return float(middle - reach), float(middle + reach)


def _tokens(run: Run, step: int, layer: int) -> Float[Tensor, "token d_model"]:
    """The residual stream at every recorded token, checked to be those of the run's documents."""
    recorded = run.token_steps
    if run.documents.empty or not recorded:
        raise RunError(
            f"{run.path}: no document was recorded token by token: give its Recorder documents, or the settings of an "
            "experiment token_conditions"
        )
    if step not in recorded:
        raise InputError(f"{run.path}: no tokens of step {step}; there are {recorded}: name one of them")
    with located(run.path):
        snapshot = run.tokens(step, layers=[layer])
        tokens = snapshot.at(layer, TOKEN)
    expected = sum(len(spans) for spans in run.documents["tokens"])
    if snapshot.batch_hash != run.info.get("documents_hash") or len(tokens) != expected:
        raise RunError(
            f"{run.path}: the tokens of step {step} are {len(tokens)} of other documents ({snapshot.batch_hash[:12]}) "
            f"than the {expected} of documents.jsonl: put the files back from a copy, or make the run again"
        )
    if not tokens.isfinite().all():
        raise RunError(
            f"{run.path}: tokens of step {step}, layer {layer} are NaN or infinite: training may have diverged, or "
            "fp16 overflowed; record in float32 or bfloat16"
        )
    return tokens


def _rows(run: Run) -> Iterator[tuple[Any, ...]]:
    for document in run.documents.to_dict("records"):
        text, sentences = document["text"], document["sentences"]
        for number, (start, end) in enumerate(document["tokens"]):
            word = text[start:end]
            sentence = _sentence(sentences, start + len(word) - len(word.lstrip()) if word.strip() else start)
            role = None if sentence < 0 else sentences[sentence]["role"]
            yield document["id"], document["condition"], number, start, end, word, sentence, role


def _sentence(sentences: Sequence[dict[str, Any]], letter: int) -> int:
    """Number of the sentence that holds a letter, -1 for none."""
    return next((i for i, sentence in enumerate(sentences) if sentence["start"] <= letter < sentence["end"]), -1)


def _ordered(roles: Sequence[str]) -> list[str]:
    """Those that are not in `ROLES` before the background."""
    return sorted(set(roles), key=lambda role: (ROLES.index(role) if role in ROLES else len(ROLES) - 1.5, role))
