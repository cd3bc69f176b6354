"""What is recorded. In: statements, documents and a model. Out: frozen batches of them, snapshots of activations."""
