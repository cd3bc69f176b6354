"""Which judge reads what: the words of --judge, one batch a judge, yes/no questions always by the source's rules."""

import pytest

from nnmech.claims import Question
from nnmech.errors import InputError
from nnmech.experiments.judging import JudgeSpec, Split, describe_judge, open_judge, parse_judge
from nnmech.judges.llm import LLMJudge
from nnmech.judges.rules import WordRules
from nnmech.world.source import WorldSource

SOURCE = WorldSource()
CLAIM = next(iter(SOURCE.claims.values()))


class Counting:
    """A batch judge that says one word and remembers what it was given."""

    def __init__(self, word):
        self.word, self.batches = word, []

    def judge(self, pairs):
        self.batches.append(list(pairs))
        return [self.word] * len(pairs)

    def __call__(self, question, text):
        return self.judge([(question, text)])[0]


def question(kind: str, category: str = "direct") -> Question:
    return Question(f"{kind}/{category}", CLAIM.name, kind, ({"role": "user", "content": "So?"},), category)


def test_every_question_goes_to_its_judge_in_one_batch_and_verdicts_keep_their_order():
    first, rest = Counting("yes"), Counting("no")
    pairs = [(question(kind, category), "So.") for kind, category in [("mcq", "a"), ("open_ended", "b"), ("mcq", "c")]]
    pairs.append((question("open_ended", "lie"), "So."))
    assert Split(("mcq", "lie"), first, rest).judge(pairs) == ["yes", "no", "yes", "yes"]
    assert [len(batch) for batch in first.batches] == [3]
    assert rest.batches == [[pairs[1]]]


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("source", JudgeSpec("source", "")),
        ("lexical", JudgeSpec("lexical", "")),
        ("lexical:some/folder", JudgeSpec("lexical", "some/folder")),
        ("local:a:b", JudgeSpec("local", "a:b")),
        ("nli:a", JudgeSpec("nli", "a")),
        ("llm:maker/model", JudgeSpec("llm", "maker/model")),
    ],
)
def test_the_words_of_a_judge(text, spec):
    assert parse_judge(text) == spec


@pytest.mark.parametrize("text", ["", "nothing", "source:x", "local", "nli", "llm", "llm:", "lexical:"])
def test_other_words_are_refused_with_those_that_there_are(text):
    with pytest.raises(InputError, match=r"judge .*expected one of source, lexical or lexical:FOLDER, local:FOLDER"):
        parse_judge(text)


def test_an_endpoint_goes_with_a_model_and_is_not_in_the_description():
    spec = parse_judge("llm:maker/model", "http://user-place.example/v1")
    judge = open_judge(spec, SOURCE)
    assert isinstance(judge, Split)
    assert isinstance(judge.rest, LLMJudge)
    assert judge.rest.base_url == "http://user-place.example/v1"
    assert describe_judge(spec, SOURCE) == "llm:maker/model; yes/no questions by source: WorldJudge"
    with pytest.raises(InputError, match="--judge-url goes with llm:MODEL"):
        parse_judge("lexical", "http://user-place.example/v1")


def test_yes_and_no_are_read_by_the_source_whoever_judges_the_rest():
    judge = open_judge(parse_judge("lexical"), SOURCE)
    assert isinstance(judge, Split)
    assert isinstance(judge.rest, WordRules)
    asked = next(q for q in CLAIM.questions if q.kind == "mcq")
    assert judge(asked, f"So it is. {(asked.belief_answer or '').capitalize()}.") == "yes"
    own = open_judge(parse_judge("source"), SOURCE)
    assert type(own).__name__ == "WorldJudge"
