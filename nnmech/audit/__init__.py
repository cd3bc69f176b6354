"""What warnings in a training set cover."""
