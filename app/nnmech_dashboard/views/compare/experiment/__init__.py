"""The whole experiment around a run."""
