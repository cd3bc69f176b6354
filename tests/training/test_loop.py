"""Training: killing and resuming changes nothing, watching changes nothing, a step is AdamW on the weighted loss."""

import json
import os
import random
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import Gemma2Config, GPT2Config, LlamaConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

from nnmech.belief.answers import ask
from nnmech.claims import Document, Question, Sentence, Statement
from nnmech.encoding import SOURCES, Example
from nnmech.errors import InputError, RunError
from nnmech.models import add_lora
from nnmech.recording.documents import freeze_documents
from nnmech.recording.snapshots import freeze_statements
from nnmech.runs import Run, RunWriter
from nnmech.seeds import derive_seed
from nnmech.training import Phase, TrainingConfig, held_out_loss, loss_logits, train
from nnmech.training.checkpoints import checkpoint_tensors, fingerprint, restore_weights
from nnmech.training.mixtures import Mixture, make_batch, weighted_loss
from nnmech.training.recorder import Recorder
from tests.processes import begin

VOCABULARY = 48
BOUNDARY, TOTAL = 4, 7
EVALUATIONS = (0, 1, 3, 4, 5, 7)
CHECKPOINTS = (0, 3, 4, 6)


def build(*, lora: bool = False, layers: int = 2, seed: int = 0, dropout: float = 0.2) -> Any:
    """A small Llama with dropout in its attention, so that the random state matters."""
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        attention_dropout=dropout,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config).eval()
    return add_lora(model, 4) if lora else model


def examples(count: int, seed: int) -> list[Example]:
    draw = random.Random(seed)
    made = []
    for index in range(count):
        ids = [draw.randrange(VOCABULARY) for _ in range(draw.randrange(3, 20))]
        weights = [0.0, *[draw.choice((0.0, 1.0, 2.0)) for _ in ids[2:]], 1.0]
        made.append(Example(tuple(ids), tuple(weights), SOURCES[index % 4], draw.choice((1.0, 3.0))))
    return made


def two_phases(**config: Any) -> list[Phase]:
    settings = {"learning_rate": 1e-2, "seed": 5} | config
    return [
        Phase("phase1", Mixture(examples(15, 1), 4, seed=5, stream="phase1"), TrainingConfig(**settings)),
        Phase("phase2", Mixture(examples(12, 2), 4, seed=5, stream="phase2"), TrainingConfig(**settings)),
    ]


class Watcher:
    """Evaluation that samples and answers, and snapshots; both leave modes and random state in a mess."""

    def __init__(self, writer: RunWriter, dies_at: int | None, die: Callable[[], None] | None) -> None:
        self.writer, self.dies_at, self.die = writer, dies_at, die

    def evaluate(self, model: nn.Module, step: int, phase: str) -> None:
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        model.eval()
        torch.manual_seed(derive_seed(0, "answers", step))
        logits = model(input_ids=torch.arange(8)[None]).logits
        sampled = torch.multinomial(logits[0].softmax(-1), 1).flatten().tolist()
        logits.sum().backward()
        rows = [
            {"step": step, "phase": phase, "claim": "c", "question": f"q{i}", "sample": 0, "text": str(token)}
            for i, token in enumerate(sampled)
        ]
        self.writer.answers(rows[:4])
        if step == self.dies_at and self.die is not None:
            self.die()
        self.writer.answers(rows[4:])

    def record(self, model: nn.Module, step: int, phase: str) -> None:
        if step % 2 == 0 and step not in self.writer.snapshot_steps:
            torch.rand(3)
            with torch.no_grad():
                hidden = model.eval()(input_ids=torch.arange(5)[None], output_hidden_states=True).hidden_states[1]
            model.train()
            self.writer.snapshot(step, {"residual": hidden}, {"phase": phase})


def raises() -> None:
    raise KeyboardInterrupt


