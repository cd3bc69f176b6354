"""What is claimed. In: a source of claims. Out: claims with questions and statements, and documents by condition."""

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
