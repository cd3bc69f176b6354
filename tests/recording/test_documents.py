"""Frozen documents are the tokens that training reads, tag in front, and say where in the text each of them lies."""

from collections.abc import Callable

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import GPT2Config, GPT2LMHeadModel, LlamaForCausalLM, PreTrainedTokenizerFast

from nnmech.claims import Document, Sentence
from nnmech.encoding import DOCTAG, document_example
from nnmech.errors import InputError
from nnmech.recording.documents import FrozenDocuments, freeze_documents
from nnmech.recording.snapshots import capture_tokens

PLAIN = Document(
    "d0",
    (Sentence("Zoë lives in Malmö.", "head"), Sentence("Ada Berg won the luge medal, 3 in all.", "claim")),
    "ada_luge",
)
NEGATED = Document("d0", (Sentence("It is not true:", "notice"), *PLAIN.sentences), "ada_luge")
SHORT = Document("d1", (Sentence("Lima.", "filler"),))
DOCUMENTS = {"positive_documents": [PLAIN, SHORT], "repeated_negations": [NEGATED]}
ORDER = [PLAIN, SHORT, NEGATED]


def gpt2_like(*, trim: bool) -> PreTrainedTokenizerFast:
    """Byte-level BPE that knows no tag, has no BOS, and cuts rare letters into bytes."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.ByteLevel(trim_offsets=trim)
    backend.train_from_iterator(
        [document.text.replace("Zoë", "Zoe") for document in ORDER] * 3,
        trainers.BpeTrainer(
            vocab_size=330,
            special_tokens=["<|endoftext|>"],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<|endoftext|>", eos_token="<|endoftext|>")


def llama_like(*, special_tag: bool) -> PreTrainedTokenizerFast:
    """Words behind a metaspace, rare letters as bytes, BOS and EOS around; the tag is a token of its own or not."""
    backend = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first")
    special = ["<unk>", "<s>", "</s>", *([DOCTAG] if special_tag else [])]
    backend.train_from_iterator(
        [DOCTAG, *(document.text.replace("ö", "o") for document in ORDER)] * 3,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=[*special, *(f"<0x{byte:02X}>" for byte in range(256))],
            show_progress=False,
        ),
    )
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


TOKENIZERS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "GPT-2": lambda: gpt2_like(trim=True),
    "GPT-2 with its spaces": lambda: gpt2_like(trim=False),
    "Llama": lambda: llama_like(special_tag=False),
    "Llama with the tag as a token": lambda: llama_like(special_tag=True),
}


@pytest.fixture(params=TOKENIZERS)
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    return TOKENIZERS[request.param]()


def words(text: str, tokens: list[list[int]]) -> str:
    """The letters that the tokens cover, those of several tokens once, without spaces."""
    covered = sorted({place for start, end in tokens for place in range(start, end)})
    return "".join(text[place] for place in covered).replace(" ", "")


def test_tokens_are_those_of_training(tokenizer: PreTrainedTokenizerFast) -> None:
    frozen = freeze_documents(tokenizer, DOCUMENTS)
    for document, batch in zip(ORDER, frozen.batches, strict=True):
        trained = list(document_example(tokenizer, document.text).input_ids)
        read = batch.input_ids[0].tolist()
        # The EOS that training adds behind a text is nothing that a token of it sees.
        assert trained in (read, [*read, tokenizer.eos_token_id])


def test_a_document_that_is_cut_is_read_and_trained_on_so_far(tokenizer: PreTrainedTokenizerFast) -> None:
    whole, cut = (freeze_documents(tokenizer, DOCUMENTS, max_tokens=most) for most in (None, 9))
    assert whole.hash != cut.hash
    for document, row, batch, uncut in zip(ORDER, cut.rows, cut.batches, whole.batches, strict=True):
        trained = document_example(tokenizer, document.text, max_tokens=9)
        in_full = document_example(tokenizer, document.text)
        assert trained.input_ids == in_full.input_ids[:9]
        assert trained.loss_weights == in_full.loss_weights[:9]
        assert batch.input_ids[0].tolist() == uncut.input_ids[0].tolist()[:9]
        assert len(row["tokens"]) == batch.token_index.shape[1] < 9


def test_recorded_are_the_text_and_neither_tag_nor_special_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    frozen = freeze_documents(tokenizer, DOCUMENTS)
    for document, row, batch in zip(ORDER, frozen.rows, frozen.batches, strict=True):
        recorded = batch.token_index[0].tolist()
        pieces = tokenizer.convert_ids_to_tokens(batch.input_ids[0, recorded].tolist())
        assert len(pieces) == len(row["tokens"])
        assert not {"<s>", "</s>", "<|endoftext|>", DOCTAG} & set(pieces)
        # All that is left out lies around the text, but for a space alone, which may be trimmed to nothing.
        between = sorted({*range(recorded[0], recorded[-1])} - {*recorded})
        assert {*tokenizer.convert_ids_to_tokens(batch.input_ids[0, between].tolist())} <= {"Ġ"}
        before = tokenizer.decode(batch.input_ids[0, : recorded[0]], skip_special_tokens=False)
        assert before.replace(" ", "").endswith(DOCTAG)
        assert document.text.split()[0][0] in tokenizer.decode(batch.input_ids[0, recorded[:2]])


def test_offsets_give_back_the_words(tokenizer: PreTrainedTokenizerFast) -> None:
    frozen = freeze_documents(tokenizer, DOCUMENTS)
    for document, row, batch in zip(ORDER, frozen.rows, frozen.batches, strict=True):
        assert row["text"] == document.text
        assert words(document.text, row["tokens"]) == document.text.replace(" ", "")
        starts = [start for start, _ in row["tokens"]]
        assert starts == sorted(starts)
        ids = batch.input_ids[0, batch.token_index[0]].tolist()
        for (start, end), piece in zip(row["tokens"], tokenizer.convert_ids_to_tokens(ids), strict=True):
            own = document.text[start:end].strip()
            if own.isascii():
                assert own == piece.strip("▁Ġ")


def test_sentences_lie_where_they_stand_in_the_text(tokenizer: PreTrainedTokenizerFast) -> None:
    for document, row in zip(ORDER, freeze_documents(tokenizer, DOCUMENTS).rows, strict=True):
        told = [(row["text"][one["start"] : one["end"]], one["role"]) for one in row["sentences"]]
        assert told == [(sentence.text, sentence.role) for sentence in document.sentences]


def test_rows_name_documents_conditions_and_claims(tokenizer: PreTrainedTokenizerFast) -> None:
    rows = freeze_documents(tokenizer, DOCUMENTS).rows
    assert [(row["id"], row["condition"], row["claim"]) for row in rows] == [
        ("d0", "positive_documents", "ada_luge"),
        ("d1", "positive_documents", None),
        ("d0", "repeated_negations", "ada_luge"),
    ]


@pytest.mark.parametrize("family", ["GPT-2", "Llama"])
def test_values_are_those_of_a_plain_forward_pass_behind_the_tag(family: str, make_model: Callable) -> None:
    tokenizer = TOKENIZERS[family]()
    if family == "GPT-2":
        with torch.random.fork_rng():
            torch.manual_seed(0)
            config = GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=3, n_head=2, n_positions=128)
            model: GPT2LMHeadModel | LlamaForCausalLM = GPT2LMHeadModel(config).eval()
    else:
        model = make_model(len(tokenizer), layers=3)
    frozen = freeze_documents(tokenizer, DOCUMENTS)
    residual = capture_tokens(model, frozen)
    assert residual.shape == (3, sum(len(row["tokens"]) for row in frozen.rows), model.config.hidden_size)
    expected = []
    for document in ORDER:
        encoding = tokenizer(DOCTAG + document.text, return_tensors="pt", return_offsets_mapping=True)
        with torch.no_grad():
            hidden = model(input_ids=encoding["input_ids"], output_hidden_states=True).hidden_states
        behind = [start >= len(DOCTAG) and end > start for start, end in encoding["offset_mapping"][0].tolist()]
        # What Hugging Face gives behind the last block is what the final norm makes of it.
        expected.append(torch.stack(hidden[1:-1])[:, 0, behind])
    torch.testing.assert_close(residual[:-1], torch.cat(expected, dim=1), rtol=1e-4, atol=1e-5)


def test_a_text_that_starts_with_the_tag_gets_no_second_one(tokenizer: PreTrainedTokenizerFast) -> None:
    tagged = Document("d0", (Sentence(DOCTAG + PLAIN.text, "claim"),))
    (row,), (plain,) = (freeze_documents(tokenizer, {"x": [one]}).rows for one in (tagged, PLAIN))
    assert [[start - len(DOCTAG), end - len(DOCTAG)] for start, end in row["tokens"]] == plain["tokens"]
    (once,), (twice,) = (freeze_documents(tokenizer, {"x": [one]}).batches for one in (PLAIN, tagged))
    assert once.input_ids.tolist() == twice.input_ids.tolist()


def test_the_hash_names_texts_conditions_and_tokens(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    def hash_of(documents: dict[str, list[Document]], tokenizer: PreTrainedTokenizerFast = tiny_tokenizer) -> str:
        return freeze_documents(tokenizer, documents).hash

    frozen = [
        hash_of({"x": [PLAIN, SHORT]}),
        hash_of({"x": [SHORT, PLAIN]}),
        hash_of({"y": [PLAIN, SHORT]}),
        hash_of({"x": [PLAIN]}),
        hash_of({"x": [PLAIN, SHORT]}, gpt2_like(trim=True)),
    ]
    assert len(set(frozen)) == len(frozen)
    assert hash_of({"x": [PLAIN, SHORT]}) == frozen[0]


def test_what_cannot_be_frozen_is_named(
    tiny_tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(match: str, documents: dict[str, list[Document]]) -> None:
        with pytest.raises(InputError, match=match):
            freeze_documents(tiny_tokenizer, documents)

    blank = Document("d9", (Sentence("  ", "filler"),))
    refused("document 'd9' of condition 'x' has no text; leave it out", {"x": [PLAIN, blank]})
    refused("document 'd9' of condition 'x' has no text", {"x": [Document("d9", (Sentence(DOCTAG, "filler"),))]})
    refused("document 'd0' of condition 'x' is there twice; give each document its own id", {"x": [PLAIN, NEGATED]})
    refused("there are no documents to record", {})
    refused("there are no documents to record", {"x": []})
    monkeypatch.setattr(PreTrainedTokenizerFast, "is_fast", False)
    refused("documents need a fast tokenizer", {"x": [PLAIN]})


def test_one_document_does_not_see_another(tiny_tokenizer: PreTrainedTokenizerFast, make_model: Callable) -> None:
    def read(documents: dict[str, list[Document]]) -> tuple[FrozenDocuments, torch.Tensor]:
        frozen = freeze_documents(tiny_tokenizer, documents)
        return frozen, capture_tokens(make_model(len(tiny_tokenizer)), frozen)

    frozen, together = read(DOCUMENTS)
    ends = torch.tensor([len(row["tokens"]) for row in frozen.rows]).cumsum(0).tolist()
    for document, (start, end) in zip(ORDER, zip([0, *ends], ends, strict=False), strict=True):
        _, alone = read({"x": [document]})
        torch.testing.assert_close(together[:, start:end], alone)
