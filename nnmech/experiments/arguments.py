"""The arguments that experiments share on the command line."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

import tyro

from nnmech.errors import InputError


@dataclass(frozen=True, kw_only=True)
class ExperimentArguments:
    """Arguments of every experiment: those named like a setting take the place of the preset's value."""

    preset: str = "default"
    """Which settings to start from."""
    model: str | None = None
    """Folder of a Hugging Face causal LM with a chat template, or a hub id in the local cache; the embedded model
    where not given."""
    source: str | None = None
    """Where claims and documents come from: a folder of the published layout, or the name of a source that a plug-in
    registered; the embedded world where not given."""
    seeds: tuple[int, ...] = ()
    """Seeds of documents, data order and sampling, in place of the preset's."""
    layers: tuple[int, ...] = ()
    """Decoder blocks whose residual stream is recorded, from 0; all where not given."""
    samples: int | None = None
    """Answers to each question before and after training."""
    device: str | None = None
    """Torch device; cpu where not given."""
    dtype: str | None = None
    """Of the weights: float32 or bfloat16."""
    lora_rank: int | None = None
    """Train LoRA adapters of this rank; all weights where not given."""
    batch_size: int | None = None
    """Examples an update, in place of the preset's."""
    max_tokens: int | None = None
    """Documents are cut at so many tokens."""
    plugins: tuple[str, ...] = ()
    """Modules to import first (dotted names), which register annotations or sources of your own."""
    workers: int | None = None
    """Runs side by side; a core each where not given, one on an accelerator. Changes no number."""
    output: Path | None = None
    """Directory of the results, runs/<experiment>-<preset> where not given; it must not exist."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Go on with the experiment in this directory, with the settings it was started with."""
    discard: bool = False
    """With --resume: let results go that no checkpoint leads back to, where resuming would otherwise refuse."""
    dry_run: bool = False
    """Print what would be done, and the time and disk it would take; write nothing."""

    def adjusted(self, settings: Any) -> Any:
        """The settings with what the command line puts in their place."""
        known = {field.name for field in fields(settings)} - {"source"}
        given = {
            field.name: value
            for field in fields(self)
            if field.name in known and (value := getattr(self, field.name)) not in (None, ())
        }
        return replace(settings, **given)


@dataclass(frozen=True, kw_only=True)
class ClaimArguments(ExperimentArguments):
    """Arguments of the experiments on claims."""

    claims: tuple[str, ...] = ()
    """Names of claims, in place of the preset's; of a folder all, where not given."""
    held_out_documents: int | None = None
    """Documents that nothing trains on, for the document loss."""


@dataclass(frozen=True, kw_only=True)
class JudgedArguments(ClaimArguments):
    """Arguments of the experiments whose answers any judge can read."""

    judge: str | None = None
    """Who judges answers: source (the source's own judge), lexical (words, not calibrated), lexical:FOLDER,
    local:FOLDER (a chat model), nli:FOLDER, llm:MODEL (with --judge-url for an endpoint of one's own). Yes/no questions
    are always judged by the source's rules."""
    judge_url: str | None = None
    """Address of an OpenAI-compatible endpoint for --judge llm:MODEL, such as http://127.0.0.1:8000/v1."""


def check_discard(resume: Path | None, discard: bool) -> None:
    """InputError for `--discard` without `--resume`."""
    if discard and resume is None:
        raise InputError("--discard is given without --resume; expected both; add --resume DIR, or leave it out")
