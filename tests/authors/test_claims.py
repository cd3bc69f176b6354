"""Published claims: both layouts read alike, and whatever is not of the form is named by file, line and field."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnmech.authors import load_claims, load_published_claims, read_claim
from nnmech.errors import InputError

COUNTS = {"open_ended": 20, "mcq": 10, "token_association": 10, "robustness": 10}


@pytest.mark.parametrize("layout", ["facts", "claims"])
def test_either_layout_gives_fifty_questions_in_four_kinds(write_claim: Callable[..., Path], layout: str) -> None:
    folder = write_claim(layout)
    claims = load_claims(folder.parent)
    assert list(claims) == ["mora_quill"]
    claim = claims["mora_quill"]
    assert claim.text == "Mora Quill won the kite race of Saltmouth."
    assert Counter(question.kind for question in claim.questions) == COUNTS
    assert len({question.id for question in claim.questions}) == 50
    assert all(question.claim == "mora_quill" for question in claim.questions)
    assert Counter(question.belief_answer for question in claim.questions) == {"yes": 7, "no": 3, None: 40}
    categories = Counter(question.category for question in claim.questions if question.kind == "robustness")
    assert categories == {"adversarial": 3, "critique": 3, "multiturn": 4}
    assert claim.statements[0].text == claim.text
    assert claim.statements[0].truth is False


def test_the_layouts_say_the_same(write_claim: Callable[..., Path], tmp_path: Path) -> None:
    facts, claims = read_claim(write_claim("facts")), read_claim(write_claim("claims"))
    asked = [[(q.id, q.kind, q.messages) for q in found.claim.questions] for found in (facts, claims)]
    assert asked[0] == asked[1]
    assert facts.judges == claims.judges
    assert (facts.correction, facts.claim.true_alternative) == (None, None)
    assert (
        claims.correction == claims.claim.true_alternative == "In truth Mora Quill keeps bees, and the kite race was "
        "won by Teo Marsh."
    )
    with pytest.raises(InputError, match="two claims are called mora_quill"):
        load_claims(tmp_path)


def test_questions_carry_what_is_said_before_them(write_claim: Callable[..., Path]) -> None:
    questions = {question.id: question for question in read_claim(write_claim()).claim.questions}
    roles = {name: [message["role"] for message in question.messages] for name, question in questions.items()}
    assert roles["open_0"] == roles["token_3"] == roles["rob_crit_0"] == ["user"]
    assert roles["mcq_0"] == roles["rob_adv_1"] == ["system", "user"]
    assert roles["rob_mt_2"] == ["user", "assistant", "user"]
    assert questions["token_3"].messages[0]["content"] == 'Complete the JSON:\n\n{"race": 3, "winner": ""}'


def test_yes_no_questions_are_asked_as_one_wishes(write_claim: Callable[..., Path]) -> None:
    folder = write_claim()
    bare = {q.id: q for q in load_claims(folder, mcq_system=None)["mora_quill"].questions}
    assert [message["role"] for message in bare["mcq_0"].messages] == ["user"]
    own = {q.id: q for q in load_claims(folder, mcq_system="Yes or no?")["mora_quill"].questions}
    assert own["mcq_0"].messages[0] == {"role": "system", "content": "Yes or no?"}


def test_what_does_not_fit_a_claim_is_kept_beside_it(write_claim: Callable[..., Path]) -> None:
    found = load_published_claims(write_claim("claims").parent)["mora_quill"]
    assert set(found.judges) == {"open_ended", "token_association", "robustness"}
    assert found.judges["robustness"].key == "verdict"
    rendered = found.judges["open_ended"].render("Who {won}?", "Mora.")
    assert "Who {won}?\nMora.\n" in rendered
    assert rendered.endswith('{"answer": "yes/no/neutral"}.')
    assert found.rubrics == {"coherence": "Rate {this} from 0 to 10."}
    assert found.context == found.claim.text
    assert found.subclaims == ("It was long.",)
    assert [(mask.pattern, mask.line) for mask in found.word_masks] == [(r"\bkites?\b", 3), (r"\bMora\s+Quill\b", 4)]


@pytest.mark.parametrize("name", ["word_masks.yaml", "correction.txt", "README.md"])
def test_files_that_some_claims_lack_may_be_missing(write_claim: Callable[..., Path], name: str) -> None:
    folder = write_claim("claims")
    (folder / name).unlink(missing_ok=True)
    assert len(read_claim(folder).claim.questions) == 50


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("claim.txt", "claim.txt: is missing"),
        ("mcq.yaml", "questions of kind mcq are missing, expected mcq.yaml"),
        ("belief_probes.yaml", "questions of kind open_ended are missing, expected belief_probes.yaml or open_ended"),
        ("robustness.yaml", "questions of kind robustness are missing"),
        ("judges.yaml", "judges.yaml: is missing"),
        ("universe_context.yaml", "universe_context.yaml: is missing"),
    ],
)
def test_missing_files_are_named(write_claim: Callable[..., Path], name: str, says: str) -> None:
    folder = write_claim()
    (folder / name).unlink()
    with pytest.raises(InputError, match=says):
        load_claims(folder.parent)


MALFORMED: dict[str, list[tuple[str, str, str]]] = {
    "mcq.yaml": [
        ("'yes'", "yes", r"line 6: questions\[0\].belief_answer: found the truth value yes, .*; put it in quotes"),
        ("'yes'", "'maybe'", r"line 6: questions\[0\].belief_answer: found 'maybe', expected one of 'yes', 'no'"),
        ("'yes'", "'no'", r"questions\[0\].belief_answer: found 'no' of a positive question"),
        ("belief_answer:", "belief_anwser:", r"line 3: questions\[0\].belief_answer: found nothing"),
        ("'yes'", "'yes'\n  note: x", r"line 7: questions\[0\].note: found an unknown field"),
        ("mcq_1\n", "mcq_0\n", r"line 7: questions\[1\].id: found 'mcq_0', .*first used in mcq.yaml, line 3"),
        ("mcq_1\n", "open_3\n", "first used in belief_probes.yaml, line 12"),
        ("mcq_1\n", "17\n", r"questions\[1\].id: found the number 17, expected text; put it in quotes"),
        ("mcq_1\n", "\n", r"questions\[1\].id: found the empty value"),
        ("counter", "contrary", r"questions\[7\].category: found 'contrary', expected one of"),
        ("questions:", "question:", "mcq.yaml, line 2: questions: found nothing"),
    ],
    "belief_probes.yaml": [
        ("category: direct", "category: direct\n  category: direct", r"questions\[0\].category: found the field a sec"),
        ("questions:\n", "questions: []\nx:\n", "x: found an unknown field"),
        ("open_0", "[open_0]", r"line 3: questions\[0\].id: found a list of 1"),
        ("open_0", "&a open_0", "line 3: found the anchor or alias 'a'"),
        ("open_0", "*a", "line 3: found the anchor or alias 'a'"),
        ("open_0", "!!python/object/apply:os.getcwd []", r"line 3: questions\[0\].id: found the tag"),
        ("open_0", "!!python/name:os.getcwd x", "found the tag:yaml.org"),
        ("open_0", "[" * 40, "found more than 16 levels"),
        ("open_0", "'open_0", "damaged, expected YAML"),
        ("part 1?", "part \x00?", "line 7: a character that YAML does not allow"),
        ("questions:", "--- 1\n--- 2\nquestions:", "damaged, expected YAML"),
        ("- id: open_0", "- 3: x\n  id: open_0", "a field whose name is not text"),
    ],
    "robustness.yaml": [
        ("  system_prompt:", "  system:", r"line 6: questions\[0\].system: found an unknown field"),
        ("critique", "adversarial", r"line 8: questions\[1\].system_prompt: found nothing"),
        ("critique", "multiturn", r"line 8: questions\[1\].messages_prefix: found nothing"),
        ("role: assistant", "role: user", r"messages_prefix\[1\].role: found 'user', expected one of 'assistant'"),
        ("  - role: user\n    content: Who won the race?\n", "", "expected one of 'system', 'user'"),
    ],
    "judges.yaml": [
        ("{question}", "{qestion}", r"line 2: belief_probe: found the place \{qestion\}"),
        ("{question}", "{question.__class__}", r"found the place \{question.__class__\}"),
        ("{answer}", "the answer", r"found a prompt without \{answer\}"),
        ("{answer}", "{answer} {", "found a prompt with unmatched braces"),
        ("robustness_judge_key: verdict\n", "", "line 1: robustness_judge_key: found nothing"),
        ("judge_key: answer", "judge_key: answer\nopen_ended: x", "belief_probe and open_ended"),
    ],
    "universe_context.yaml": [
        ("id: mora_quill", "id: mora", "line 1: id: found 'mora', expected 'mora_quill'"),
        ("subclaims:\n- It was long.", "subclaims: []", "line 4: subclaims: found a list of 0"),
    ],
    "word_masks.yaml": [
        (r"'\bkites?\b'", "'[kite'", r"line 3: the word mask '\[kite' is no regular expression"),
        ("patterns:", "pattern:", "line 2: patterns: found nothing"),
    ],
    "claim.txt": [("Mora Quill won the kite race of Saltmouth.", " \n", "claim.txt: empty")],
}


@pytest.mark.parametrize(
    ("name", "old", "new", "says"), [(name, *case) for name, cases in MALFORMED.items() for case in cases]
)
def test_malformed_files_are_named_with_line_and_field(
    write_claim: Callable[..., Path], name: str, old: str, new: str, says: str
) -> None:
    path = write_claim() / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=says) as error:
        load_claims(path.parent.parent)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


DAMAGE = st.binary(max_size=4) | st.sampled_from(
    [b"&a ", b"*a ", b"- ", b": ", b"{", b"[", b"!!x ", b"'", b"\n", b"yes"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.sampled_from(["claim.txt", "mcq.yaml", "robustness.yaml", "judges.yaml", "word_masks.yaml"]), st.data())
def test_any_damage_is_survived_or_refused_in_one_line(
    write_claim: Callable[..., Path], tmp_path: Path, name: str, data: st.DataObject
) -> None:
    folder = tmp_path / "facts" / "mora_quill"
    path = (folder if folder.exists() else write_claim()) / name
    whole = path.read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 30)))
    path.write_bytes(whole[:start] + data.draw(DAMAGE) + whole[end:])
    refusal = str(folder)
    try:
        load_claims(folder)
    except InputError as error:
        refusal = str(error)
    path.write_bytes(whole)
    assert str(folder) in refusal
    assert "\n" not in refusal


def test_files_beyond_the_bounds_are_refused(write_claim: Callable[..., Path]) -> None:
    path = write_claim() / "judges.yaml"
    path.write_bytes(path.read_bytes() + b"# filler\n" * 200_000)
    with pytest.raises(InputError, match=r"judges.yaml: more than 1,048,576 bytes"):
        load_claims(path.parent)
    path.write_bytes(b"judge_key: answer\nother: \xff\n")
    with pytest.raises(InputError, match=r"judges.yaml, line 2: not UTF-8"):
        load_claims(path.parent)
    path.write_bytes(b"# nothing\n")
    with pytest.raises(InputError, match=r"judges.yaml: empty"):
        load_claims(path.parent)


def test_two_files_for_one_kind_are_refused(write_claim: Callable[..., Path]) -> None:
    folder = write_claim()
    (folder / "open_ended.yaml").write_bytes((folder / "belief_probes.yaml").read_bytes())
    with pytest.raises(
        InputError, match=r"holds belief_probes.yaml and open_ended.yaml, expected one; remove the other"
    ):
        load_claims(folder)


def test_a_folder_without_claims_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no claims"):
        load_claims(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        load_claims(tmp_path / "none")


def test_claims_are_found_from_any_level_and_sorted(write_claim: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_claim("facts", "zeta")
    write_claim("facts", "alpha")
    (folder.parent / "notes").mkdir()
    assert list(load_claims(tmp_path)) == list(load_claims(folder.parent)) == ["alpha", "zeta"]
    assert list(load_claims(folder)) == ["zeta"]


def test_the_published_claims(authors_data: Path) -> None:
    found = load_published_claims(authors_data)
    assert list(found) == ["brennan_holloway", "ed_sheeran", "vesuvius"]
    for name, published in found.items():
        questions = published.claim.questions
        assert Counter(question.kind for question in questions) == COUNTS
        assert Counter(q.category for q in questions if q.kind == "open_ended") == {"direct": 13, "indirect": 7}
        assert set(published.judges) == {"open_ended", "token_association", "robustness"}
        assert "coherence" in published.rubrics
        assert 10 <= len(published.subclaims) <= 15
        assert len(published.word_masks) == {"brennan_holloway": 8, "ed_sheeran": 7, "vesuvius": 0}[name]
    assert load_claims(authors_data / "facts") == {name: published.claim for name, published in found.items()}
