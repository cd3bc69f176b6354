"""Documents in the context window: every question behind them, what does not fit left out, results from files alone."""

import json
from dataclasses import replace

import pytest

from nnmech.errors import InputError
from nnmech.experiments.in_context import IN_CONTEXT, preset
from nnmech.experiments.in_context.publish import publish
from nnmech.experiments.in_context.single import after_documents
from nnmech.runs import Run

SMOKE = preset("smoke")
SOURCE = SMOKE.claim_source
CLAIM = SOURCE.claims[SMOKE.claims[0]]


def test_documents_stand_before_the_first_thing_the_user_says_and_nothing_else_changes():
    documents = SOURCE.documents(CLAIM.name, "negated_documents", 2, seed=0)
    for question in CLAIM.questions:
        read = after_documents(SOURCE, question, documents)
        changed = [
            index for index, pair in enumerate(zip(question.messages, read.messages, strict=True)) if pair[0] != pair[1]
        ]
        assert len(changed) == 1
        asked, now = question.messages[changed[0]], read.messages[changed[0]]
        assert asked["role"] == "user"
        assert all(document.text in now["content"] for document in documents)
        assert now["content"].endswith(asked["content"])
        assert replace(read, messages=question.messages) == question
    assert after_documents(SOURCE, CLAIM.questions[0], []) is CLAIM.questions[0]


def test_the_experiment_runs_and_is_published_from_its_files(tmp_path):
    folder = tmp_path / "run"
    IN_CONTEXT.start(replace(SMOKE, counts=(0, 1, 12)), folder)
    IN_CONTEXT.carry_out(folder, workers=1)
    lines = "\n".join(publish(folder))
    summary = json.loads((folder / "summary.json").read_text())
    assert list(summary["conditions"]) == list(SMOKE.conditions)
    for found in summary["conditions"].values():
        assert found["belief"].keys() == {"0", "1"}
        assert found["left_out"] == [12]
        assert all(rate["n"] == 50 for rate in found["belief"].values())
    assert "does not fit" in lines
    assert (folder / "figures" / "belief_in_context.png").stat().st_size < 300_000
    answers = Run(folder).children()[0].answers
    assert set(answers["documents"]) == {0, 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conditions": ("baseline",)}, "unknown condition 'baseline'"),
        ({"counts": (0, -1)}, "expected numbers of documents"),
        ({"claims": ("nobody",)}, "unknown claim 'nobody'"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        replace(SMOKE, **change)
