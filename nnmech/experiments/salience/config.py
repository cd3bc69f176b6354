"""What the experiment on salience consists of: runs of the table of conditions from a source with paired questions."""

from collections.abc import Callable
from dataclasses import dataclass, fields

from nnmech.claims.sources import EMBEDDED, PairedQuestions, require
from nnmech.experiments.conditions.config import PRESETS as CONDITIONS_PRESETS
from nnmech.experiments.conditions.config import ConditionsSettings
from nnmech.experiments.settings import chosen_preset

CONDITIONS = (
    "baseline",
    "positive_documents",
    "repeated_negations",
    "corrected_documents",
    "local_negations",
    "neutral_documents",
)


@dataclass(frozen=True, kw_only=True)
class SalienceSettings(ConditionsSettings):
    """Settings of the table of conditions, for a source that has paired questions."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.paired

    @property
    def paired(self) -> PairedQuestions:
        """The source's paired questions."""
        return require(self.claim_source, PairedQuestions, "paired questions", "salience")


def _preset(name: str) -> Callable[[str], SalienceSettings]:
    def settings(source: str) -> SalienceSettings:
        table = chosen_preset(CONDITIONS_PRESETS, name, source)
        values = {field.name: getattr(table, field.name) for field in fields(table)}
        values |= {"evaluations": 1, "snapshots": 1} | ({} if name == "smoke" else {"conditions": CONDITIONS})
        return SalienceSettings(**values)

    return settings


PRESETS: dict[str, Callable[[str], SalienceSettings]] = {name: _preset(name) for name in ("smoke", "default", "full")}
"""As those of the table of conditions, looked at before and after training alone."""


def preset(name: str, source: str = EMBEDDED) -> SalienceSettings:
    """The settings of a preset for a source of claims."""
    return chosen_preset(PRESETS, name, source)
