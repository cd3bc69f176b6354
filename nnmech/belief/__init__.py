"""What the model says. In: questions and a model, or recorded answers. Out: answers, verdicts, belief rates, tables."""
