"""What travels with the package: the embedded model and a sample run."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """Folder of `base` (the embedded model) or `sample_run`: inside an installed package, `checkpoints/` of a checkout."""
    installed = _PACKAGE / "_shipped" / name
    return installed if installed.is_dir() else _PACKAGE.parent / "checkpoints" / name
