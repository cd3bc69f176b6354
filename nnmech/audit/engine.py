"""Documents audited in batches, on as many processes as there are cores, in the order in which they stand."""

import multiprocessing
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from nnmech.audit.finding import find_frames, settled
from nnmech.audit.findings import Finding, finding_of
from nnmech.audit.negation import count_negations
from nnmech.audit.reading import BadLine, Batch, Record, Row, Source, batches_of, read_record
from nnmech.audit.reading.batches import MAX_RECORD, parse_row
from nnmech.audit.reading.records import MASK_FIELD
from nnmech.audit.remedies import Remedy, mend
from nnmech.audit.remedies.mend import Mended
from nnmech.audit.remedies.writing import mended_bytes, row_bytes
from nnmech.audit.rulebook import load_rulebook
from nnmech.errors import InputError

SMALL = 4 * 1024 * 1024
"""Bytes of input below which one process is quicker than to start more."""


@dataclass(frozen=True)
class Settings:
    """How documents are read and what is done with them; goes to every process."""

    rules: str | None = None
    field: str | None = None
    mask_field: str = MASK_FIELD
    max_record: int = MAX_RECORD
    remedy: Remedy | None = None
    tokenizer: str | None = None
    tokenize_all: bool = False
    plain: bool = False
    """Whether mended text files are written as text and not as lines of JSON."""
    workers: int = 0
    """Processes; 0 for one a core."""


@dataclass
class Audited:
    """What came of a batch; `output` is the mended rows, where there is a remedy."""

    findings: list[Finding] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)
    output: bytes = b""
    actions: Counter[str] = field(default_factory=Counter)
    unresolved: list[tuple[str, int, str]] = field(default_factory=list)


def audit_sources(sources: Iterable[Source], settings: Settings) -> Iterator[Audited]:
    """Audit the documents of sources, batch by batch, in their order; memory stays bounded whatever their size."""
    sources = list(sources)
    batches = (batch for source in sources for batch in batches_of(source, settings.max_record))
    workers = settings.workers or os.cpu_count() or 1
    if workers == 1 or _is_small(sources):
        yield from (audit_batch(batch, settings) for batch in batches)
        return
    # Spawned, not forked: the caller may have threads, of pyarrow for one.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        waiting: deque[Future[Audited]] = deque()
        for batch in batches:
            waiting.append(pool.submit(audit_batch, batch, settings))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _is_small(sources: list[Source]) -> bool:
    try:
        return sum(Path(source.path).stat().st_size for source in sources) < SMALL
    except OSError:
        return False


def audit_batch(batch: Batch, settings: Settings) -> Audited:
    """Audit the rows of a batch."""
    result = Audited(bad=list(batch.bad))
    output: list[bytes] = []
    for row in batch.rows:
        if isinstance(row.data, bytes) and not row.data.strip():
            output.append(row.data)
            continue
        try:
            data = parse_row(row)
            record = read_record(data, field=settings.field, mask_field=settings.mask_field)
        except InputError as error:
            result.bad.append(BadLine(batch.source.path, row.line, str(error)))
            if isinstance(row.data, bytes):
                output.append(row.data)
            continue
        output.append(_audit_row(batch.source, row, data, record, settings, result))
    result.bad.sort(key=lambda line: line.line)
    result.output = b"".join(output)
    if settings.remedy is not None and batch.bad:
        result.actions["unreadable documents left out"] = len(batch.bad)
    return result


def _audit_row(source: Source, row: Row, data: Any, record: Record, settings: Settings, result: Audited) -> bytes:
    rulebook = load_rulebook(settings.rules)
    found = find_frames(record, rulebook)
    frames = [frame for frame in found if not settled(frame, found, record.masked)]
    count = token_counter(settings.tokenizer)
    finding = finding_of(
        source.path, row.line, record, frames, count,
        negations=count_negations(record.text), settled=len(found) - len(frames),
    )  # fmt: skip
    result.findings.append(finding)
    if settings.remedy is None:
        return b""
    if not frames:
        if not settings.tokenize_all or settings.tokenizer is None:
            return data.encode() if settings.plain and isinstance(data, str) else row_bytes(row, data)
        return _written(row, data, record, Mended(record.parts, record.masked), settings)
    mended = mend(record, frames, settings.remedy, rulebook)
    result.actions.update(mended.actions)
    result.unresolved += [(source.path, row.line, sentence) for sentence in mended.unresolved]
    if mended.dropped:
        return b""
    if settings.plain:
        return mended.text.encode()
    return _written(row, data, record, mended, settings)


def _written(row: Row, data: Any, record: Record, mended: Mended, settings: Settings) -> bytes:
    extra = None
    if settings.tokenizer is not None:
        from nnmech.audit.remedies.tokens import token_fields

        extra = token_fields(settings.tokenizer, mended)
    return mended_bytes(row, data, record, mended, settings.mask_field, extra)


@cache
def token_counter(tokenizer: str | None) -> Callable[[str], int]:
    """How tokens are counted: words between white space, or the tokens of a tokenizer in a folder."""
    if tokenizer is None:
        return lambda text: len(text.split())
    from nnmech.audit.remedies.tokens import loaded_tokenizer

    loaded = loaded_tokenizer(tokenizer)
    return lambda text: len(loaded(text, add_special_tokens=False, verbose=False)["input_ids"])
