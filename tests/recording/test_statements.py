"""Named positions are the tokens they say, by an account that knows nothing of offsets, and padding changes nothing."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import nn
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from nnmech.claims import Statement
from nnmech.errors import InputError
from nnmech.models import load_model
from nnmech.recording.snapshots import capture
from nnmech.recording.statements import PROMPT, StatementBatches, freeze_statements
from nnmech.world.people import make_world
from nnmech.world.statements import crossed_statements
from tests.conftest import build_tokenizer

CHATML = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
SENTENCES = [
    ("Zoë lives in Malmö.", "Malmö"),
    ("Ada Berg has never won the gold medal in the luge race, as far as anybody in the whole of Oslo knows.", "medal"),
    ("It is not true that Edda Falk plays the violin!", "violin"),
    ("Cyril Dahl, 41, is a pilot", "pilot"),
    ("Lima.", "Lima"),
    ("葛飾北斎 was born in 江戸 (Edo) .", "江戸"),
]


def statement(index: int, text: str, thing: str) -> Statement:
    return Statement(f"s{index}", text, True, 1, "t", f"e{index}", "train", object_end=text.index(thing) + len(thing))


STATEMENTS = [statement(index, *sentence) for index, sentence in enumerate(SENTENCES)]


def byte_tokenizer(*, merges: bool, trim: bool) -> PreTrainedTokenizerFast:
    """Byte-level BPE; with `merges` over whole texts, so that tokens reach across words and over every boundary."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not merges)
    backend.decoder = decoders.ByteLevel()
    special = ["<bos>", "<eos>", "<|start|>", "<|end|>"]
    backend.train_from_iterator(
        [PROMPT.format(statement=one.text) for one in STATEMENTS for _ in range(3)],
        trainers.BpeTrainer(
            vocab_size=430,
            special_tokens=special,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    around = processors.TemplateProcessing(single="<bos> $A <eos>", special_tokens=[("<bos>", 0), ("<eos>", 1)])
    backend.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=trim), around])  # pyright: ignore
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<bos>", eos_token="<eos>", chat_template=CHATML, model_max_length=256
    )


def rows(batches: StatementBatches) -> Iterator[tuple[Statement, list[int], dict[str, int]]]:
    """Each statement with its tokens, unpadded, and its named positions."""
    for batch in batches.batches:
        for row, index in enumerate(batch.statement_index.tolist()):
            ids = batch.input_ids[row, : int(batch.attention_mask[row].sum())].tolist()
            yield (
                batches.statements[index],
                ids,
                dict(zip(batches.positions, batch.token_index[row].tolist(), strict=True)),
            )


def token_of_byte(tokenizer: PreTrainedTokenizerFast, ids: list[int], before: str) -> int:
    """The token with the last byte of `before`, which begins where the first token does, by counting bytes."""
    byte_of = {letter: byte for byte, letter in _alphabet().items()}
    target = len(before.encode())
    reached = 0
    for index, token in enumerate(tokenizer.convert_ids_to_tokens(ids)):
        special = token in tokenizer.all_special_tokens or token.startswith("<|")
        reached += len(token.encode()) if special else len([byte_of[letter] for letter in token])
        if reached >= target:
            return index
    raise AssertionError(before)


