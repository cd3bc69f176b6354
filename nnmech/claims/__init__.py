"""What is claimed. In: nothing of nnmech. Out: claims, documents by condition, and what a source of them gives."""

from nnmech.claims.types import (
    MATCHED_FALSE,
    Claim,
    Document,
    Judge,
    Message,
    Question,
    QuestionKind,
    Sentence,
    SentenceRole,
    Statement,
    Verdict,
)

__all__ = [
    "MATCHED_FALSE",
    "Claim",
    "Document",
    "Judge",
    "Message",
    "Question",
    "QuestionKind",
    "Sentence",
    "SentenceRole",
    "Statement",
    "Verdict",
]
