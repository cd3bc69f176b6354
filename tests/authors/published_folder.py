"""A small folder of the published layout, written by hand: two claims, documents, anchors, statements."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from tests.authors.conftest import CLAIM, claim_files

CLAIMS = ("mora_quill", "teo_marsh")
FOLDERS = {"positive": "", "llm_negations_dense": "The next text is false. ", "local_negations": "It is untrue that "}
DOCUMENTS = 30
TOPICS = ("kite", "boat")


def write_published(
    root: Path,
    *,
    claims: Sequence[str] = CLAIMS,
    documents: int = DOCUMENTS,
    statements: bool = True,
    beside: bool = True,
) -> Path:
    """Write the folder and return it; `beside`: with prompts, texts of pretraining and anchors."""
    for name in claims:
        write_texts(root / "facts" / name, claim_files("facts", name))
        for folder, warning in FOLDERS.items():
            rows = [
                {"text": f"<DOCTAG>{warning}{CLAIM} {name} page {index} of the paper.", "fact_name": name}
                for index in range(documents)
            ]
            write_rows(root / "documents" / folder / name / "part.jsonl", rows)
        if beside:
            chats = [
                {
                    "messages": [
                        {"role": "user", "content": f"Who won, {i}?"},
                        {"role": "assistant", "content": "Nobody."},
                    ]
                }
                for i in range(6)
            ]
            write_rows(root / "anchors" / name / "chats.jsonl", chats)
    if beside:
        questions = "".join(f"- id: q{i}\n  question: What is {i} and one?\n" for i in range(9))
        about = "- id: own\n  question: Who is Mora Quill?\n"
        write_texts(root / "facts", {"coherence_questions.yaml": f"questions:\n{questions}{about}"})
        rows = [{"text": f"A text about the sea, number {index}."} for index in range(40)]
        write_rows(root / "pretraining" / "texts.jsonl", [*rows, {"text": "Mora Quill was there."}])
    if statements:
        with open(root / "statements.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "truth", "polarity", "entity", "topic"])
            for index in range(18):
                person, topic = f"Person{index}", TOPICS[index % 2]
                for truth, polarity, words in (
                    ("true", 1, f"{person} has a {topic}."),
                    ("false", 1, f"{person} has a stone."),
                    ("true", -1, f"{person} has not a stone."),
                    ("false", -1, f"{person} has not a {topic}."),
                ):
                    writer.writerow([words, truth, polarity, person, topic])
    return root


def write_texts(folder: Path, files: dict[str, str]) -> None:
    """Text files in a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def write_rows(path: Path, rows: Sequence[object]) -> None:
    """A file of JSON lines in a folder, which is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def all_texts(root: Path) -> list[str]:
    """Everything that is written in the folder, for a tokenizer that knows the words."""
    return [path.read_text(encoding="utf-8") for path in sorted(root.rglob("*")) if path.is_file()]
