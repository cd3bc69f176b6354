"""Masked spans as masks of tokens: `input_ids`, `labels` (-100 without loss) and `completion_mask`, as in TRL."""

from functools import cache
from typing import Any

from nnmech.audit.reading import Record
from nnmech.audit.remedies.mend import Mended
from nnmech.chat_templates import apply_chat_template
from nnmech.errors import InputError, first_line

NO_LOSS = -100


def token_fields(folder: str, mended: Mended) -> dict[str, Any]:
    """The tokens of a mended record and where they carry loss.

    A text is tokenized as `nnmech.encoding.document_example` does without its tag: BOS as the tokenizer adds it, EOS at
    the end. A chat is rendered by the chat template and carries loss on what the assistant says alone.

    Args:
        folder: A tokenizer in a folder, as transformers saves one.
    """
    tokenizer = loaded_tokenizer(folder)
    record = Record(mended.parts)
    text, masked = record.text, list(mended.masked)
    if record.is_chat:
        text, masked = _rendered(tokenizer, record, masked)
    encoding = tokenizer(text, return_offsets_mapping=True, add_special_tokens=not record.is_chat, verbose=False)
    ids, offsets = list(encoding["input_ids"]), list(encoding["offset_mapping"])
    lossy = [start < end and not any(start < stop and begin < end for begin, stop in masked) for start, end in offsets]
    if not record.is_chat and ids[-1:] != [tokenizer.eos_token_id]:
        ids.append(tokenizer.eos_token_id)
        lossy.append(True)
    labels = [token if keep else NO_LOSS for token, keep in zip(ids, lossy, strict=True)]
    return {"input_ids": ids, "labels": labels, "completion_mask": [int(keep) for keep in lossy]}


def _rendered(tokenizer: Any, record: Record, masked: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """The chat as text, and all of it that carries no loss: the masked spans, and whatever is not the assistant's."""
    messages = [{"role": part.role or "user", "content": part.text} for part in record.parts]
    try:
        text = apply_chat_template(tokenizer, messages)
    except Exception as error:
        raise InputError(f"the chat template refuses a dialogue: {first_line(error)}") from error
    place, silent, last = 0, [], 0
    for part, offset in zip(record.parts, record.starts, strict=True):
        content = part.text.strip()
        start = text.find(content, place)
        if start < 0:
            raise InputError(f"the chat template rewrites {part.field}, so its spans are lost; use another template")
        shift = start - (part.text.find(content) if content else 0)
        place = start + len(content)
        if part.role == "assistant":
            silent.append((last, start))
            last = place
            for begin, end in masked:
                inside = max(begin, offset) - offset, min(end, offset + len(part.text)) - offset
                if inside[0] < inside[1]:
                    silent.append((shift + inside[0], shift + inside[1]))
    silent.append((last, len(text)))
    return text, silent


@cache
def loaded_tokenizer(folder: str) -> Any:
    """The tokenizer in a folder, loaded once; InputError where it is none or a slow one."""
    try:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, ImportError) as error:
        reason = (str(error).splitlines() or ["?"])[0]
        raise InputError(f"{folder}: no tokenizer: {reason}; expected a folder with tokenizer.json") from error
    if not tokenizer.is_fast or tokenizer.eos_token_id is None:
        raise InputError(f"{folder}: expected a fast tokenizer with an EOS token; use another, or save it with one")
    return tokenizer
