"""How often `nnmech audit` raises an alarm on ordinary documents: those of installed packages, and texts of our own.

Documents are the descriptions, licences, readmes and other prose files of the installed packages, and the docstrings
of at least 600 characters in the standard library; the texts of our own, news and fiction with honest hedges and
disclaimers, are in `tests/audit/ordinary.jsonl`. Every alarm is printed, to be looked at.
"""

import argparse
import ast
import json
import sysconfig
from collections import Counter
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

from nnmech.audit.finding import frames_of_text
from nnmech.audit.rulebook import load_rulebook

OWN_TEXTS = Path(__file__).parents[1] / "tests/audit/ordinary.jsonl"
MIN_CHARACTERS = 600
MAX_BYTES = 400_000
PROSE = {".md", ".rst", ".txt"}
NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "README", "CHANGES", "CHANGELOG", "HISTORY", "AUTHORS")


def package_documents(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Source, place and text of the prose in installed packages; a text that is there twice comes once."""
    seen: set[int] = set()
    for path in sorted(folder.rglob("*")):
        name = path.name
        prose = path.suffix in PROSE or name == "METADATA" or name.upper().startswith(NAMES)
        if not prose or path.suffix in (".py", ".pyc") or not path.is_file() or path.stat().st_size > MAX_BYTES:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        source = "licence" if name.upper().startswith(("LICEN", "COPYING", "NOTICE")) else "prose file"
        if name == "METADATA":
            text, source = str(Parser().parsestr(text).get_payload()), "description"
        if len(text) >= MIN_CHARACTERS and hash(text) not in seen:
            seen.add(hash(text))
            yield source, str(path.relative_to(folder)), text


def docstrings(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Source, place and text of the long docstrings of Python files."""
    for path in sorted(folder.rglob("*.py")):
        if "site-packages" in path.parts or "test" in str(path) or path.stat().st_size > MAX_BYTES:
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8", errors="replace"))
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node) or ""
                if len(text) >= MIN_CHARACTERS:
                    yield "docstring", f"{path.relative_to(folder)}:{getattr(node, 'lineno', 1)}", text


def own_texts() -> Iterator[tuple[str, str, str]]:
    """Source, place and text of our own ordinary texts."""
    for number, line in enumerate(OWN_TEXTS.read_text(encoding="utf-8").splitlines(), start=1):
        row = json.loads(line)
        yield row["source"], f"{OWN_TEXTS.name}:{number}", row["text"]


def main() -> None:
    """Print every alarm, and a table with a row a source."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--packages", type=Path, nargs="+", default=[Path(sysconfig.get_paths()["purelib"])])
    parser.add_argument("--library", type=Path, default=Path(sysconfig.get_paths()["stdlib"]))
    arguments = parser.parse_args()
    rulebook = load_rulebook()
    documents, alarms = Counter[str](), Counter[str]()
    sources = [*map(package_documents, arguments.packages), docstrings(arguments.library), own_texts()]
    for source, place, text in (item for items in sources for item in items):
        documents[source] += 1
        if frames := frames_of_text(text, rulebook):
            alarms[source] += 1
            for frame in frames:
                print(f"{place}: {frame.rule}: {' '.join(text[slice(*frame.span)].split())[:200]!r}")
    print(f"\n{'source':14} documents  alarms  share")
    for source in documents:
        print(f"{source:14} {documents[source]:9}  {alarms[source]:6}  {alarms[source] / documents[source]:.4f}")
    total, raised = sum(documents.values()), sum(alarms.values())
    print(f"{'all':14} {total:9}  {raised:6}  {raised / max(1, total):.4f}")


if __name__ == "__main__":
    main()
