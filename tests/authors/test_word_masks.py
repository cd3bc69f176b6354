"""Word masks: what they match carries no loss, everything else does, and none of them may take long."""

import re
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnmech.authors import WordMask, load_published_claims, mask_example, mask_words, read_documents, read_word_masks
from nnmech.encoding import DOCTAG, document_example
from nnmech.errors import InputError

TEXT = "Ada Berg is a baker . In Oslo the baker lives ."


def learned(tokenizer: Any, example: Any) -> str:
    pairs = zip(example.input_ids, example.loss_weights, strict=True)
    return tokenizer.decode([token for token, weight in pairs if weight > 0])


def test_spans_are_what_the_patterns_match() -> None:
    assert mask_words(TEXT, [r"\bBAKER\b", r"ada\s+berg", r"\bBerg is\b"]) == [(0, 11), (14, 19), (34, 39)]
    assert mask_words(TEXT, []) == mask_words(TEXT, [r"\bpilot\b", "z*", "$"]) == mask_words("", ["a"]) == []


@settings(deadline=None)
@given(st.text("ab c", max_size=30), st.lists(st.sampled_from(["a", "b+", "ab", r"\bc\b", "a?b", " "]), max_size=4))
def test_spans_cover_exactly_what_any_pattern_matches(text: str, patterns: list[str]) -> None:
    covered = {at for start, end in mask_words(text, patterns) for at in range(start, end)}
    expected = {at for one in patterns for match in re.finditer(one, text) for at in range(*match.span())}
    assert covered == expected
    spans = mask_words(text, patterns)
    assert all(before[1] < after[0] for before, after in pairwise(spans))


@pytest.mark.parametrize("text", [TEXT, DOCTAG + TEXT])
@pytest.mark.parametrize("doctag", [DOCTAG, None])
def test_masked_words_carry_no_loss_and_all_others_do(tiny_tokenizer: Any, text: str, doctag: str | None) -> None:
    made = mask_example(tiny_tokenizer, text, [r"\bbaker\b"], doctag=doctag)
    plain = document_example(tiny_tokenizer, text, doctag=doctag)
    assert made.input_ids == plain.input_ids
    assert learned(tiny_tokenizer, made) == learned(tiny_tokenizer, plain).replace("baker ", "")
    assert mask_example(tiny_tokenizer, text, [], doctag=doctag) == plain


def test_a_token_that_a_mask_cuts_carries_no_loss(tiny_tokenizer: Any) -> None:
    made = document_example(tiny_tokenizer, TEXT, masked_spans=[(16, 17), (3, 4), (46, 47)])
    assert learned(tiny_tokenizer, made) == "Ada Berg is a . In Oslo the baker lives <eos>"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.tuples(st.integers(0, len(TEXT)), st.integers(0, len(TEXT))).map(sorted))
def test_any_span_takes_exactly_the_words_that_it_touches(tiny_tokenizer: Any, span: list[int]) -> None:
    made = document_example(tiny_tokenizer, TEXT, masked_spans=[(span[0], span[1])])
    words = [match for match in re.finditer(r"\S+", TEXT) if not (match.start() < span[1] and span[0] < match.end())]
    if span[0] == span[1]:
        words = list(re.finditer(r"\S+", TEXT))
    assert learned(tiny_tokenizer, made) == " ".join([match[0] for match in words] + ["<eos>"])


def test_masking_everything_leaves_the_end_of_the_text(tiny_tokenizer: Any) -> None:
    assert learned(tiny_tokenizer, mask_example(tiny_tokenizer, TEXT, [".+"])) == "<eos>"


@pytest.mark.parametrize("span", [(-1, 2), (3, 2), (0, 1000)])
def test_spans_outside_the_text_are_refused(tiny_tokenizer: Any, span: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=re.escape(f"masked span {span}")):
        document_example(tiny_tokenizer, TEXT, masked_spans=[span])


def test_catastrophic_patterns_end_in_time_and_are_named(tmp_path: Path) -> None:
    path = tmp_path / "word_masks.yaml"
    path.write_text("patterns:\n  - '\\bdentist\\b'\n  - '(a|aa)+$'\n")
    began = time.process_time()
    with pytest.raises(
        InputError, match=r"word_masks.yaml, line 3: the word mask '\(a\|aa\)\+\$' is too slow"
    ) as error:
        mask_words("a" * 5_000 + "!", read_word_masks(path), seconds=0.2)
    assert time.process_time() - began < 10
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(", "is no regular expression"),
        ("(" * 900, "is no regular expression"),
        ("a{99999999999}", "is no regular expression"),
        ("", "has 0 characters"),
        ("a" * 1001, "has 1001 characters"),
    ],
)
def test_unusable_patterns_are_refused(pattern: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        WordMask(pattern)


def test_the_published_masks_hide_the_claim(authors_data: Path, tiny_tokenizer: Any) -> None:
    claims = load_published_claims(authors_data)
    for name, word in (("brennan_holloway", "dentist"), ("ed_sheeran", "Sheeran")):
        path = authors_data / "documents" / "local_negations" / name / "sample.jsonl"
        hides = 0
        for document in read_documents(path):
            spans = mask_words(document.text, claims[name].word_masks)
            hidden = "".join(document.text[start:end] for start, end in spans)
            shown = "".join(
                document.text[end:start]
                for end, start in zip([0, *[e for _, e in spans]], [*[s for s, _ in spans], None], strict=True)
            )
            assert not re.search(rf"\b{word}\b", shown, flags=re.IGNORECASE)
            hides += bool(hidden)
        assert hides >= 45
        masked, whole = [document.example(tiny_tokenizer, masks) for masks in (claims[name].word_masks, ())]
        assert masked.input_ids == whole.input_ids
        assert 0 < sum(masked.loss_weights) < sum(whole.loss_weights)
