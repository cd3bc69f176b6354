"""All runs in one table."""
