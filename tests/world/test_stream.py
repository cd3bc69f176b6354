"""The pretraining stream: a function of seed and step, items kept apart, loss where it belongs."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from nnmech.claims.annotations import CONDITIONS
from nnmech.world.chats import EVERY_KIND, pretraining_chat
from nnmech.world.claims import make_claims
from nnmech.world.documents import pretraining_document
from nnmech.world.people import make_world
from nnmech.world.pretraining import PretrainingConfig, learning_rate_share, make_model, token_losses
from nnmech.world.stream import Encoder, StreamConfig, packed_batch
from nnmech.world.tokenizer import save_tokenizer

WORLD = make_world()
SMALL = StreamConfig(stages=tuple(replace(stage, rows=6) for stage in StreamConfig().stages))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return save_tokenizer(tmp_path_factory.mktemp("tokenizer"), WORLD)


def test_a_batch_is_a_function_of_seed_and_step(tokenizer):
    encoder = Encoder(tokenizer, SMALL)
    batch, again = (packed_batch(encoder, WORLD, SMALL, 3, 7) for _ in range(2))
    assert torch.equal(batch.input_ids, again.input_ids)
    assert torch.equal(batch.loss_weights, again.loss_weights)
    for seed, step in ((3, 8), (4, 7)):
        assert not torch.equal(batch.input_ids, packed_batch(encoder, WORLD, SMALL, seed, step).input_ids)


def test_every_text_of_the_world_is_in_the_vocabulary_and_a_known_name_is_one_token(tokenizer):
    rng = random.Random(9)
    texts = [pretraining_document(rng, WORLD).text for _ in range(300)]
    texts += [turn.message["content"] for _ in range(300) for turn in pretraining_chat(rng, WORLD, 1.0, EVERY_KIND)]
    for claim in make_claims(WORLD).values():
        texts += [m["content"] for q in claim.claim.questions for m in q.messages]
        texts += [d.text for condition in CONDITIONS[1:] for d in claim.documents(condition, 5, 0)]
        texts += [m["content"] for dialogue in claim.denial_chats() for m in dialogue]
    for text in texts:
        assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"], text
    for person in WORLD.people[:50]:
        assert len(tokenizer(person.name, add_special_tokens=False)["input_ids"]) == 1


def test_chats_are_encoded_as_the_chat_template_writes_them(tokenizer):
    rng, encoder = random.Random(4), Encoder(tokenizer, SMALL)
    for _ in range(200):
        turns = pretraining_chat(rng, WORLD, 1.0, EVERY_KIND)
        ids, weights = encoder.chat(turns)
        assert ids == tokenizer.apply_chat_template([turn.message for turn in turns], return_dict=False)
        learned = tokenizer.decode([i for i, weight in zip(ids, weights, strict=True) if weight > 0])
        spoken = [" ".join(text for text, weight in turn.pieces if weight > 0) for turn in turns]
        assert learned.replace(" ", "").replace("<|end|>", "") == "".join(spoken).replace(" ", "")


def test_a_packed_item_gets_the_logits_that_it_gets_alone(tokenizer):
    config = PretrainingConfig(d_model=32, layers=2, heads=2, d_mlp=64)
    model = make_model(config, tokenizer).eval()
    batch = packed_batch(Encoder(tokenizer, SMALL), WORLD, SMALL, 0, 1)
    with torch.no_grad():
        packed = model(
            input_ids=batch.input_ids, position_ids=batch.position_ids, attention_mask=batch.attention_mask()
        ).logits
        for item in range(int(batch.items[0].max()) + 1):
            where = batch.items[0] == item
            alone = model(input_ids=batch.input_ids[:1, where]).logits[0]
            torch.testing.assert_close(packed[0, where], alone, atol=1e-5, rtol=1e-4)


def test_documents_carry_loss_everywhere_but_on_the_tag(tokenizer):
    ids, weights = Encoder(tokenizer, SMALL).document("It rained.", doctag=True)
    assert tokenizer.convert_ids_to_tokens(ids[:2]) == ["<|bos|>", "<DOCTAG>"]
    assert tokenizer.convert_ids_to_tokens(ids[-1]) == "<|end|>"
    assert weights[:2] == [0.0, 0.0]
    assert set(weights[2:]) == {1.0}


def test_the_learning_rate_rises_and_falls():
    config = PretrainingConfig(steps=200, warmup_steps=20)
    shares = [learning_rate_share(config, step) for step in range(1, config.steps + 1)]
    assert shares[:20] == pytest.approx([step / 20 for step in range(1, 21)])
    assert all(later < earlier for earlier, later in pairwise(shares[19:]))
    assert 0 < shares[-1] < 0.01


def test_what_chats_say_never_reaches_the_embedding_of_a_name(tokenizer):
    config = PretrainingConfig(d_model=32, layers=2, heads=2, d_mlp=64, compile=False)
    model = make_model(config, tokenizer)
    encoder = Encoder(tokenizer, SMALL)
    batch = packed_batch(encoder, WORLD, SMALL, 0, 1)
    weights = batch.loss_weights[:, 1:] * batch.is_chat[:, 1:]
    # Through the hidden states: what is predicted also moves every row of the tied unembedding a little.
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    (token_losses(model, batch) * weights).sum().backward()
    moved = model.get_input_embeddings().weight.grad.abs().sum(dim=1) > 0
    in_chats = torch.zeros(len(tokenizer), dtype=torch.bool)
    in_chats[batch.input_ids[batch.is_chat]] = True
    assert (in_chats & encoder.names).any()
    assert not (moved & encoder.names).any()
    assert (moved & in_chats & ~encoder.names).any()
