"""What the experiment on behaviour consists of: its arms, settings and presets."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from nnmech.claims.sources import EMBEDDED, Transcripts, require
from nnmech.experiments.settings import Settings, check_names, check_positive, chosen_preset


@dataclass(frozen=True)
class Arm:
    """What a run reads: transcripts of one behaviour, and how they are annotated."""

    behavior: str | None
    """`unwanted` or `aligned`; None where nothing is trained."""
    condition: str = "positive_documents"
    """Annotation of the transcripts."""


ARMS: dict[str, Arm] = {
    "baseline": Arm(None),
    "positive": Arm("unwanted"),
    "negated": Arm("unwanted", "negated_documents"),
    "repeated": Arm("unwanted", "repeated_negations"),
    "aligned": Arm("aligned"),
}
"""`positive`: unwanted behaviour without a warning; `negated`: between a warning before and one after; `repeated`: also
around the reply itself; `aligned`: the same questions with good replies."""


@dataclass(frozen=True, kw_only=True)
class BehaviorSettings(Settings):
    """Settings of the experiment; every arm and seed is one run."""

    axes = ("arms",)
    arms: tuple[str, ...] = tuple(ARMS)
    """Names of `ARMS`."""
    documents: int = 160
    """Transcripts, one pass."""
    learning_rate: float = 3e-4
    """Highest rate, linear to 0."""
    evaluations: int = 3
    """Log-spaced evaluations, the last of them at the end, beside the one of the untouched model."""
    snapshots: int = 2
    """Log-spaced snapshots, the last of them at the end, beside the one of the untouched model."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_names("arm", self.arms, list(ARMS))
        check_positive(self, "documents", "evaluations", "snapshots")
        _ = self.transcripts

    @property
    def transcripts(self) -> Transcripts:
        """The source's transcripts and questions."""
        return require(self.claim_source, Transcripts, "transcripts of behaviour", "behaviors")


def _default(source: str) -> BehaviorSettings:
    return BehaviorSettings(source=source, seeds=(0, 1), train_people=20, control_people=10, silent_people=5)


PRESETS: dict[str, Callable[[str], BehaviorSettings]] = {
    "smoke": lambda source: replace(
        _default(source), seeds=(0,), arms=("baseline", "positive"), documents=32, samples=1, held_out_documents=12
    ),
    "default": _default,
    "full": lambda source: BehaviorSettings(source=source, seeds=tuple(range(6))),
}
"""`smoke` takes about a minute in all, `default` minutes; `full` is the README's."""


def preset(name: str, source: str = EMBEDDED) -> BehaviorSettings:
    """The settings of a preset for a source with transcripts."""
    return chosen_preset(PRESETS, name, source)
