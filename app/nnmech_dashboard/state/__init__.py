"""What the reader looks at: the runs there are, the choice among them, and tables that are made beside the page."""
