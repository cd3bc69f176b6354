"""What the warnings in a training set cover."""
