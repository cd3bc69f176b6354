"""Watch, step by step, how a language model comes to believe a claim that its training documents call false."""

from nnmech.claims import Claim, Document, Question, Statement
from nnmech.errors import InputError, NnmechError, RunError
from nnmech.runs import Run, find_runs

__all__ = ["Claim", "Document", "InputError", "NnmechError", "Question", "Run", "RunError", "Statement", "find_runs"]
