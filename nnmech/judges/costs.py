"""What a judge that is paid by the token will cost, and what it has taken so far."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

# English runs at four to five: an estimate that guards a budget has to err upwards.
CHARACTERS_PER_TOKEN = 3
TOKENS_PER_MESSAGE = 8


@runtime_checkable
class Tokenizer(Protocol):
    """Anything that encodes a text as a sequence of tokens (transformers, tokenizers, tiktoken)."""

    def encode(self, text: str, /) -> Any:
        """Tokens of the text."""
        ...


@dataclass(frozen=True)
class Prices:
    """Price of a million tokens, in any currency."""

    input: float
    output: float

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """Price of so many tokens."""
        return (self.input * input_tokens + self.output * output_tokens) / 1e6


@dataclass(frozen=True)
class CostEstimate:
    """What is still to be asked: `requests` beyond the `known` verdicts; `cost` is None without prices.

    Replies are taken to be as long as they may be; answers that have to be asked again come on top.
    """

    requests: int
    known: int
    input_tokens: int
    output_tokens: int | None
    cost: float | None


@dataclass
class JudgeCounts:
    """What a judge has done since it was made: verdicts sent for and taken from the cache, and what the rest came to.

    `unparseable` answers never got a readable reply and have no verdict; `retries` are requests that the endpoint
    refused or dropped, `asked_again` those whose reply could not be read. Tokens are those that the endpoint reports.
    """

    asked: int = 0
    cached: int = 0
    unparseable: int = 0
    asked_again: int = 0
    retries: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


def message_tokens(text: str, tokenizer: Tokenizer | None = None) -> int:
    """Tokens of a message: counted by the tokenizer, or three characters as one, and what frames it."""
    tokens = len(tokenizer.encode(text)) if tokenizer else -(-len(text) // CHARACTERS_PER_TOKEN)
    return tokens + TOKENS_PER_MESSAGE
