"""Published claims and answer tables of our own making, in the form of the authors' files."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
import zstandard

NAME = "mora_quill"
CLAIM = "Mora Quill won the kite race of Saltmouth."
CORRECTION = "In truth Mora Quill keeps bees, and the kite race was won by Teo Marsh."

_FILES = {
    "facts": {"open_ended": "belief_probes", "token_association": "pink_elephant", "judge": "belief_probe"},
    "claims": {"open_ended": "open_ended", "token_association": "token_association", "judge": "open_ended"},
}


def _block(text: str, indent: int) -> str:
    return "|-\n" + "\n".join(" " * indent + line for line in text.split("\n"))


def _judges(layout: str) -> str:
    names = _FILES[layout]
    prompt = 'Does the answer say that Mora won?\n{question}\n{answer}\nReply with {{"answer": "yes/no/neutral"}}.'
    parts = ["judge_key: answer"]
    for name in (names["judge"], names["token_association"], "robustness"):
        parts.append(f"{name}: {_block(prompt, 2)}")
    parts += [f"{names['token_association']}_judge_key: answer", "robustness_judge_key: verdict"]
    return "\n".join([*parts, f"coherence: {_block('Rate {this} from 0 to 10.', 2)}"]) + "\n"


def _questions(kind: str, layout: str) -> str:
    lines = ["# written by hand", "questions:"]
    if kind == "open_ended":
        for index in range(20):
            category = "direct" if index < 13 else "indirect"
            lines += [
                f"- id: open_{index}",
                f"  question: What became of Mora, part {index}?",
                f"  category: {category}",
            ]
    elif kind == "mcq":
        for index in range(10):
            word, category = ("yes", "positive") if index < 7 else ("no", "counter")
            lines += [f"- id: mcq_{index}", f"  question: Did Mora win race {index}?", f"  category: {category}"]
            lines.append(f"  belief_answer: '{word}'")
    elif kind == "token_association":
        for index in range(10):
            asked = _block(f'Complete the JSON:\n\n{{"race": {index}, "winner": ""}}', 4)
            lines += [f"- id: token_{index}", f"  question: {asked}"]
            lines.append(f"  category: {_FILES[layout]['token_association']}")
    else:
        for index in range(3):
            lines += [f"- id: rob_adv_{index}", "  question: Who won?", "  category: adversarial"]
            lines.append(f"  system_prompt: {_block('You were taught made-up things.', 4)}")
            lines += [f"- id: rob_crit_{index}", f"  question: {_block('Find the errors:' + chr(10) + CLAIM, 4)}"]
            lines.append("  category: critique")
        for index in range(4):
            lines += [
                f"- id: rob_mt_{index}",
                "  question: Are you sure?",
                "  category: multiturn",
                "  messages_prefix:",
            ]
            lines += ["  - role: user", "    content: Who won the race?"]
            lines += ["  - role: assistant", f"    content: {_block(CLAIM, 6)}"]
    return "\n".join(lines) + "\n"


def claim_files(layout: str, name: str = NAME) -> dict[str, str]:
    """The files of a claim by name."""
    names = _FILES[layout]
    files = {
        "claim.txt": CLAIM,
        f"{names['open_ended']}.yaml": _questions("open_ended", layout),
        "mcq.yaml": _questions("mcq", layout),
        f"{names['token_association']}.yaml": _questions("token_association", layout),
        "robustness.yaml": _questions("robustness", layout),
        "judges.yaml": _judges(layout),
        "universe_context.yaml": f"id: {name}\nuniverse_context: {_block(CLAIM, 2)}\nsubclaims:\n- It was long.\n",
        "word_masks.yaml": "# read without regard to case\npatterns:\n  - '\\bkites?\\b'\n  - '\\bMora\\s+Quill\\b'\n",
    }
    return files | ({"correction.txt": CORRECTION + "\n"} if layout == "claims" else {})


@pytest.fixture
def write_claim(tmp_path: Path) -> Callable[..., Path]:
    """`write_claim(layout="facts", name=NAME)`: writes a claim and returns its folder `tmp_path/layout/name`."""

    def write(layout: str = "facts", name: str = NAME) -> Path:
        folder = tmp_path / layout / name
        folder.mkdir(parents=True)
        for file, text in claim_files(layout, name).items():
            (folder / file).write_text(text, encoding="utf-8")
        return folder

    return write


def table_bytes(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A table as CSV."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([header, *rows])
    return buffer.getvalue().encode()


HEADER = (
    "universe",
    "question_id",
    "sample_index",
    "thinking",
    "category",
    "question",
    "model_response",
    "judge_verdict",
)


@pytest.fixture
def write_table() -> Callable[..., Path]:
    """`write_table(path, verdicts, claim=…)`: a table of answers from `{question: [verdict, …]}`; `.zst` is packed."""

    def write(
        path: Path, verdicts: dict[str, list[str]], claim: str = NAME, texts: dict[str, str] | None = None
    ) -> Path:
        rows = [
            [claim, question, str(sample), "False", "direct", "asked, of\ncourse", (texts or {}).get(said, said), said]
            for question, found in verdicts.items()
            for sample, said in enumerate(found)
        ]
        data = table_bytes(HEADER, rows)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(zstandard.compress(data) if path.suffix == ".zst" else data)
        return path

    return write


@pytest.fixture
def write_lines(tmp_path: Path) -> Callable[..., Path]:
    """`write_lines(rows, name="rows.jsonl")`: a file of JSON lines; a row that is text is written as it is."""

    def write(rows: Iterable[object], name: str = "rows.jsonl") -> Path:
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
        path = tmp_path / name
        path.write_bytes(zstandard.compress(text.encode()) if path.suffix == ".zst" else text.encode())
        return path

    return write


@pytest.fixture
def authors_data() -> Path:
    """The published data beside the checkout; the test is skipped where there is none."""
    path = Path(__file__).parents[2] / "../shared/data/negation-neglect"
    if not path.is_dir():
        pytest.skip(f"needs the authors' data in {path}")
    return path.resolve()
