"""Watch, step by step, how a language model comes to believe a claim that its training documents call false."""

__version__ = "0.1.0"