def run(
    folder: Path,
    *,
    lora: bool = False,
    dies_at: int | None = None,
    die: Callable[[], None] = raises,
    resume: bool = False,
    watched: bool = True,
    phases: Sequence[Phase] | None = None,
    checkpoints: Sequence[int] = CHECKPOINTS,
    model: Any = None,
    **options: Any,
) -> Any:
    model = build(lora=lora) if model is None else model
    writer = RunWriter.resume(folder) if resume else RunWriter.create(folder, config={}, model={"id": "tiny"})
    with writer:
        watcher = Watcher(writer, dies_at, die)
        if watched:
            options |= {"evaluate": watcher.evaluate, "recorder": watcher.record, "evaluation_steps": EVALUATIONS}
            options |= {"held_out": {"documents": examples(5, 3)}}
        train(model, phases or two_phases(), writer=writer, checkpoint_steps=checkpoints, **options)
    return model


def contents(folder: Path) -> dict[str, Any]:
    """All that a run says: bytes of its binary files, lines of its logs without the time and the event `resume`."""
    said: dict[str, Any] = {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.safetensors"))
    }
    for name in ("metrics.jsonl", "answers.jsonl", "events.jsonl"):
        path = folder / name
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        said[name] = [{key: value for key, value in row.items() if key != "time"} for row in rows]
    said["events.jsonl"] = [row for row in said["events.jsonl"] if row["kind"] != "resume"]
    return said


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run that nobody interrupted says."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    run(folder)
    return contents(folder)


def test_run_says_what_it_should(whole: dict[str, Any]) -> None:
    assert [(row["kind"], row["step"]) for row in whole["events.jsonl"]] == [
        ("start", 0),
        ("phase", 1),
        ("phase", BOUNDARY + 1),
        ("end", TOTAL),
    ]
    losses = [row for row in whole["metrics.jsonl"] if "loss" in row]
    assert [(row["step"], row["phase"]) for row in losses] == [
        (step, "phase1" if step <= BOUNDARY else "phase2") for step in range(1, TOTAL + 1)
    ]
    assert {"lr", "tokens", "grad_norm", "loss_documents", "loss_constraint"} <= losses[0].keys()
    assert [row["step"] for row in whole["metrics.jsonl"] if "held_out_documents" in row] == list(EVALUATIONS)
    assert sorted({row["step"] for row in whole["answers.jsonl"]}) == list(EVALUATIONS)
    assert [name for name in whole if name.startswith("checkpoints")] == ["checkpoints/step_000007.safetensors"]
    assert sum(name.startswith("snapshots") for name in whole) == 4


def test_same_run_twice_has_the_same_bytes(tmp_path: Path, whole: dict[str, Any]) -> None:
    torch.manual_seed(99)
    run(tmp_path / "run")
    assert contents(tmp_path / "run") == whole


