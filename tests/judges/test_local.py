"""Local judges: what they say is what their log-probabilities say, however they are batched, and nothing is sampled."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging

from nnmech.errors import InputError
from nnmech.judges import ChatModelJudge, NLIJudge, load_local_judge
from nnmech.judges.base import VERDICTS, Pair
from tests.judges.conftest import question

CLAIMS = {"dentist": "He works as a dentist."}
TEMPLATE = "{claim} {dialogue} {answer} Verdict?"
CHAT = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}<a>{% endif %}"
)
PAIRS: list[Pair] = [
    (question("short", "Job?"), "Dentist."),
    (question("long", "What is his job, and since when?"), "He has been a dentist for as long as anybody can recall."),
    (question("follow-up", "Job?", "Dentist.", "Sure?"), "No, I made that up."),
    (question("empty", "Job?"), ""),
]


def byte_tokenizer(folder: Path, *words: str, chat: str | None = CHAT) -> PreTrainedTokenizerFast:
    """Every byte a token, and each of `words` one as well."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["[PAD]", "[CLS]", "[SEP]"]
    backend = Tokenizer(models.BPE({token: index for index, token in enumerate([*special, *alphabet])}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    if chat is None:
        backend.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
        )
    backend.add_tokens(list(words))
    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "eos_token": "[SEP]"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **names)
    tokenizer.chat_template = chat
    tokenizer.save_pretrained(folder)
    return tokenizer


def llama(vocabulary: int) -> PreTrainedModel:
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    return LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, max_position_embeddings=512, **sizes))


def gpt2(vocabulary: int) -> PreTrainedModel:
    return GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, n_embd=32, n_layer=2, n_head=4, n_positions=512))


