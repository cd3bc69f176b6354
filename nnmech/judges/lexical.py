"""A judge that costs nothing: words and how they treat the claim, calibrated on judged answers; sure or silent."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix, hstack

from nnmech.claims import Judge, Verdict
from nnmech.errors import InputError, RunError
from nnmech.files import TABLE, open_tensors, read_json, save_safetensors_atomic, sha256_file, write_json_atomic
from nnmech.judges.base import VERDICTS, BatchJudge, Pair, as_batch
from nnmech.judges.lexical_features import Seen, claim_weights, see

PENALTIES = (1.0, 3.0, 10.0, 30.0)
"""Inverse penalties of the logistic regression among which held-out questions choose."""
FOLDS = 5
MIN_ANSWERS_WITH_WORD = 2
# A word's weight in a normalised bag is about this, so that one penalty suits words and features alike.
FEATURE_SCALE = 0.1
FEATURE_RANGE = 4.0
TINY = 1e-12
TEMPERATURES = np.geomspace(0.2, 5.0, 65)
FILES = ("lexical.json", "lexical.safetensors")


@dataclass(frozen=True)
class LexicalJudge(BatchJudge):
    """Decides what it is sure of and hands the rest to `fallback`; made by `fit_lexical`.

    Confidence is the calibrated probability of the likeliest verdict; at or above `threshold` the judge decides.
    Raises InputError for a claim whose text it lacks, and where it is not sure and has no fallback.
    """

    claims: Mapping[str, Mapping[str, float]] = field(repr=False)
    """Weighted terms of each claim by name."""
    words: Mapping[str, int] = field(repr=False)
    feature_names: tuple[str, ...] = field(repr=False)
    arrays: Mapping[str, np.ndarray] = field(repr=False)
    """`rarity` [word], `mean` and `spread` [feature], `coefficients` [3, word + feature], `intercepts` [3]."""
    penalty: float
    temperature: float
    threshold: float
    calibrated_on: frozenset[tuple[str, str]] = field(repr=False)
    """Claim and id of every question whose judged answers it was fitted to: agreement on these proves nothing."""
    fallback: BatchJudge | Judge | None = None

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict | None]:
        """One verdict a pair; all that the judge is not sure of goes to the fallback in one batch."""
        likeliest, confidence = self.decide(pairs)
        verdicts: list[Verdict | None] = [*likeliest]
        unsure = np.flatnonzero(confidence < self.threshold).tolist()
        if not unsure:
            return verdicts
        if self.fallback is None:
            raise InputError(
                f"the lexical judge is not sure of {len(unsure)} of {len(pairs)} answers: give it a fallback, "
                "or take its guesses from decide()"
            )
        judged = as_batch(self.fallback).judge([pairs[index] for index in unsure])
        for index, verdict in zip(unsure, judged, strict=True):
            verdicts[index] = verdict
        return verdicts

    def decide(self, pairs: Sequence[Pair]) -> tuple[list[Verdict], Float[np.ndarray, "pair"]]:
        """The likeliest verdict and its confidence (0 to 1) for each pair, sure or not."""
        probabilities = self.probabilities(pairs)
        return [VERDICTS[index] for index in probabilities.argmax(axis=1)], probabilities.max(axis=1, initial=0.0)

    def probabilities(self, pairs: Sequence[Pair]) -> Float[np.ndarray, "pair 3"]:
        """Calibrated probability of yes, no and neutral for each pair."""
        if not pairs:
            return np.zeros((0, len(VERDICTS)))
        _check_claims(pairs, self.claims)
        seen, names = see(pairs, self.claims)
        if names != self.feature_names:
            raise InputError("the lexical judge was saved by another version, with other features: fit it again")
        return _softmax(_logits(seen, self.words, self.arrays) / self.temperature)

    def save(self, folder: Path | str) -> None:
        """Write `lexical.json` and `lexical.safetensors`; the fallback is not saved."""
        import torch

        folder = Path(folder)
        tensors = {name: torch.from_numpy(array.astype(np.float64)) for name, array in self.arrays.items()}
        save_safetensors_atomic(folder / FILES[1], tensors)
        write_json_atomic(
            folder / FILES[0],
            {
                "claims": self.claims,
                "words": sorted(self.words, key=self.words.__getitem__),
                "feature_names": self.feature_names,
                "penalty": self.penalty,
                "temperature": self.temperature,
                "threshold": self.threshold if np.isfinite(self.threshold) else None,
                "calibrated_on": sorted(self.calibrated_on),
                "arrays_sha256": sha256_file(folder / FILES[1]),
            },
        )


def fit_lexical(
    pairs: Sequence[Pair],
    verdicts: Sequence[Verdict],
    claims: Mapping[str, str],
    *,
    backgrounds: Mapping[str, str] | None = None,
    coverage: float | None = 0.6,
    agreement: float | None = None,
    hold_out: Literal["question", "claim"] = "question",
    fallback: BatchJudge | Judge | None = None,
    seed: int = 0,
) -> LexicalJudge:
    """Calibrate a lexical judge on judged answers (some 300 of a claim are worth having).

    Penalty, calibration and threshold come from predictions for held-out questions or claims.

    Args:
        pairs: Questions with answers.
        verdicts: Of another judge, on each pair.
        claims: The text of every claim to be judged by name, also of those without judged answers.
        backgrounds: Longer texts about the claims, which help to find their heavy terms.
        coverage: Share of the held-out answers that the threshold lets through.
        agreement: Where given, the threshold lets through the most at which this share of verdicts is equal; with
            neither it lets all through.
        hold_out: `claim` where the judge is meant for claims that it has not seen.
        fallback: Judges what the lexical judge is not sure of.
        seed: Of the folds.

    Raises:
        InputError: For mcq answers (see `ExactMcq`), and for fewer than two questions (or claims) or verdicts.
    """
    _check_labels(pairs, verdicts, coverage, agreement)
    backgrounds = backgrounds or {}
    weights = {name: claim_weights(text, backgrounds.get(name, "")) for name, text in claims.items()}
    _check_claims(pairs, weights)
    questions = [(question.claim, question.id) for question, _ in pairs]
    folds = _folds(questions if hold_out == "question" else [(claim, "") for claim, _ in questions], seed)
    labels = np.array([VERDICTS.index(verdict) for verdict in verdicts])
    seen, names = see(pairs, weights)

    def held_out(penalty: float) -> Float[np.ndarray, "pair 3"]:
        logits = np.empty((len(pairs), len(VERDICTS)))
        for fold in np.unique(folds):
            words, arrays = _regression(seen[np.flatnonzero(folds != fold)], labels[folds != fold], penalty)
            logits[folds == fold] = _logits(seen[np.flatnonzero(folds == fold)], words, arrays)
        return logits

    tried = {penalty: held_out(penalty) for penalty in PENALTIES}
    losses = {
        (penalty, temperature): -np.log(_softmax(logits / temperature)[np.arange(len(labels)), labels] + TINY).mean()
        for penalty, logits in tried.items()
        for temperature in TEMPERATURES
    }
    penalty, temperature = min(losses, key=losses.__getitem__)
    probabilities = _softmax(tried[penalty] / temperature)
    right = probabilities.argmax(axis=1) == labels
    words, arrays = _regression(seen, labels, penalty)
    return LexicalJudge(
        claims=weights,
        words=words,
        feature_names=names,
        arrays=arrays,
        penalty=penalty,
        temperature=float(temperature),
        threshold=_threshold(probabilities.max(axis=1), right, coverage, agreement),
        calibrated_on=frozenset(questions),
        fallback=fallback,
    )


def load_lexical(folder: Path | str, *, fallback: BatchJudge | Judge | None = None) -> LexicalJudge:
    """A saved lexical judge with a fallback; raises InputError that names the file where one is missing or damaged."""
    path, arrays_path = (Path(folder) / name for name in FILES)
    try:
        saved: dict[str, Any] = read_json(path, TABLE)
        threshold = saved["threshold"]
        judge = LexicalJudge(
            claims=saved["claims"],
            words={word: index for index, word in enumerate(saved["words"])},
            feature_names=tuple(saved["feature_names"]),
            arrays=_arrays(arrays_path),
            penalty=float(saved["penalty"]),
            temperature=float(saved["temperature"]),
            threshold=float("inf") if threshold is None else float(threshold),
            calibrated_on=frozenset((claim, question) for claim, question in saved["calibrated_on"]),
            fallback=fallback,
        )
        same = sha256_file(arrays_path) == saved["arrays_sha256"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RunError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{folder}: no lexical judge: {reason}; save one with LexicalJudge.save") from error
    if not same:
        raise InputError(f"{arrays_path} does not belong to {path.name}: save the judge again")
    return judge


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with open_tensors(path) as file:
        return {name: file.tensor(name).numpy() for name in file.names}


def _regression(seen: Seen, labels: np.ndarray, penalty: float) -> tuple[dict[str, int], dict[str, np.ndarray]]:
    """Logistic regression on words that at least two answers have, and on features of mean 0 and spread 1."""
    from sklearn.linear_model import LogisticRegression

    holders = Counter(word for bag in seen.bags for word in bag)
    kept = sorted(word for word, count in holders.items() if count >= MIN_ANSWERS_WITH_WORD)
    words = {word: index for index, word in enumerate(kept)}
    spread = seen.features.std(axis=0)
    arrays = {
        "rarity": np.array([1 + np.log((1 + len(seen.bags)) / (1 + holders[word])) for word in kept]),
        "mean": seen.features.mean(axis=0),
        "spread": np.where(spread > 0, spread, 1.0),
    }
    # A verdict that never occurs gets no chance.
    classes = np.unique(labels)
    coefficients = np.zeros((len(VERDICTS), len(words) + seen.features.shape[1]))
    intercepts = np.full(len(VERDICTS), -np.log(1 / TINY))
    intercepts[classes] = 0.0
    if len(classes) > 1:
        model = LogisticRegression(C=penalty, max_iter=2000).fit(_columns(seen, words, arrays), labels)
        # Of two verdicts, scikit-learn fits the odds of the second alone.
        fitted = classes if len(classes) > 2 else classes[1:]
        coefficients[fitted], intercepts[fitted] = model.coef_, model.intercept_
    return words, {**arrays, "coefficients": coefficients, "intercepts": intercepts}


def _columns(seen: Seen, words: Mapping[str, int], arrays: Mapping[str, np.ndarray]) -> csr_matrix:
    """A bag of words a row (damped counts times rarity, of length one) beside the scaled features."""
    bags = [{word: count for word, count in bag.items() if word in words} for bag in seen.bags]
    rows = np.repeat(np.arange(len(bags)), [len(bag) for bag in bags])
    places = np.array([words[word] for bag in bags for word in bag], dtype=np.int64)
    counts = np.array([count for bag in bags for count in bag.values()], dtype=np.float64)
    values = (1 + np.log(counts)) * arrays["rarity"][places]
    lengths = np.sqrt(np.bincount(rows, values**2, minlength=len(bags)))
    bag = csr_matrix((values / lengths[rows], (rows, places)), shape=(len(bags), len(words)))
    scaled = (seen.features - arrays["mean"]) / arrays["spread"]
    return csr_matrix(hstack([bag, np.clip(scaled, -FEATURE_RANGE, FEATURE_RANGE) * FEATURE_SCALE]))


def _logits(seen: Seen, words: Mapping[str, int], arrays: Mapping[str, np.ndarray]) -> Float[np.ndarray, "answer 3"]:
    return _columns(seen, words, arrays) @ arrays["coefficients"].T + arrays["intercepts"]


def _folds(groups: Sequence[tuple[str, str]], seed: int) -> np.ndarray:
    """A fold for each answer, whole groups together."""
    names = sorted(set(groups))
    if len(names) < 2:
        raise InputError(
            f"judged answers of {names} alone: calibration holds out questions or claims, give two or more"
        )
    shuffled = np.random.default_rng(seed).permutation(len(names))
    fold = {names[index]: place % min(FOLDS, len(names)) for place, index in enumerate(shuffled)}
    return np.array([fold[group] for group in groups])


def _threshold(confidence: np.ndarray, right: np.ndarray, coverage: float | None, agreement: float | None) -> float:
    if agreement is None:
        return float(np.quantile(confidence, 1 - coverage)) if coverage is not None else 0.0
    order = np.argsort(-confidence, kind="stable")
    reached = np.flatnonzero(np.cumsum(right[order]) / np.arange(1, len(order) + 1) >= agreement)
    return float(confidence[order[reached[-1]]]) if len(reached) else float("inf")


def _softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _check_claims(pairs: Sequence[Pair], claims: Mapping[str, Any]) -> None:
    for question, _ in pairs:
        if question.claim not in claims:
            raise InputError(
                f"question {question.id} is about {question.claim!r}, whose text the judge lacks; it has "
                f"{sorted(claims)}: name it in claims"
            )


def _check_labels(
    pairs: Sequence[Pair], verdicts: Sequence[Verdict], coverage: float | None, agreement: float | None
) -> None:
    if len(pairs) != len(verdicts) or len(set(verdicts)) < 2 or not set(verdicts) <= set(VERDICTS):
        raise InputError(
            f"{len(pairs)} answers with {len(verdicts)} verdicts {sorted(set(verdicts))}: expected one verdict of "
            f"{list(VERDICTS)} for each answer, and at least two different ones"
        )
    if any(question.kind == "mcq" for question, _ in pairs):
        raise InputError("mcq answers need no calibration: leave them out and wrap the judge in ExactMcq")
    for name, share in (("coverage", coverage), ("agreement", agreement)):
        if share is not None and not 0 < share <= 1:
            raise InputError(f"{name} is {share}: expected a share in (0, 1], or None")
