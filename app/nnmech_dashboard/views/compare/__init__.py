"""Several runs on one axis, and the whole experiment."""
