"""The machine that the numbers are from."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import psutil
import torch

PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "accelerate", "transformer-lens", "numpy")


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory, versions, threads of torch, and how busy the machine is before anything is measured."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
        "packages": {package: version(package) for package in PACKAGES},
        "load_average": [round(value, 2) for value in psutil.getloadavg()],
    }


def version(package: str) -> str | None:
    """Version of an installed package, None where it is not."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def tree_rss(process: psutil.Process) -> tuple[int, int]:
    """Resident bytes of a process and all below it, and how many they are; what they share counts in each."""
    sizes = []
    for each in _tree(process):
        try:
            sizes.append(each.memory_info().rss)
        except psutil.NoSuchProcess:
            continue
    return sum(sizes), len(sizes)


def end_tree(process: psutil.Process) -> None:
    """Kill a process and all below it."""
    for each in _tree(process):
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue


def _tree(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                return f"{name}, {platform.machine()}"
    return platform.processor() or platform.machine()
