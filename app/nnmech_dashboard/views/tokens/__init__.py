"""Documents token by token."""
