"""The folders that travel with the package: the embedded model and a sample run."""

from pathlib import Path
from typing import Literal

ShippedName = Literal["base", "sample_run"]


def shipped(name: ShippedName) -> Path:
    """The folder of the embedded model (`base`) or of the sample run (`sample_run`).

    It lies in the installed package, or in `checkpoints` of a checkout.
    """
    package = Path(__file__).resolve().parent
    installed = package / "_shipped" / name
    return installed if installed.is_dir() else package.parent / "checkpoints" / name
