"""The embedded world, a source of claims, and the pretraining of its model. In: seeds. Out: all that a source gives."""
