"""Where in the model, and when in training, a claim comes to read as true."""
