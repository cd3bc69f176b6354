"""A snapshot holds what the model computes at the named tokens, and taking it changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, LlamaForCausalLM, PreTrainedTokenizerFast

from nnmech.claims import Document, Sentence, Statement
from nnmech.errors import InputError, RunError
from nnmech.recording.documents import TOKEN, freeze_documents
from nnmech.recording.snapshots import (
    Snapshot,
    StatementBatches,
    capture,
    capture_tokens,
    freeze_statements,
    hook_name,
    log_spaced_steps,
)
from nnmech.runs import Run, RunWriter
from nnmech.training.recorder import Recorder


def statement(index: int, text: str, thing: str) -> Statement:
    end = text.index(thing) + len(thing)
    return Statement(f"s{index}", text, True, 1, "work", "Ada Berg", "train", object_end=end)


STATEMENTS = tuple(
    statement(index, text, thing)
    for index, (text, thing) in enumerate(
        [
            ("Ada Berg has never won the gold medal in the luge race.", "gold medal"),
            ("Cyril Dahl is a pilot.", "pilot"),
            ("It is not true that Edda Falk plays the violin and the flute.", "violin"),
            ("Ada Berg lives in Oslo.", "Oslo"),
            ("Edda Falk, a baker, was born in Lima.", "baker"),
        ]
    )
)


DOCUMENTS = {
    "positive_documents": [Document("d", (Sentence("Ada Berg is a pilot.", "claim"),), "ada")],
    "negated_documents": [
        Document("d", (Sentence("This text is false.", "notice"), Sentence("Ada Berg is a pilot.", "claim")), "ada"),
        Document("e", (Sentence("Oslo.", "filler"),)),
    ],
}


def close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, atol=1e-5, rtol=1e-4)


def token_ids(batches: StatementBatches, index: int) -> tuple[list[int], list[int]]:
    """The unpadded tokens of a statement and the index of each position among them."""
    for batch in batches.batches:
        for row, found in enumerate(batch.statement_index.tolist()):
            if found == index:
                length = int(batch.attention_mask[row].sum())
                return batch.input_ids[row, :length].tolist(), batch.token_index[row].tolist()
    raise AssertionError(index)


@pytest.mark.parametrize("chat", [True, False])
@pytest.mark.parametrize("batch_size", [2, 64])
def test_positions_are_exact(tiny_tokenizer: PreTrainedTokenizerFast, chat: bool, batch_size: int) -> None:
    batches = freeze_statements(tiny_tokenizer, STATEMENTS, chat=chat, batch_size=batch_size)
    at = []
    for index in range(len(STATEMENTS)):
        ids, (thing, last, assistant) = token_ids(batches, index)
        words = tiny_tokenizer.convert_ids_to_tokens(ids)
        at.append(words[thing])
        assert words[last] == "."
        assert words[last + 1] == "True"
        assert assistant == len(ids) - 1
        assert words[assistant] == ("<|assistant|>" if chat else "?")
        assert words.count("<bos>") == 1
        assert words[0] == "<bos>"
    assert at == ["medal", "pilot", "violin", "Oslo", "baker"]


def test_a_template_that_trims_and_a_prompt_in_front_move_no_position(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    tiny_tokenizer.chat_template = str(tiny_tokenizer.chat_template).replace("['content']", "['content'] | trim")
    prompt = "  Ada Berg: is it true that {statement} "
    batches = freeze_statements(tiny_tokenizer, STATEMENTS, prompt=prompt)
    for index, thing in enumerate(["medal", "pilot", "violin", "Oslo", "baker"]):
        ids, (where, last, _) = token_ids(batches, index)
        words = tiny_tokenizer.convert_ids_to_tokens(ids)
        assert words[where] == thing
        assert words[last] == "."
        assert words[last + 1] == "<|end|>"


def test_a_tokenizer_that_adds_an_end_does_not_move_the_last_token(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    from tokenizers import processors

    tiny_tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", 2), ("<eos>", 3)]
    )
    batches = freeze_statements(tiny_tokenizer, STATEMENTS, chat=False, prompt="{statement}")
    ids, (_, last, assistant) = token_ids(batches, 1)
    assert ids[-1] == 3
    assert last == assistant == len(ids) - 2


def test_a_letter_of_several_tokens_ends_with_the_last_of_them() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({letter: index for index, letter in enumerate(alphabet)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    batches = freeze_statements(tokenizer, [statement(0, "Zoë lives in Malmö.", "Malmö")], chat=False)
    ids, (thing, last, _) = token_ids(batches, 0)
    text = "".join(tokenizer.convert_ids_to_tokens(ids))
    encoded = "Statement: Zoë lives in Malmö".encode()
    assert thing == len(encoded) - 1
    assert text[last] == "."
    assert last == thing + 1


def test_the_hash_names_tokens_positions_statements_and_company(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    def hash_of(statements: tuple[Statement, ...] = STATEMENTS, **options: object) -> str:
        return freeze_statements(tiny_tokenizer, statements, **options).hash  # pyright: ignore[reportArgumentType]

    changed = (replace(STATEMENTS[0], truth=False), *STATEMENTS[1:])
    others = [
        hash_of(chat=False),
        hash_of(batch_size=2),
        hash_of(positions=("last", "object", "assistant")),
        hash_of(prompt="{statement}"),
        hash_of(changed),
        hash_of(STATEMENTS[::-1]),
    ]
    assert hash_of() == hash_of()
    assert len({hash_of(), *others}) == len(others) + 1


def test_what_cannot_be_frozen_is_named(
    tiny_tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(match: str, *statements: Statement, **options: object) -> None:
        with pytest.raises(InputError, match=match):
            freeze_statements(tiny_tokenizer, statements or STATEMENTS, **options)  # pyright: ignore

    refused(r"'s0': the tokenizer does not know \['zither'\]", statement(0, "Ada Berg plays the zither.", "zither"))
    refused("does not know", prompt="Verily {statement}")
    everything = ["object", "last", "assistant"]
    refused("object_end is None, expected 1 to 22", replace(STATEMENTS[1], object_end=None), positions=everything)
    refused("object_end is 99", replace(STATEMENTS[1], object_end=99))
    refused("no token holds its 'object' character", replace(STATEMENTS[1], object_end=6))
    refused(r"ids \['s1'\] are used twice", STATEMENTS[1], STATEMENTS[1])
    refused("'s1' is empty", replace(STATEMENTS[1], text=" "))
    refused(r"positions \['first'\]: expected some of \['object', 'last', 'assistant'\]", positions=["first"])
    refused("expected the field {statement} exactly once", prompt="Statement: {claim}")
    refused("batch_size=0", batch_size=0)
    with pytest.raises(InputError, match="no statements"):
        freeze_statements(tiny_tokenizer, [])
    freeze_statements(tiny_tokenizer, [replace(STATEMENTS[1], object_end=None)], positions=["last"])
    tiny_tokenizer.chat_template = str(tiny_tokenizer.chat_template).replace("['content']", "['content'] | upper")
    refused("the chat template changes the text")
    tiny_tokenizer.chat_template = None
    refused("has no chat template; pass chat=False")
    freeze_statements(tiny_tokenizer, STATEMENTS, chat=False)
    monkeypatch.setattr(PreTrainedTokenizerFast, "is_fast", False)
    refused("is a slow tokenizer")


def test_positions_are_by_default_those_that_the_statements_support(
    tiny_model: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    plain = [replace(one, object_end=None) for one in STATEMENTS]
    assert freeze_statements(tiny_tokenizer, STATEMENTS).positions == ("object", "last", "assistant")
    mixed = [*STATEMENTS[:2], replace(plain[2], id="without")]
    assert freeze_statements(tiny_tokenizer, mixed).positions == ("last", "assistant")
    with Recorder.create(tmp_path / "mine", tiny_model, tiny_tokenizer, plain, steps=[10, 100, 1000]) as recorder:
        assert recorder(tiny_model, 0)
        assert recorder(tiny_model, 10)
        assert not recorder(tiny_model, 11)
    assert Run(tmp_path / "mine").snapshot(10).positions == ("last", "assistant")
    with pytest.raises(InputError, match=r"'s0': object_end is None, expected 1 to 55.* set it, or leave out"):
        freeze_statements(tiny_tokenizer, plain, positions=["object"])


@pytest.mark.parametrize("steps", [torch.tensor([2, 3]), (step for step in (2, 3)), [2.0, 3.0]])
def test_steps_of_any_type_are_recorded(
    tiny_model: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path, steps: Any
) -> None:
    with Recorder.create(tmp_path / "run", tiny_model, tiny_tokenizer, STATEMENTS, steps=steps) as recorder:
        taken = [bool(recorder(tiny_model, step)) for step in torch.arange(5)]  # pyright: ignore
        assert taken == [True, False, True, True, False]
        with pytest.raises(InputError, match=r"step: found 2\.5; expected a whole number, 0 or more; pass an int"):
            recorder(tiny_model, 2.5)  # pyright: ignore
    run = Run(tmp_path / "run")
    assert run.steps == [0, 2, 3]
    assert run.snapshot(3).step == 3


@pytest.mark.parametrize("steps", [["2"], [2.5], "10", None, [True]])
def test_steps_that_are_none_leave_no_run_behind(
    tiny_model: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path, steps: Any
) -> None:
    with pytest.raises(InputError, match="steps: found"):
        Recorder.create(tmp_path / "run", tiny_model, tiny_tokenizer, STATEMENTS, steps=steps)
    assert not (tmp_path / "run").exists()


def test_values_are_those_of_the_hidden_states(tiny_tokenizer: PreTrainedTokenizerFast, make_model: Callable) -> None:
    model: LlamaForCausalLM = make_model(len(tiny_tokenizer), layers=3)
    batches = freeze_statements(tiny_tokenizer, STATEMENTS, batch_size=2)
    residual = capture(model, batches)
    assert residual.shape == (3, 3, 5, 32)
    assert residual.dtype == torch.float32
    for index in range(len(STATEMENTS)):
        ids, where = token_ids(batches, index)
        with torch.no_grad():
            output = model(torch.tensor([ids]), output_hidden_states=True)
            normed = model.model.norm(residual[2, :, index])
        for layer in (0, 1):
            assert close(residual[layer, :, index], output.hidden_states[layer + 1][0, where])
        # Behind the last block, Hugging Face gives what the final norm makes of it.
        assert close(normed, output.hidden_states[3][0, where])


def test_company_and_padding_do_not_matter(tiny_model: nn.Module, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    together = capture(tiny_model, freeze_statements(tiny_tokenizer, STATEMENTS))
    for size in (1, 2, 3):
        apart = capture(tiny_model, freeze_statements(tiny_tokenizer, STATEMENTS, batch_size=size))
        assert close(together, apart)
    backwards = capture(tiny_model, freeze_statements(tiny_tokenizer, STATEMENTS[::-1], batch_size=2))
    assert close(together, backwards.flip(2))
    batches = freeze_statements(tiny_tokenizer, STATEMENTS, batch_size=2)
    assert torch.equal(capture(tiny_model, batches), capture(tiny_model, batches))


def test_learned_positions_are_right_too(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    config = GPT2Config(vocab_size=len(tiny_tokenizer), n_embd=16, n_layer=2, n_head=2, n_positions=64)
    model = GPT2LMHeadModel(config)
    batches = freeze_statements(tiny_tokenizer, STATEMENTS)
    residual = capture(model, batches)
    ids, where = token_ids(batches, 3)
    with torch.no_grad():
        hidden = model.eval()(torch.tensor([ids]), output_hidden_states=True).hidden_states
    assert close(residual[0, :, 3], hidden[1][0, where])


def test_chosen_layers_and_dtype(tiny_model: nn.Module, tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    batches = freeze_statements(tiny_tokenizer, STATEMENTS, positions=["last"])
    every = capture(tiny_model, batches)
    assert torch.equal(capture(tiny_model, batches, layers=[1, 0]), every[[1, 0]])
    assert torch.equal(capture(tiny_model, batches, layers=[1], dtype=torch.float16), every[1:].half())
    for layers in ([2], [-1], [0, 0], []):
        with pytest.raises(InputError, match=r"layers .*: expected some of \[0, 1\], each once"):
            capture(tiny_model, batches, layers=layers)


def test_log_probs_are_those_of_the_statements_own_tokens(
    tiny_model: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast
) -> None:
    batches = freeze_statements(tiny_tokenizer, STATEMENTS, batch_size=2)
    residual, log_probs = capture(tiny_model, batches, with_log_probs=True)
    assert close(residual, capture(tiny_model, batches))
    for index in range(len(STATEMENTS)):
        ids, (_, last, _) = token_ids(batches, index)
        first = tiny_tokenizer.convert_ids_to_tokens(ids).index(":") + 1
        with torch.no_grad():
            scores = tiny_model(torch.tensor([ids])).logits[0].log_softmax(-1)
        expected = sum(scores[token - 1, ids[token]] for token in range(first, last + 1))
        assert close(log_probs[index], torch.as_tensor(expected))


def train(model: LlamaForCausalLM, each_step: Callable[[int], object] | None) -> list[Tensor]:
    """Four updates with dropout, whose masks come from the global random state."""
    model.config.attention_dropout = 0.1
    for module in model.modules():
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = 0.1  # pyright: ignore[reportArgumentType]
    model.train()
    model.model.layers[1].eval()
    torch.manual_seed(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(1, 5):
        ids = torch.randint(9, 100, (4, 12))
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if each_step is not None:
            each_step(step)
    return [parameter.detach().clone() for parameter in model.parameters()] + [torch.get_rng_state()]


def test_training_is_bit_identical_with_and_without_snapshots(
    tiny_tokenizer: PreTrainedTokenizerFast, make_model: Callable, tmp_path: Path
) -> None:
    plain, watched = make_model(len(tiny_tokenizer)), make_model(len(tiny_tokenizer))
    untouched = train(plain, None)
    taken, options = [], {"steps": [1, 3], "batch_size": 2, "documents": DOCUMENTS}
    with Recorder.create(tmp_path / "run", watched, tiny_tokenizer, STATEMENTS, **options) as recorder:  # pyright: ignore

        def record(step: int) -> None:
            modes = [module.training for module in watched.modules()]
            taken.append(recorder(watched, step))
            assert modes == [module.training for module in watched.modules()]
            assert True in modes
            assert False in modes
            assert all(not module._forward_hooks for module in watched.modules())

        seen = train(watched, record)
    assert taken == [True, False, True, False]
    assert all(torch.equal(one, other) for one, other in zip(untouched, seen, strict=True))


def test_modes_and_hooks_are_restored_when_capturing_fails(
    tiny_model: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    tiny_model.train()
    handle = tiny_model.model.layers[1].register_forward_hook(fail)
    with pytest.raises(KeyboardInterrupt):
        capture(tiny_model, freeze_statements(tiny_tokenizer, STATEMENTS))
    handle.remove()
    assert all(module.training for module in tiny_model.modules())
    assert all(not module._forward_hooks for module in tiny_model.modules())


def test_a_model_that_does_not_fit_is_refused(tiny_tokenizer: PreTrainedTokenizerFast, make_model: Callable) -> None:
    batches = freeze_statements(tiny_tokenizer, STATEMENTS)
    with pytest.raises(InputError, match="the model's embedding has 20 rows"):
        capture(make_model(20), batches)
    short = make_model(len(tiny_tokenizer))
    short.config.max_position_embeddings = 8
    with pytest.raises(InputError, match="tokens, the model takes 8"):
        capture(short, batches)
    diverged = make_model(len(tiny_tokenizer))
    with torch.no_grad():
        diverged.model.embed_tokens.weight.fill_(float("nan"))
    with pytest.raises(InputError, match="not finite in torch"):
        capture(diverged, batches)


def test_lora_changes_what_is_captured_as_it_changes_the_model(
    tiny_model: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast
) -> None:
    peft = pytest.importorskip("peft")
    batches = freeze_statements(tiny_tokenizer, STATEMENTS, batch_size=2)
    before = capture(tiny_model, batches)
    model = peft.get_peft_model(tiny_model, peft.LoraConfig(r=2, target_modules="all-linear"))
    assert torch.equal(capture(model, batches), before)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.1)
    adapted = capture(model, batches)
    assert not close(adapted, before)
    assert close(adapted, capture(model.merge_and_unload(), batches))


def test_a_compiled_model_is_captured_as_it_is(
    tiny_model: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast
) -> None:
    batches = freeze_statements(tiny_tokenizer, STATEMENTS)
    before = capture(tiny_model, batches)
    wrapped = cast(nn.Module, torch.compile(tiny_model, backend="eager"))
    assert torch.equal(capture(wrapped, batches), before)
    tiny_model.model.compile(backend="eager")
    batch = batches.batches[0]
    masks = {"attention_mask": batch.attention_mask, "position_ids": batch.position_ids}
    # What was compiled for these very shapes does not see the hooks that are added later.
    with torch.no_grad():
        tiny_model.model(input_ids=batch.input_ids, **masks, use_cache=False)
    assert torch.equal(capture(tiny_model, batches), before)


def test_a_stored_snapshot_reads_back_as_it_was(
    tiny_model: nn.Module, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    batches = freeze_statements(tiny_tokenizer, STATEMENTS)
    options = {"steps": log_spaced_steps(4), "config": {"lr": 1e-3}, "layers": [1, 0]}
    recorder = Recorder.create(tmp_path / "run", tiny_model, tiny_tokenizer, STATEMENTS, **options)  # pyright: ignore
    assert recorder(tiny_model, 0)
    assert not recorder(tiny_model, 0)
    assert not recorder(tiny_model, 99)
    recorder.close()
    run = Run(tmp_path / "run")
    snapshot = run.snapshot(0)
    assert run.steps == [0]
    assert list(run.statements["id"]) == [one.id for one in STATEMENTS]
    assert run.info["batch_hash"] == snapshot.batch_hash == batches.hash == recorder.batches.hash
    assert (snapshot.step, snapshot.phase, snapshot.layers) == (0, "train", (1, 0))
    assert (
        snapshot.hook_names == (hook_name(1), hook_name(0)) == ("blocks.1.hook_resid_post", "blocks.0.hook_resid_post")
    )
    assert snapshot.positions == ("object", "last", "assistant")
    assert snapshot.weight_convention == "hf"
    assert snapshot.model == run.info["model"]["id"]
    assert run.info["model"]["d_model"] == 32
    assert torch.equal(snapshot.residual, capture(tiny_model, batches, layers=[1, 0]))
    assert torch.equal(snapshot.at(0, "last"), snapshot.residual[1, 1])
    part = run.snapshot(0, layers=[0])
    assert part.layers == (0,)
    assert part.hook_names == (hook_name(0),)
    assert torch.equal(part.at(0, "object"), snapshot.at(0, "object"))
    with pytest.raises(InputError, match=r"layer 2, position 'last': the snapshot has the layers \[1, 0\]"):
        snapshot.at(2, "last")
    with pytest.raises(InputError, match="expected some of"):
        run.snapshot(0, layers=[5])


def test_a_recorder_refuses_a_run_of_other_batches(
    tiny_model: nn.Module, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    Recorder.create(tmp_path / "run", tiny_model, tiny_tokenizer, STATEMENTS, steps=[]).close()  # pyright: ignore
    other = freeze_statements(tiny_tokenizer, STATEMENTS, batch_size=2)
    same = freeze_statements(tiny_tokenizer, STATEMENTS)
    with RunWriter.resume(tmp_path / "run") as writer:
        with pytest.raises(RunError, match="Use the same statements, prompt, tokenizer and batch size"):
            Recorder(writer, other, steps=[1])
        assert Recorder(writer, same, steps=[1])(tiny_model, 1)


def test_tokens_are_recorded_at_the_steps_of_the_statements(
    tiny_model: nn.Module, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    options = {"steps": [2, 5], "layers": [1, 0], "dtype": torch.float16, "documents": DOCUMENTS}
    with Recorder.create(tmp_path / "run", tiny_model, tiny_tokenizer, STATEMENTS, **options) as recorder:  # pyright: ignore
        taken = [recorder(tiny_model, step, "phase1") for step in (0, 0, 1, 2, 5)]
    assert taken == [True, False, False, True, True]
    run = Run(tmp_path / "run")
    assert run.token_steps == run.steps == [0, 2, 5]
    frozen = freeze_documents(tiny_tokenizer, DOCUMENTS)
    assert run.info["documents_hash"] == run.tokens(5).batch_hash == frozen.hash
    for name in ("id", "condition", "text", "sentences", "tokens"):
        assert run.documents[name].tolist() == [row[name] for row in frozen.rows]
    tokens, statements = run.tokens(2), run.snapshot(2)
    assert tokens.positions == (TOKEN,)
    for field in ("step", "phase", "layers", "hook_names", "weight_convention", "model"):
        assert getattr(tokens, field) == getattr(statements, field)
    expected = capture_tokens(tiny_model, frozen, layers=[1, 0], dtype=torch.float16)
    assert torch.equal(tokens.residual[:, 0], expected)
    assert torch.equal(run.tokens(2, layers=[0]).at(0, TOKEN), expected[1])
    assert expected.shape == (2, sum(len(row["tokens"]) for row in frozen.rows), 32)


def test_a_run_killed_between_tokens_and_statements_resumes_with_both_in_step(
    tiny_model: nn.Module, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    frozen = freeze_documents(tiny_tokenizer, DOCUMENTS)
    batches = freeze_statements(tiny_tokenizer, STATEMENTS)
    kinds = {"documents": frozen, "steps": [1, 2]}
    with Recorder.create(
        tmp_path / "run", tiny_model, tiny_tokenizer, STATEMENTS, steps=[1, 2], documents=DOCUMENTS
    ) as one:
        for step in (0, 1):
            one(tiny_model, step)
            one.writer.checkpoint(step, {"weight": torch.zeros(1)}, {})
        with monkeypatch.context() as patch:
            patch.setattr(RunWriter, "snapshot", killed)
            with pytest.raises(KeyboardInterrupt):
                one(tiny_model, 2)
    assert Run(tmp_path / "run").token_steps == [0, 1, 2]
    assert Run(tmp_path / "run").steps == [0, 1]
    with RunWriter.resume(tmp_path / "run") as writer:
        assert writer.token_steps == writer.snapshot_steps == [0, 1]
        again = Recorder(writer, batches, **kinds)  # pyright: ignore
        assert [again(tiny_model, step) for step in (0, 1, 2)] == [False, False, True]
    run = Run(tmp_path / "run")
    assert run.token_steps == run.steps == [0, 1, 2]
    assert torch.equal(run.tokens(2).residual[:, 0], capture_tokens(tiny_model, frozen))
    run.verify()


def test_a_recorder_refuses_a_run_of_other_documents(
    tiny_model: nn.Module, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    batches = freeze_statements(tiny_tokenizer, STATEMENTS)
    frozen = freeze_documents(tiny_tokenizer, DOCUMENTS)
    other = freeze_documents(tiny_tokenizer, {"positive_documents": DOCUMENTS["positive_documents"]})
    told = Recorder.create(tmp_path / "told", tiny_model, tiny_tokenizer, STATEMENTS, steps=[1], documents=DOCUMENTS)  # pyright: ignore
    with told:
        Recorder(told.writer, batches, steps=[1], documents=frozen)
        for wrong, name in ((other, f"the documents {other.hash[:12]}"), (None, "no documents")):
            with pytest.raises(RunError, match=f"told: was started for the documents {frozen.hash[:12]}, not {name}"):
                Recorder(told.writer, batches, steps=[1], documents=wrong)
    with Recorder.create(tmp_path / "bare", tiny_model, tiny_tokenizer, STATEMENTS, steps=[1]) as bare:  # pyright: ignore
        with pytest.raises(RunError, match=r"bare: was started for no documents, not .*Use the same documents"):
            Recorder(bare.writer, batches, steps=[1], documents=frozen)
        bare(tiny_model, 1)
    assert Run(tmp_path / "bare").token_steps == []
    assert Run(tmp_path / "bare").documents.empty


def test_documents_that_do_not_fit_the_model_are_refused(
    tiny_tokenizer: PreTrainedTokenizerFast, make_model: Callable
) -> None:
    frozen = freeze_documents(tiny_tokenizer, DOCUMENTS)
    with pytest.raises(InputError, match="the model's embedding has 20 rows"):
        capture_tokens(make_model(20), frozen)
    short = make_model(len(tiny_tokenizer))
    short.config.max_position_embeddings = 8
    with pytest.raises(InputError, match="a prompt or document has 13 tokens, the model takes 8"):
        capture_tokens(short, frozen)
    diverged = make_model(len(tiny_tokenizer))
    with torch.no_grad():
        diverged.model.embed_tokens.weight.fill_(float("nan"))
    with pytest.raises(InputError, match="not finite in torch"):
        capture_tokens(diverged, frozen)


def test_a_file_that_is_no_snapshot_is_named(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    with pytest.raises(RunError, match="no such snapshot"):
        Snapshot.load(tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"half")
    with pytest.raises(RunError, match=r"b\.safetensors: damaged"):
        Snapshot.load(tmp_path / "b.safetensors")
    save_file({"residual": torch.zeros(1, 1, 1, 1)}, tmp_path / "c.safetensors")
    with pytest.raises(RunError, match="its metadata lack 'layers'; give a file that nnmech wrote"):
        Snapshot.load(tmp_path / "c.safetensors")


def test_log_spaced_steps_are_the_papers() -> None:
    paper = [10, 20, 32, 47, 64, 85, 111, 141, 178, 223, 276, 341, 418, 512, 625]
    assert log_spaced_steps(625) == paper
    assert log_spaced_steps(6250) == pytest.approx([10 * step for step in paper], abs=5)
    for total in (1, 2, 7, 15, 40, 100, 10_000):
        for count in (1, 2, 5, 15, 40):
            steps = log_spaced_steps(total, count)
            assert steps == sorted(set(steps))
            assert steps[0] >= 1
            assert steps[-1] == total
            assert len(steps) <= count
    assert len(log_spaced_steps(10_000, 40)) == 40
    with pytest.raises(InputError, match="total=0"):
        log_spaced_steps(0)