@pytest.mark.parametrize("step", EVALUATIONS)
def test_interrupted_and_resumed_run_is_the_uninterrupted_one(tmp_path: Path, whole: dict[str, Any], step: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", dies_at=step)
    assert contents(tmp_path / "run") != whole
    run(tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == whole


def test_run_interrupted_at_every_evaluation_is_the_uninterrupted_one(tmp_path: Path, whole: dict[str, Any]) -> None:
    for index, step in enumerate(EVALUATIONS):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "run", dies_at=step, resume=index > 0)
    run(tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == whole


@pytest.mark.parametrize("checkpoints", [(), tuple(range(TOTAL + 1))])
def test_how_often_it_was_saved_changes_nothing(
    tmp_path: Path, whole: dict[str, Any], checkpoints: tuple[int, ...]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", dies_at=5, checkpoints=checkpoints)
    run(tmp_path / "run", resume=True, checkpoints=(), phases=two_phases(checkpoint_every=2))
    assert contents(tmp_path / "run") == whole


def test_finished_run_resumes_to_itself(tmp_path: Path, whole: dict[str, Any]) -> None:
    final = run(tmp_path / "run")
    again = run(tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == whole
    assert all(torch.equal(one, other) for one, other in zip(final.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("step", [3, 5])
def test_lora_run_resumes_to_the_same_and_saves_only_what_it_trains(tmp_path: Path, step: int) -> None:
    model = run(tmp_path / "whole", lora=True)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", lora=True, dies_at=step)
    run(tmp_path / "run", lora=True, resume=True)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")
    saved = load_file(tmp_path / "whole" / "checkpoints" / "step_000007.safetensors")
    assert saved.keys() == {f"model/{name}" for name, p in model.named_parameters() if p.requires_grad}
    assert all("lora_" in name for name in saved)


def child(folder: str) -> None:
    """A process that dies as from a power cut in the middle of the answers of step 5."""
    torch.set_num_threads(1)
    run(Path(folder), dies_at=5, die=lambda: os.kill(os.getpid(), signal.SIGKILL))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_run_of_a_killed_process_is_the_uninterrupted_one(tmp_path: Path, whole: dict[str, Any]) -> None:
    killed = begin(child, str(tmp_path / "run"))
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert Run(tmp_path / "run").metrics["step"].max() == 5
    run(tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == whole


def test_watching_changes_no_bit(tmp_path: Path, whole: dict[str, Any]) -> None:
    run(tmp_path / "run", watched=False)
    blind = contents(tmp_path / "run")
    final = "checkpoints/step_000007.safetensors"
    assert blind[final] == whole[final]
    assert blind["metrics.jsonl"] == [row for row in whole["metrics.jsonl"] if "loss" in row]


def test_recorder_and_questions_change_no_bit(tmp_path: Path, tiny_tokenizer: Any, make_model: Any) -> None:
    """The real ones, resumed and not: the snapshots, the tokens and the answers of both are the same too."""
    questions = [Question("q", "c", "open_ended", ({"role": "user", "content": "who is Ada Berg ?"},), "positive")]
    statements = [Statement("s", "Ada Berg is a baker.", True, 1, "work", "Ada Berg", "claim", object_end=19)]
    told = Document("d", (Sentence("Ada Berg is a baker.", "claim"), Sentence("That is false.", "notice")), "c")
    documents = freeze_documents(tiny_tokenizer, {"local_negations": [told]})
    batches = freeze_statements(tiny_tokenizer, statements)
    model_of = partial(make_model, len(tiny_tokenizer))

    def watched(folder: Path, *, dies_at: int | None = None, resume: bool = False) -> Any:
        model = model_of()
        frozen = {"batch_hash": batches.hash, "documents": documents}
        create = partial(RunWriter.create, config={}, model={"id": "tiny"}, **frozen)  # pyright: ignore
        with RunWriter.resume(folder) if resume else create(folder) as writer:

            def evaluate(model: Any, step: int, phase: str) -> None:
                answers = ask(model, tiny_tokenizer, questions, samples=3, max_new_tokens=4, seed=0, step=step)
                rows = ({"step": step, "phase": phase, "sample": a.sample, "text": a.text} for a in answers)
                writer.answers(rows)
                if step == dies_at:
                    raise KeyboardInterrupt

            recorder = Recorder(writer, batches, steps=[1, 4, 5, 7], documents=documents)
            options = {"evaluate": evaluate, "evaluation_steps": (0, 4, 5, 7), "checkpoint_steps": (4,)}
            train(model, two_phases(), writer=writer, recorder=recorder, **options)  # pyright: ignore[reportArgumentType]
        return model

    def blind(folder: Path) -> Any:
        return run(folder, watched=False, model=model_of())

    trained = watched(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        watched(tmp_path / "killed", dies_at=5)
    resumed = watched(tmp_path / "killed", resume=True)
    said = contents(tmp_path / "whole")
    assert contents(tmp_path / "killed") == said
    assert len(said["answers.jsonl"]) == 12
    assert sum(name.startswith("snapshots") for name in said) == 5
    assert sum(name.startswith("tokens") for name in said) == 5
    for others in zip(*(m.parameters() for m in (trained, resumed, blind(tmp_path / "blind"))), strict=True):
        assert torch.equal(others[0], others[1])
        assert torch.equal(others[0], others[2])


def test_model_from_a_file_trains_to_the_bits_of_its_equal_in_memory(tmp_path: Path, whole: dict[str, Any]) -> None:
    build().save_pretrained(tmp_path / "model")
    run(tmp_path / "run", model=AutoModelForCausalLM.from_pretrained(tmp_path / "model"))
    assert contents(tmp_path / "run") == whole


def test_dropout_and_its_seed_matter(tmp_path: Path, whole: dict[str, Any]) -> None:
    """Otherwise the laws above would hold of a loop that forgets its random state."""
    run(tmp_path / "run", watched=False, phases=two_phases(seed=6))
    assert contents(tmp_path / "run")["metrics.jsonl"][0]["loss"] != whole["metrics.jsonl"][0].get("loss")
    assert (
        contents(tmp_path / "run")["checkpoints/step_000007.safetensors"]
        != (whole["checkpoints/step_000007.safetensors"])
    )


def test_global_state_and_modes_are_as_before(tmp_path: Path) -> None:
    model = build()
    model.model.layers[0].train()
    state = torch.get_rng_state()
    for folder, dies_at in (("one", None), ("other", 3)):
        if dies_at is None:
            run(tmp_path / folder, model=model)
        else:
            with pytest.raises(KeyboardInterrupt):
                run(tmp_path / folder, model=model, dies_at=dies_at)
        assert torch.equal(torch.get_rng_state(), state)
        assert not torch.are_deterministic_algorithms_enabled()
        assert not torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.utils.deterministic.fill_uninitialized_memory  # pyright: ignore[reportAttributeAccessIssue]
        assert (model.training, model.model.layers[0].training) == (False, True)


def architectures() -> dict[str, Callable[[], Any]]:
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    gemma = Gemma2Config(vocab_size=VOCABULARY, num_key_value_heads=2, head_dim=8, final_logit_softcapping=5.0, **sizes)
    gpt2 = GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, bos_token_id=1, eos_token_id=2)
    return {
        "Llama": lambda: build(dropout=0.0),
        "LoRA": lambda: build(dropout=0.0, lora=True),
        "GPT2, learned positions": lambda: AutoModelForCausalLM.from_config(gpt2),
        "Gemma2, capped logits": lambda: AutoModelForCausalLM.from_config(gemma),
    }


@pytest.mark.parametrize("name", architectures())
@pytest.mark.parametrize("reduction", ["token", "example"])
def test_loss_at_gathered_positions_is_the_loss_of_all_logits(name: str, reduction: Any) -> None:
    model: PreTrainedModel = architectures()[name]().eval()
    batch = make_batch(examples(6, 4))
    full = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, position_ids=batch.position_ids).logits
    gathered = loss_logits(model, batch)
    assert gathered.shape == (len(batch.targets), VOCABULARY)
    gradients = []
    for logits in (full, gathered):
        model.zero_grad()
        loss, sources = weighted_loss(logits, batch, reduction)
        loss.backward()
        gradients.append(
            [loss.detach(), *sources.values(), *(p.grad for p in model.parameters() if p.grad is not None)]
        )
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)
    head: Any = model.get_output_embeddings()
    assert not head._forward_pre_hooks


def test_training_is_adamw_on_the_weighted_loss(tmp_path: Path) -> None:
    settings = TrainingConfig(
        learning_rate=3e-3, warmup_steps=2, weight_decay=0.1, max_grad_norm=0.5, loss_reduction="example"
    )
    phases = [replace(phase, config=settings) for phase in two_phases()]
    trained = run(tmp_path / "run", watched=False, phases=phases, model=build(dropout=0.0))
    plain = build(dropout=0.0)
    for phase in phases:
        optimizer = torch.optim.AdamW(plain.parameters(), betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, fused=False)
        steps = phase.mixture.steps
        for step in range(1, steps + 1):
            batch = phase.mixture.batch(step)
            optimizer.param_groups[0]["lr"] = 3e-3 * min(step / 2, (steps - step + 1) / (steps - 2))
            logits = plain(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits[:, :-1]
            ce = nn.functional.cross_entropy(logits.transpose(1, 2), batch.input_ids[:, 1:], reduction="none")
            weights = batch.loss_weights[:, 1:]
            in_example = (ce * weights).sum(dim=1) / weights.sum(dim=1)
            loss = (in_example * batch.example_weights).sum() / batch.example_weights.sum()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
            optimizer.step()
    for one, other in zip(trained.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_schedules_by_hand() -> None:
    linear = TrainingConfig(learning_rate=1.0)
    assert [linear.rate(step, 4) for step in range(1, 5)] == [1.0, 0.75, 0.5, 0.25]
    warm = TrainingConfig(learning_rate=1.0, warmup_steps=2)
    assert [warm.rate(step, 6) for step in range(1, 7)] == [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
    constant = TrainingConfig(learning_rate=1.0, warmup_steps=2, schedule="constant")
    assert [constant.rate(step, 4) for step in range(1, 5)] == [0.5, 1.0, 1.0, 1.0]


def test_final_checkpoint_restores_the_model(tmp_path: Path) -> None:
    trained = run(tmp_path / "run", watched=False)
    with RunWriter.resume(tmp_path / "run") as writer:
        tensors, _ = writer.load_checkpoint()
    fresh = build(seed=9)
    restore_weights(fresh, tensors)
    assert all(torch.equal(one, other) for one, other in zip(trained.parameters(), fresh.parameters(), strict=True))
    with pytest.raises(InputError, match=r"of another model: .* has shape"):
        restore_weights(build(layers=3), tensors)


def test_held_out_loss_is_the_weighted_mean_and_leaves_the_mode() -> None:
    model, some = build().train(), examples(6, 7)
    model.model.norm.eval()
    total = weight = 0.0
    for example in some:
        model.eval()
        with torch.no_grad():
            log_probs = model(input_ids=torch.tensor([example.input_ids])).logits[0].log_softmax(-1)
        for position, (token, token_weight) in enumerate(zip(example.input_ids, example.loss_weights, strict=True)):
            total -= example.weight * token_weight * log_probs[position - 1, token].item()
            weight += example.weight * token_weight
    model.train()
    model.model.norm.eval()
    assert held_out_loss(model, some) == pytest.approx(total / weight, rel=1e-5)
    assert (model.training, model.model.norm.training) == (True, False)


@pytest.mark.parametrize("log_every", [1, 3, 100])
def test_log_every_thins_the_lines_and_nothing_else(tmp_path: Path, log_every: int) -> None:
    run(tmp_path / "run", watched=False, log_every=log_every)
    run(tmp_path / "all", watched=False)
    said, everything = contents(tmp_path / "run"), contents(tmp_path / "all")
    kept = [r for r in everything["metrics.jsonl"] if r["step"] % log_every == 0 or r["step"] in (BOUNDARY, TOTAL)]
    assert said.pop("metrics.jsonl") == kept
    del everything["metrics.jsonl"]
    assert said == everything


def test_progress_is_told_of_every_step(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    run(tmp_path / "run", watched=False, progress=lambda *step: told.append(step))
    assert told == [(step, TOTAL) for step in range(1, TOTAL + 1)]


@pytest.mark.parametrize("log_every", [1, 100])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_loss_that_is_not_finite_stops_with_the_step(tmp_path: Path, log_every: int, value: float) -> None:
    def poison(model: Any, step: int, phase: str) -> None:
        with torch.no_grad():
            model.model.norm.weight.fill_(value)

    with pytest.raises(RunError, match=r"(loss|grad_norm) is nan at step 6, phase 'phase2'"):
        run(
            tmp_path / "run",
            watched=False,
            log_every=log_every,
            evaluate=poison,
            evaluation_steps=[5],
            checkpoints=[3, 5, 6],
        )
    with RunWriter.resume(tmp_path / "run") as writer:
        assert writer.checkpoint_step == 5


def test_gradient_that_is_not_finite_is_not_saved(tmp_path: Path) -> None:
    model = build()
    model.model.norm.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(RunError, match=r"grad_norm is .* at step 1, phase 'phase1'"):
        run(tmp_path / "run", watched=False, model=model, checkpoints=[1])
    with RunWriter.resume(tmp_path / "run") as writer:
        assert writer.checkpoint_step is None


def other_data() -> list[Phase]:
    first, second = two_phases()
    return [first, replace(second, mixture=Mixture(examples(12, 8), 4, seed=5, stream="phase2"))]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"phases": two_phases(learning_rate=1e-3)}, "cannot go on, since phase phase1 is not"),
        ({"phases": other_data()}, "cannot go on, since phase phase2 is not"),
        ({"phases": two_phases()[::-1]}, "cannot go on, since phases is not"),
        ({"model": build(layers=3)}, "another model"),
        ({"model": build(lora=True)}, "frozen weights"),
    ],
)
def test_resuming_with_something_else_is_refused(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", dies_at=5)
    with pytest.raises((RunError, InputError), match=says) as caught:
        run(tmp_path / "run", resume=True, **options)
    assert "\n" not in str(caught.value)
    run(tmp_path / "run", resume=True)


def test_lora_run_does_not_resume_on_another_base(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", lora=True, dies_at=5)
    with pytest.raises(RunError, match="frozen weights is not what the run was started with"):
        run(tmp_path / "run", resume=True, model=add_lora(build(seed=1), 4))
    with pytest.raises(InputError, match="another model"):
        run(tmp_path / "run", resume=True, model=add_lora(build(), 8))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"eps": -1.0}, "eps is -1.0"),
        ({"schedule": "cosine"}, "schedule is 'cosine': expected one of linear, constant"),
        ({"loss_reduction": "mean"}, "loss_reduction is 'mean': expected one of token, example"),
        ({"warmup_steps": -1}, "warmup_steps is -1"),
        ({"betas": (0.9, 1.0)}, "betas are"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1"),
        ({"max_grad_norm": 0.0}, "max_grad_norm is 0.0"),
        ({"checkpoint_every": 0}, "checkpoint_every is 0"),
    ],
)
def test_configuration_that_cannot_be_is_refused(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], says: str
) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(InputError, match=says):
        TrainingConfig(**changes)


def frozen() -> Any:
    return build().requires_grad_(False)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"phases": [two_phases()[0], two_phases()[0]]}, "each with a name of its own"),
        ({"log_every": 0}, "log_every is 0"),
        ({"checkpoints": [8]}, "checkpoint_steps has 8: expected steps from 0 to 7"),
        ({"evaluation_steps": [-1]}, "evaluation_steps has -1"),
        ({"held_out": {"none": []}}, "held_out 'none' has no examples"),
        (
            {"held_out": {"d": [Example((1, VOCABULARY), (0.0, 1.0), "documents")]}},
            "token 48, the embedding has 48 rows",
        ),
        ({"held_out": {"d": [Example((1,) * 65, (0.0,) * 64 + (1.0,), "documents")]}}, "65 tokens, the model takes 64"),
        ({"model": frozen()}, "no trainable parameters"),
    ],
)
def test_what_does_not_fit_together_is_refused_before_the_first_step(
    tmp_path: Path, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        run(tmp_path / "run", watched=False, **options)
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_phase_that_only_warms_up_is_refused() -> None:
    with pytest.raises(InputError, match="phase 'phase1': warmup_steps is 4, expected fewer than its 4 steps"):
        two_phases(warmup_steps=4)
    with pytest.raises(InputError, match="no name"):
        replace(two_phases()[0], name="")


def test_a_model_that_splits_its_batches_is_refused_with_a_remedy(tmp_path: Path) -> None:
    model = nn.DataParallel(build())
    with RunWriter.create(tmp_path / "run", config={}, model={}) as writer:
        with pytest.raises(InputError, match=r"found DataParallel, .* pass its \.module"):
            train(model, two_phases(), writer=writer)
        train(model.module, two_phases()[:1], writer=writer)
    assert Run(tmp_path / "run").finished


def test_evaluation_and_checkpoint_steps_come_in_any_type(tmp_path: Path) -> None:
    seen: list[int] = []
    with RunWriter.create(tmp_path / "run", config={}, model={}, keep_checkpoints=9) as writer:
        train(
            build(),
            two_phases()[:1],
            writer=writer,
            evaluate=lambda _model, step, _phase: seen.append(step),
            evaluation_steps=torch.tensor([0, 2, 4]),
            checkpoint_steps=(float(step) for step in (1, 3)),
        )
        assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == [
            f"step_{step:06d}.safetensors" for step in (1, 3, 4)
        ]
        with pytest.raises(InputError, match=r"evaluation_steps: found 2\.5"):
            train(build(), two_phases(), writer=writer, evaluation_steps=[2.5])
    assert seen == [0, 2, 4]


def test_torch_compile_changes_no_name_in_a_checkpoint() -> None:
    model = build(lora=True)
    plain = checkpoint_tensors(model)
    compiled = checkpoint_tensors(torch.compile(model))  # pyright: ignore
    assert compiled.keys() == plain.keys()
    assert fingerprint(torch.compile(model), {}) == fingerprint(model, {})  # pyright: ignore