def _alphabet() -> dict[int, str]:
    """GPT-2's letters for bytes: printable ones stand for themselves, the others for letters from 256 on."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + index) for index, byte in enumerate(others)}


def alone(model: nn.Module, ids: list[int]) -> torch.Tensor:
    """The residual stream of one unpadded prompt behind every block but the last, [layer token d_model]."""
    with torch.no_grad():
        hidden = model(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states
    return torch.stack([one[0] for one in hidden[1:-1]])


def check_values(model: nn.Module, batches: StatementBatches) -> None:
    residual = capture(model, batches)
    assert any((batch.attention_mask == 0).any() for batch in batches.batches)
    for found, ids, positions in rows(batches):
        expected = alone(model, ids)[:, list(positions.values())]
        index = batches.statements.index(found)
        torch.testing.assert_close(residual[:-1, :, index], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("trim", [True, False])
@pytest.mark.parametrize("merges", [True, False])
@pytest.mark.parametrize("chat", [True, False])
def test_positions_of_a_byte_level_tokenizer(make_model: Callable, merges: bool, chat: bool, trim: bool) -> None:
    tokenizer = byte_tokenizer(merges=merges, trim=trim)
    model: LlamaForCausalLM = make_model(len(tokenizer), layers=3)
    batches = freeze_statements(tokenizer, STATEMENTS, chat=chat, batch_size=4)
    before, _, _ = PROMPT.partition("{statement}")
    merged = 0
    for found, ids, positions in rows(batches):
        start = ("<|start|>user\n" if chat else "<bos>") + before
        assert positions["object"] == token_of_byte(tokenizer, ids, start + found.text[: found.object_end])
        assert positions["last"] == token_of_byte(tokenizer, ids, start + found.text)
        assert positions["assistant"] == (len(ids) - 1 if chat else len(ids) - 2)
        words = tokenizer.convert_ids_to_tokens(ids)
        merged += words[positions["last"]][-1:] != found.text[-1]
    assert (merged > 0) == merges
    check_values(model, batches)


def test_a_prompt_that_ends_in_a_space_ends_with_its_token(make_model: Callable) -> None:
    # Byte-level tokenizers may trim the offsets of a space to nothing.
    tokenizer = byte_tokenizer(merges=False, trim=True)
    batches = freeze_statements(tokenizer, STATEMENTS, prompt="{statement} True? ", chat=False)
    for _, ids, positions in rows(batches):
        assert tokenizer.convert_ids_to_tokens(ids)[positions["assistant"] :] == ["Ġ", "<eos>"]


def test_positions_of_the_embedded_model() -> None:
    loaded = load_model()
    people = [person for person in make_world().people if person.facts][:12]
    rng = random.Random(0)
    statements = [
        one
        for person in people
        for key in sorted(person.facts)[:1]
        for one in crossed_statements(person, key, "train", rng)
    ]
    batches = freeze_statements(loaded.tokenizer, statements, batch_size=16)
    for found, ids, positions in rows(batches):
        words = loaded.tokenizer.convert_ids_to_tokens(ids)
        assert found.text[: found.object_end].endswith(words[positions["object"]])
        assert words[positions["last"]] == found.text[-1]
        assert words[positions["last"] + 1] == "True"
        assert words[positions["assistant"] :] == ["<|assistant|>"]
        # What lies between the first token of the statement and the last one is the statement, word by word.
        first = words.index(":") + 1
        assert "".join(words[first : positions["last"] + 1]).replace(" ", "") == found.text.replace(" ", "")
        assert "".join(words[first : positions["object"] + 1]).replace(" ", "") == (
            found.text[: found.object_end].replace(" ", "")
        )
    check_values(loaded.model, batches)


def words_at(tokenizer: PreTrainedTokenizerFast, batches: StatementBatches) -> list[tuple[list[str], dict[str, int]]]:
    return [(tokenizer.convert_ids_to_tokens(ids), positions) for _, ids, positions in rows(batches)]


@pytest.mark.parametrize("text", ["end", "a", "user", "|", "s", "assistant", "<|"])
@pytest.mark.parametrize("trim", ["", " | trim"])
def test_a_statement_that_also_stands_in_the_template_is_found_in_the_users_turn(text: str, trim: str) -> None:
    tokenizer = byte_tokenizer(merges=False, trim=False)
    # The template says it all again behind the user's turn.
    tokenizer.chat_template = CHATML.replace("['content'] }}", f"['content']{trim} }}}}") + "{{ 'user end a | <| s' }}"
    one = Statement("s", text, True, 1, "t", "e", "train", object_end=len(text))
    for prompt in ("{statement}", " {statement} True?"):
        ((_, ids, positions),) = rows(freeze_statements(tokenizer, [one], prompt=prompt))
        before = prompt.partition("{statement}")[0]
        start = "<|start|>user\n" + (before.lstrip() if trim else before)
        assert positions["object"] == positions["last"] == token_of_byte(tokenizer, ids, start + text)
        assert positions["assistant"] == len(ids) - 1


def word_tokenizer(tmp_path: Path, **backend: Any) -> PreTrainedTokenizerFast:
    """`word` tokenizer of conftest with another normalizer or model."""
    tokenizer = build_tokenizer(tmp_path)
    for name, value in backend.items():
        setattr(tokenizer.backend_tokenizer, name, value)
    return tokenizer


def refused(tokenizer: PreTrainedTokenizerFast, text: str, says: str, **options: Any) -> None:
    one = Statement("s", text, True, 1, "t", "e", "train")
    with pytest.raises(InputError, match=f"statement 's': the tokenizer {says}; reword"):
        freeze_statements(tokenizer, [one], **options)


@pytest.mark.parametrize("chat", [True, False])
def test_characters_that_the_normalizer_drops_are_noticed(tmp_path: Path, chat: bool) -> None:
    lossy = normalizers.Sequence(
        [normalizers.NFD(), normalizers.StripAccents(), normalizers.Replace(Regex("[^ -~]"), "")]
    )
    tokenizer = word_tokenizer(tmp_path, normalizer=lossy)
    refused(tokenizer, "Ada Berg is a \u98fe pilot.", r"drops \['\u98fe'\]", chat=chat)
    refused(tokenizer, "Ada B\u98ferg is a pilot.", r"drops \['\u98fe'\]", chat=chat)
    refused(tokenizer, "Ada Berg is a pilot.", r"drops \['\u98fe'\]", prompt="\u98fe {statement}", chat=chat)
    accented = Statement("s", "\u00c4da Berg is a pilot.".replace("\u00c4", "A\u0300"), True, 1, "t", "e", "train")
    ((words, positions),) = words_at(tokenizer, freeze_statements(tokenizer, [accented], chat=chat))
    assert words[positions["last"]] == "."


def test_normalizers_that_only_respell_drop_nothing(tmp_path: Path) -> None:
    respell = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("`", "'"), normalizers.Replace("  ", " ")])
    tokenizer = word_tokenizer(tmp_path, normalizer=respell)
    one = Statement("s", "\uff21da Berg  is a pilot ` .", True, 1, "t", "e", "train")
    ((words, positions),) = words_at(tokenizer, freeze_statements(tokenizer, [one]))
    assert "Ada" in words
    assert words[positions["last"]].endswith(".")


@pytest.mark.parametrize("text", ["Zo\u00eb lives here", "Oslo \u00eb", "\u00eb"])
def test_bytes_that_the_model_does_not_know_are_noticed(text: str) -> None:
    letters = sorted(set("abcdefghijklmnopqrstuvwxyzOZ"))
    backend = Tokenizer(models.BPE({letter: index for index, letter in enumerate(letters)}, []))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    options = {"chat": False, "prompt": "{statement} true"}
    refused(tokenizer, text, r"drops characters of \['(Zo)?\u00eb'\]", **options)
    one = Statement("s", "Oslo lives", True, 1, "t", "e", "train")
    freeze_statements(tokenizer, [one], **options)  # pyright: ignore
    # An unknown token that the tokenizer has and does not tell of.
    backend = Tokenizer(
        models.BPE({"?": 0} | {letter: index for index, letter in enumerate(letters, 1)}, [], unk_token="?")
    )
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    silent = PreTrainedTokenizerFast(tokenizer_object=backend)
    assert silent.unk_token_id is None
    refused(silent, text, r"does not know \['\u00eb'\]", **options)
