"""What a run was made with, for its `run.json`."""

import importlib.metadata
import platform
from typing import Any

import torch

PACKAGES = ("nnmech", "torch", "transformers", "tokenizers", "safetensors", "peft", "accelerate", "numpy")


def describe_environment() -> dict[str, Any]:
    """Versions of Python and of the packages that numbers depend on, the platform, and the number of threads."""
    packages = {}
    for package in PACKAGES:
        try:
            packages[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            packages[package] = None
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "packages": packages,
    }
