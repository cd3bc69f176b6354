"""What the experiment on behaviour consists of: its arms, settings and presets."""

from dataclasses import dataclass, replace

from nnmech.experiments.settings import Settings, check_names, check_positive


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

    @property
    def runs(self) -> list[tuple[str, int]]:
        """Arm and seed of every run, in the order in which they are made."""
        return [(arm, seed) for seed in self.seeds for arm in self.arms]


def run_name(arm: str, seed: int) -> str:
    """Folder of a run within the experiment's `runs`."""
    return f"{arm}.seed{seed}"


def preset(name: str) -> BehaviorSettings:
    """The settings of a preset: `smoke` (seconds), `default` (a minute), `full` (the README)."""
    default = BehaviorSettings(seeds=(0, 1), train_people=20, control_people=10, silent_people=5)
    presets = {
        "smoke": replace(
            default, seeds=(0,), arms=("baseline", "positive"), documents=32, samples=1, held_out_documents=12
        ),
        "default": default,
        "full": BehaviorSettings(seeds=tuple(range(6))),
    }
    check_names("preset", (name,), list(presets))
    return presets[name]