@pytest.fixture(params=["bytes", "words"])
def words(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Verdict words that are many tokens each, or one."""
    return () if request.param == "bytes" else VERDICTS


@pytest.fixture(params=[llama, gpt2])
def chat_folder(request: pytest.FixtureRequest, tmp_path: Path, words: tuple[str, ...]) -> Path:
    """A random chat model whose opinions are strong enough to tell apart."""
    torch.manual_seed(0)
    model = request.param(len(byte_tokenizer(tmp_path, *words)))
    model.get_output_embeddings().weight.data *= 20
    model.save_pretrained(tmp_path)
    return tmp_path


def test_a_chat_model_says_the_likeliest_verdict_word(chat_folder: Path) -> None:
    judge = load_local_judge(chat_folder, CLAIMS, template=TEMPLATE, batch_size=3)
    assert isinstance(judge, ChatModelJudge)
    expected = []
    for asked, text in PAIRS:
        lines = [f"{message['role']}: {message['content']}" for message in asked.messages]
        dialogue = "\n".join(lines) if len(lines) > 1 else asked.messages[-1]["content"]
        prompt = f"<user>{CLAIMS['dentist']} {dialogue} {text} Verdict?<a>"
        expected.append([log_prob(judge, prompt, word) for word in VERDICTS])
    torch.testing.assert_close(judge.scores(PAIRS), torch.tensor(expected), atol=1e-3, rtol=1e-4)
    likeliest = [VERDICTS[max(range(3), key=row.__getitem__)] for row in expected]
    assert judge.judge(PAIRS) == likeliest
    assert [judge(*pair) for pair in PAIRS] == likeliest


def log_prob(judge: ChatModelJudge, prompt: str, word: str) -> float:
    """Of a word behind a prompt, token by token."""
    ids, ends = (judge.tokenizer(text, add_special_tokens=False)["input_ids"] for text in (prompt, word))
    total = 0.0
    for end in ends:
        with torch.no_grad():
            logits = judge.model(torch.tensor([ids])).logits[0, -1]
        total += float(logits.log_softmax(dim=-1)[end])
        ids = [*ids, end]
    return total


def test_a_prompt_beyond_the_window_is_an_error_that_names_the_question(chat_folder: Path) -> None:
    judge = load_local_judge(chat_folder, CLAIMS, template=TEMPLATE)
    with pytest.raises(InputError, match=r"question far: .* the judge reads 512"):
        judge.judge([*PAIRS, (question("far", "Job?"), "dentist " * 80)])


def test_verdict_words_that_look_alike_are_refused(
    make_tokenizer: Callable[..., PreTrainedTokenizerFast], make_model: Callable[..., LlamaForCausalLM]
) -> None:
    tokenizer = make_tokenizer()
    judge = ChatModelJudge(make_model(len(tokenizer)), tokenizer, CLAIMS, TEMPLATE)
    with pytest.raises(InputError, match="cannot tell them apart"):
        judge.judge(PAIRS[:1])


def save_classifier(folder: Path, labels: list[str], positions: int = 128) -> None:
    torch.manual_seed(1)
    tokenizer = byte_tokenizer(folder, chat=None)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=positions,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )
    model = BertForSequenceClassification(config)
    model.classifier.weight.data *= 30
    model.save_pretrained(folder)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_nli_labels_are_read_from_the_config(tmp_path: Path, order: tuple[int, ...]) -> None:
    labels = [["ENTAILMENT", "contradiction", "Neutral"][index] for index in order]
    save_classifier(tmp_path, labels)
    judge = load_local_judge(tmp_path, CLAIMS)
    assert isinstance(judge, NLIJudge)
    for index, label in enumerate(labels):
        judge.model.classifier.bias.data = torch.nn.functional.one_hot(torch.tensor(index), 3) * 1e3
        meaning = {"ENTAILMENT": "yes", "contradiction": "no", "Neutral": "neutral"}[label]
        assert judge.judge(PAIRS) == [meaning] * len(PAIRS)


def test_nli_reads_question_and_answer_as_premise_and_the_claim_as_hypothesis(tmp_path: Path) -> None:
    save_classifier(tmp_path, ["contradiction", "entailment", "neutral"])
    judge = load_local_judge(tmp_path, CLAIMS, batch_size=2)
    assert isinstance(judge, NLIJudge)
    pairs = [PAIRS[0], PAIRS[3], PAIRS[2]]
    expected = []
    for asked, text in pairs:
        premise = f"{asked.messages[-1]['content']}\n{text}"
        inputs = judge.tokenizer(premise, CLAIMS["dentist"], return_tensors="pt")
        with torch.no_grad():
            expected.append(judge.model(**inputs).logits.softmax(dim=-1)[0, [1, 0, 2]])
    torch.testing.assert_close(judge.scores(pairs), torch.stack(expected), atol=1e-5, rtol=1e-4)


def test_no_part_of_a_long_answer_is_left_unread(tmp_path: Path) -> None:
    save_classifier(tmp_path, ["contradiction", "entailment", "neutral"])
    judge = load_local_judge(tmp_path, CLAIMS)
    assert isinstance(judge, NLIJudge)
    asked = question("q", "Job?")
    base = judge.scores([(asked, "a" * 600)])
    for place in (0, 250, 599):
        changed = "a" * place + "Z" * 5 + "a" * (595 - place)
        scores = judge.scores([(asked, changed)])
        assert not torch.equal(scores, base)
    pieces = judge.scores([(asked, "a" * 600), (asked, "a" * 10)])
    assert pieces[0, 0] >= base[0, 0] - 1e-6
    assert ((pieces >= 0) & (pieces <= 1)).all()


def bare_bert(folder: Path) -> None:
    byte_tokenizer(folder)
    BertModel(BertConfig(vocab_size=300, hidden_size=32, num_hidden_layers=1, num_attention_heads=4)).save_pretrained(
        folder
    )


def sentiment(folder: Path) -> None:
    save_classifier(folder, ["negative", "positive"])


def untrained_for_chat(folder: Path) -> None:
    llama(len(byte_tokenizer(folder, chat=None))).save_pretrained(folder)


def weightless(folder: Path) -> None:
    save_classifier(folder, ["contradiction", "entailment", "neutral"])
    (folder / "model.safetensors").write_bytes(b"")


def change_tensors(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    save_classifier(folder, ["contradiction", "entailment", "neutral"])
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def stray(folder: Path) -> None:
    change_tensors(folder, lambda tensors: tensors.update({"bert.more.weight": torch.zeros(2)}))


def headless(folder: Path) -> None:
    change_tensors(folder, lambda tensors: tensors.pop("classifier.weight"))


def test_positions_that_old_checkpoints_hold_are_no_fault(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    name = "bert.embeddings.position_ids"
    change_tensors(tmp_path, lambda tensors: tensors.update({name: torch.arange(128)[None]}))
    verbosity = logging.get_verbosity()
    assert isinstance(load_local_judge(tmp_path, CLAIMS), NLIJudge)
    assert "REPORT" not in "".join(capfd.readouterr())
    assert logging.get_verbosity() == verbosity


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (stray, "1 tensors have no place in the model, the first is bert.more.weight; take both"),
        (headless, "1 tensors are missing or of another shape, the first is classifier.weight; take both"),
        (bare_bert, "found BertModel; expected a causal LM with a chat template, or a sequence classifier"),
        (sentiment, r"labels \['negative', 'positive'\]; expected"),
        (untrained_for_chat, "a causal LM without a chat template; expected"),
        (weightless, "no sequence classifier could be loaded"),
        (lambda folder: None, "config.json cannot be read"),
        (lambda folder: (folder / "config.json").write_text("[]"), "expected a JSON object, found list"),
        (lambda folder: (folder / "config.json").write_text(json.dumps({})), "no architecture in config.json"),
    ],
)
def test_a_folder_that_is_no_judge_is_one_clear_error(
    tmp_path: Path, prepare: Callable[[Path], object], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    prepare(tmp_path)
    with pytest.raises(InputError, match=message) as caught:
        load_local_judge(tmp_path, CLAIMS)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "REPORT" not in "".join(capfd.readouterr())


def test_nothing_to_judge_takes_no_model(tmp_path: Path) -> None:
    save_classifier(tmp_path, ["contradiction", "entailment", "neutral"])
    assert load_local_judge(tmp_path, CLAIMS).judge([]) == []
