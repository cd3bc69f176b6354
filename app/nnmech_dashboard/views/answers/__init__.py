"""What the model said, question by question."""
