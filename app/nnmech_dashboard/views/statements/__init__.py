"""Single statements over training."""
