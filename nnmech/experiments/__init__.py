"""The experiments of the paper: settings, training runs side by side, tables and figures of what they show."""
