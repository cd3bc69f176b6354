"""Where what can be made again is kept between two starts: models that were fetched, tables that took a while."""

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "NNMECH_CACHE"


def cache_folder() -> Path:
    """Where what can be made again is kept for this user; the environment variable NNMECH_CACHE overrides it."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("nnmech", appauthor=False))
