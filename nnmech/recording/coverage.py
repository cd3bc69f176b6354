"""Whether a tokenizer reads every character of a text, or drops some without a word."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnmech.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# What normalizers write for a space.
SPACE_MARKS = "\u2581\u0120 "


def check_normalised(tokenizer: "PreTrainedTokenizerBase", texts: Mapping[str, str]) -> None:
    """Refuse texts with characters of which the tokenizer's normalizer leaves nothing.

    White space and accents that are characters of their own may go.

    Args:
        tokenizer: A fast one.
        texts: By what they are, for the error.

    Raises:
        InputError: That names the text and the characters.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    normalizer = getattr(backend, "normalizer", None)
    if normalizer is None:
        return
    letters = {letter for text in texts.values() for letter in text}
    dropped = {
        letter
        for letter in letters
        if not letter.isspace()
        and letter not in SPACE_MARKS
        and not unicodedata.combining(letter)
        and not normalizer.normalize_str(letter).strip(SPACE_MARKS)
    }
    for name, text in texts.items():
        if found := sorted(dropped.intersection(text)):
            raise _lost(name, "drops", found)


def check_tokens(
    tokenizer: "PreTrainedTokenizerBase",
    place: str,
    text: str,
    ids: Sequence[int],
    offsets: Sequence[tuple[int, int]],
    content: tuple[int, int],
) -> None:
    """Refuse a text with characters that became an unknown token, or no token at all.

    Args:
        tokenizer: Which encoded the text.
        place: What the text is, for the error.
        text: The whole of it.
        ids: Its tokens.
        offsets: First and one past the last character of each.
        content: First and one past the last character of the part that is checked.

    Raises:
        InputError: That names the characters.
    """
    unknown_id = _unknown_id(tokenizer)
    unknown = [
        text[begin:end]
        for id, (begin, end) in zip(ids, offsets, strict=True)
        if id == unknown_id and begin < content[1] and end > content[0] and end > begin
    ]
    if unknown:
        raise _lost(place, "does not know", unknown)
    covered = [False] * len(text)
    for begin, end in offsets:
        covered[begin:end] = [True] * (end - begin)
    inside = range(content[0], min(content[1], len(text)))
    lost = [index for index in inside if not (covered[index] or text[index].isspace())]
    if lost:
        # Offsets after a dropped character may be off by it: its word is what is certain.
        raise _lost(place, "drops characters of", [_word(text, lost[0])])


def _unknown_id(tokenizer: "PreTrainedTokenizerBase") -> int | None:
    if isinstance(tokenizer.unk_token_id, int):
        return tokenizer.unk_token_id
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    token = getattr(getattr(backend, "model", None), "unk_token", None)
    return backend.token_to_id(token) if token else None


def _word(text: str, index: int) -> str:
    start = max((place + 1 for place in range(index) if text[place].isspace()), default=0)
    return text[start:].split(maxsplit=1)[0]


def _lost(place: str, does: str, what: Sequence[str]) -> InputError:
    return InputError(f"{place}: the tokenizer {does} {list(what)}; reword the statement or the prompt.")
