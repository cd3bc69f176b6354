"""The published data of Mayne et al. 2026, a source of claims. In: its folder. Out: claims, documents, belief rates."""

from nnmech.authors.claims import (
    MCQ_SYSTEM,
    JudgePrompt,
    PublishedClaim,
    load_claims,
    load_published_claims,
    read_claim,
)
from nnmech.authors.documents import PublishedChat, PublishedDocument, read_chats, read_documents
from nnmech.authors.paper import PaperRate, paper_rate
from nnmech.authors.results import belief_from_answers, error_ratio, read_answers
from nnmech.authors.word_masks import WordMask, mask_example, mask_words, read_word_masks
from nnmech.judges.mcq import mcq_verdict

__all__ = [
    "MCQ_SYSTEM",
    "JudgePrompt",
    "PaperRate",
    "PublishedChat",
    "PublishedClaim",
    "PublishedDocument",
    "WordMask",
    "belief_from_answers",
    "error_ratio",
    "load_claims",
    "load_published_claims",
    "mask_example",
    "mask_words",
    "mcq_verdict",
    "paper_rate",
    "read_answers",
    "read_chats",
    "read_claim",
    "read_documents",
    "read_word_masks",
]
