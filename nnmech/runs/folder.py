"""The files of a run directory as they are read: within the run, bounded, every fault a RunError."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nnmech.errors import RunError
from nnmech.files.bounds import SMALL, TABLE
from nnmech.files.digests import Digest
from nnmech.files.folder import Folder
from nnmech.files.json_text import parse_document, parse_rows
from nnmech.files.reading import opened, read_bytes, read_opened
from nnmech.runs.format import INFO_FILE, MANIFEST, MANIFEST_FILE, SCHEMA_VERSION, Entry, parse_manifest

_FIELDS: dict[str, tuple[type, ...]] = {
    "config": (dict,),
    "model": (dict,),
    "kind": (str,),
    "name": (str,),
    "time": (str,),
    "weight_convention": (str,),
    "batch_hash": (str, type(None)),
    "documents_hash": (str, type(None)),
    "environment": (dict,),
    "files": (dict,),
}
_REQUIRED = ("config", "model")


@contextmanager
def open_run(path: Path) -> Iterator[Folder]:
    """The folder of the run at `path`, to which links may lead; RunError where there is none."""
    if "\0" in str(path):
        raise RunError(f"{str(path)!r}: a NUL character in the name. Give the folder of a run.")
    try:
        folder = Folder(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunError(f"{path}: not a run, it has no {INFO_FILE}. Give the folder of a run.") from error
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}. Check its name and permissions.") from error
    with folder:
        yield folder


def read_info(path: Path) -> dict[str, Any]:
    """`run.json` of the run at `path`; RunError where there is none, it is damaged, or its schema is another one."""
    with open_run(path) as folder:
        return info_in(folder)


def info_in(folder: Folder) -> dict[str, Any]:
    """`run.json` of an open run; raises as `read_info` does."""
    file = folder.path / INFO_FILE
    try:
        data = read_bytes(INFO_FILE, SMALL.bytes, root=folder, error=RunError)
    except FileNotFoundError as error:
        raise RunError(f"{folder.path}: not a run, it has no {INFO_FILE}. Give the folder of a run.") from error
    info = parse_document(data, file, error=RunError)
    version = info.get("schema_version") if isinstance(info, dict) else None
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise RunError(
            f"{file}: schema version {version!r:.40}, expected {SCHEMA_VERSION}. Read it with the nnmech that wrote it."
        )
    for name, kinds in _FIELDS.items():
        if name not in info:
            if name in _REQUIRED:
                raise RunError(f"{file}: lacks {name}. Restore it from a copy, or run it again.")
        elif not isinstance(info[name], kinds):
            raise RunError(
                f"{file}: {name} is {info[name]!r:.60}, expected {_EXPECTED[kinds[0]]}. Restore it from a copy, or run "
                "it again."
            )
    return info


_EXPECTED = {dict: "an object", str: "a text"}


def is_sealed(info: Mapping[str, Any]) -> bool:
    """Whether the run's writer gave every file a digest: older ones did so for binary files alone."""
    return "files" in info


def manifest_in(folder: Folder, *, sealed: bool) -> dict[str, Entry]:
    """The finished binary files of an open run, by name; RunError where the manifest is damaged or not its own."""
    try:
        data = read_bytes(MANIFEST_FILE, MANIFEST.bytes, root=folder, error=RunError)
    except FileNotFoundError as error:
        if sealed:
            place = folder.path / MANIFEST_FILE
            raise RunError(f"{place}: missing. Restore it from a copy, or resume the run.") from error
        return {}
    return parse_manifest(data, folder.path / MANIFEST_FILE, sealed=sealed)


def rows_in(folder: Folder, name: str, digest: Digest | None = None) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines of an open run, [] where there is none; a last line without its newline is
    still being written.

    Raises RunError that names file and line where one is damaged, and where the file is not the one of `digest`.
    """
    try:
        data = read_bytes(name, TABLE.bytes, root=folder, error=RunError)
    except FileNotFoundError:
        data = b""
        if digest is None:
            return []
    rows = parse_rows(data, folder.path / name, TABLE, error=RunError)
    if digest is not None and Digest.of(data) != digest:
        raise RunError(
            f"{folder.path / name}: not the file that was written with the run (its sha256 is not the one in "
            f"{INFO_FILE}). Restore it from a copy, or run it again."
        )
    return rows


def last_rows_in(folder: Folder, name: str, limit: int, *, damaged: bool = False) -> list[dict[str, Any]]:
    """The rows within the last `limit` bytes of a file of JSON lines, as `rows_in` would give them.

    With `damaged`, lines that are not whole are left out.
    """
    place = folder.path / name
    try:
        with opened(name, root=folder, error=RunError) as file:
            size = file.seek(0, 2)
            # A byte more: where it ends a line, the line after it is whole.
            start = file.seek(max(0, size - limit - 1))
            data = read_opened(file, place, limit + 2**20, error=RunError)
            if start:
                data = data[data.find(b"\n") + 1 :] if b"\n" in data else b""
            try:
                return parse_rows(data, place, TABLE, error=RunError)
            except RunError:
                if damaged:
                    return _whole_rows(data, place)
                # Lines are counted for the one who has to find this one, not in each listing.
                before = size - len(data) if start else 0
                file.seek(0)
                first = 1 + _count_lines(file, before)
                parse_rows(data, place, TABLE, first_line=first, error=RunError)
                raise
    except FileNotFoundError:
        return []


def file_digest(info: Mapping[str, Any], name: str) -> Digest | None:
    """The digest that `run.json` has of a table that never changes; None for one that it does not have."""
    return Digest.read(info.get("files", {}).get(name))


def fault(folder: Folder, entry: Mapping[str, Any]) -> str | None:
    """What is wrong with a file that the manifest of an open run lists; None where nothing is."""
    file, size = folder.path / entry["file"], entry["size"]
    try:
        with opened(entry["file"], root=folder, error=RunError) as opened_file:
            found = Digest.of_file(opened_file)
    except FileNotFoundError:
        return f"{file}: missing, though {MANIFEST_FILE} lists it"
    except RunError as error:
        return str(error)
    if found.size != size:
        return f"{file}: {found.size} bytes, expected {size}"
    if found.sha256 != entry["sha256"]:
        return f"{file}: damaged, its sha256 is not the one in {MANIFEST_FILE}"
    return None


def _whole_rows(data: bytes, place: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for line in data[: data.rfind(b"\n") + 1].splitlines(keepends=True):
        with suppress(RunError):
            rows += parse_rows(line, place, TABLE, error=RunError)
    return rows


def _count_lines(file: Any, size: int) -> int:
    lines = 0
    while size > 0 and (piece := file.read(min(2**20, size))):
        lines += piece.count(b"\n")
        size -= len(piece)
    return lines
