"""Where the parts of a published folder lie: documents by condition and claim, chats, other texts, statements."""

from collections.abc import Iterator
from pathlib import Path

from nnmech.authors.claims import LAYOUTS
from nnmech.authors.documents import read_chats, read_documents
from nnmech.authors.fields import read_yaml
from nnmech.authors.results import CONDITION_FOLDERS
from nnmech.claims.sources import Dialogue
from nnmech.claims.statement_files import load_statements
from nnmech.claims.types import Statement
from nnmech.errors import InputError

ENDINGS = (".jsonl", ".jsonl.zst")
STATEMENT_FILES = ("statements.csv", "statements.jsonl")
PROMPTS_FILE = "coherence_questions.yaml"


def document_folders(root: Path) -> dict[str, Path]:
    """The folders of `documents/` by condition: by the authors' names, or by the condition's own.

    Raises:
        InputError: There is no such folder, it is empty, or a condition has two folders.
    """
    parent = root / "documents"
    folders: dict[str, Path] = {}
    for path in sorted(parent.iterdir()) if parent.is_dir() else []:
        if not path.is_dir():
            continue
        condition = CONDITION_FOLDERS.get(path.name, path.name)
        if condition in folders:
            raise InputError(
                f"{parent}: {folders[condition].name} and {path.name} are both {condition}; expected one folder a "
                "condition; remove one"
            )
        folders[condition] = path
    if not folders:
        raise InputError(f"{parent}: no folder of documents; expected documents/<condition>/<claim>/*.jsonl; add some")
    return folders


def data_files(folder: Path) -> list[Path]:
    """The files of JSON lines in a folder, plain or compressed, by name; none where there is no folder."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in paths if path.name.endswith(ENDINGS)]


def texts_in(folder: Path) -> list[str]:
    """The documents of a folder, each text once, in the order of files and lines."""
    return list(dict.fromkeys(row.text for path in data_files(folder) for row in read_documents(path)))


def chats_in(folder: Path) -> list[Dialogue]:
    """The chats of a folder, each once, in the order of files and lines."""
    found = {repr(row.messages): row.messages for path in data_files(folder) for row in read_chats(path)}
    return list(found.values())


def prompts_in(root: Path) -> list[str]:
    """The general questions of `coherence_questions.yaml`; none where there is no such file."""
    return [text for path in _beside_claims(root, (PROMPTS_FILE,)) for text in _prompts(path)]


def statements_in(root: Path, claim_folder: Path) -> list[Statement]:
    """The statements of the files beside a claim and in the folder; none where there are no such files."""
    beside = [claim_folder / name for name in STATEMENT_FILES if (claim_folder / name).is_file()]
    return [
        statement for path in (*beside, *_beside_claims(root, STATEMENT_FILES)) for statement in load_statements(path)
    ]


def _beside_claims(root: Path, names: tuple[str, ...]) -> Iterator[Path]:
    for parent in (root, *(root / layout for layout in LAYOUTS)):
        yield from (parent / name for name in names if (parent / name).is_file())


def _prompts(path: Path) -> Iterator[str]:
    for entry in read_yaml(path).record(["questions"])["questions"].entries():
        yield entry.record(["question"])["question"].text()
