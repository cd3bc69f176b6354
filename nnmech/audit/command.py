"""The command: audit files, say what was found, and mend it where that is asked for."""

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from nnmech.audit.engine import Settings, audit_sources
from nnmech.audit.findings import KEPT_UNRESOLVED, Summary
from nnmech.audit.reading import Source, find_sources
from nnmech.audit.reading.batches import MAX_RECORD
from nnmech.audit.reading.files import FORMATS, STDIN, Format
from nnmech.audit.reading.records import MASK_FIELD
from nnmech.audit.remedies import Remedy
from nnmech.audit.rulebook import Rulebook, load_rulebook
from nnmech.errors import InputError, NnmechError

ABOVE_SHARE = 1
BAD_INPUT = 2
INTERRUPTED = 130
TEXT_SUFFIXES = {suffix for suffix, format in FORMATS.items() if format == "text"}


@dataclass(frozen=True)
class Arguments:
    """Find what of a training set is negated, disowned or framed from outside its own sentence.

    Exit code 0; 1 where frames cover more than --max-share; 2 where something could not be read.
    """

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Files or folders: JSON lines, JSON, text, Markdown, CSV, parquet, also .gz or .zst; - for standard input."""
    field: str | None = None
    """Field with the text or the messages; found where not given."""
    format: Format | None = None
    """What standard input and files of unknown suffixes are (JSON lines where not given)."""
    rules: Path | None = None
    """Folder with rules of your own, *.toml files; one with the kind of a shipped file replaces it."""
    tokenizer: Path | None = None
    """Folder of a tokenizer: counts are of its tokens, and --fix mask adds masks of tokens."""
    max_share: Annotated[float | None, tyro.conf.arg(metavar="SHARE")] = None
    """Exit with 1 where frames cover a larger share of the tokens; 0 allows none."""
    max_bad_lines: int = 0
    """Lines that may be unreadable before the exit code is 2."""
    json: Path | None = None
    """Write a report of every document as JSON."""
    html: Path | None = None
    """Write a page with the worst documents marked, which opens without a server."""
    sarif: Path | None = None
    """Write SARIF 2.1.0 for a code host."""
    documents: int = 200
    """Documents on the page."""
    fix: Literal["mask", "local", "drop"] | None = None
    """mask: add spans without loss; local: deny the claim inside its sentence; drop: leave it out. Needs --output."""
    output: Path | None = None
    """Where the mended set is written; compressed where the name ends in .gz or .zst."""
    scope: Literal["sentences", "document"] = "sentences"
    """Whether mask and drop take what frames cover or the whole document."""
    rest: Literal["mask", "drop", "keep"] = "mask"
    """What --fix local does with sentences that no rule can rewrite."""
    mask_field: str = MASK_FIELD
    """Field for masked spans; spans that are there already count as masked."""
    tokenize_all: bool = False
    """With --tokenizer and --fix: add tokens to every document, not to the mended ones alone, as a trainer needs."""
    endpoint: str | None = None
    """OpenAI-compatible address that rewrites what no rule can (--fix local); the cost is said first."""
    endpoint_model: str = "gpt-5-mini"
    """Model to ask there; the key is read from OPENAI_API_KEY."""
    endpoint_prices: tuple[float, float] | None = None
    """Dollars a million tokens in and out, for the cost that is said first."""
    endpoint_cache: Path = Path("nnmech-audit-rewrites.jsonl")
    """Answers that are there are not asked for again."""
    yes: bool = False
    """Ask the endpoint once its cost was said."""
    max_record: int = MAX_RECORD
    """Bytes of one document; a longer one is named and left out."""
    workers: int = 0
    """Processes; 0 for one a core."""


def main(arguments: Arguments) -> int:
    """Run the audit and return the exit code."""
    try:
        return _run(arguments)
    except NnmechError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        # The reader of the report has gone; what is asked of a filter is to go quietly too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("interrupted; no report is left half written, run it again", file=sys.stderr)
        return INTERRUPTED


def _run(arguments: Arguments) -> int:
    _check(arguments)
    sources = find_sources(arguments.paths, arguments.format)
    rulebook = load_rulebook(arguments.rules)
    settings = _settings(arguments)
    if arguments.output is not None and arguments.output.suffix.lower() in TEXT_SUFFIXES:
        settings = replace(settings, plain=_plain(arguments, sources))
    if arguments.endpoint is not None:
        rewrites = _asked(arguments, sources, settings)
        if rewrites is None:
            return 0
        settings = replace(settings, remedy=replace(settings.remedy, rewrites=rewrites))  # type: ignore[type-var]
    summary = _audit(arguments, sources, settings, rulebook)
    from nnmech.audit.report import print_table

    stream = sys.stderr if arguments.output is not None and str(arguments.output) == STDIN else sys.stdout
    print_table(summary, rulebook, stream, tokens="tokens" if arguments.tokenizer else "words")
    if summary.bad > arguments.max_bad_lines or (summary.documents == 0 and summary.bad):
        return BAD_INPUT
    above = arguments.max_share is not None and summary.share > arguments.max_share
    return ABOVE_SHARE if above else 0


def _check(arguments: Arguments) -> None:
    if arguments.fix is not None and arguments.output is None:
        raise InputError(
            f"--fix {arguments.fix}: no --output; say where the mended set goes, it never replaces its source"
        )
    if arguments.output is not None and arguments.fix is None:
        raise InputError("--output without --fix; say what to do: --fix mask, local or drop")
    if arguments.endpoint is not None and arguments.fix != "local":
        raise InputError("--endpoint rewrites sentences; expected it with --fix local")
    if arguments.max_share is not None and not 0 <= arguments.max_share <= 1:
        raise InputError(f"--max-share {arguments.max_share}: expected a share from 0 to 1")
    if arguments.max_record < 1 or arguments.documents < 0 or arguments.workers < 0:
        raise InputError("--max-record, --documents and --workers: expected positive numbers")
    if arguments.output is not None and any(_same(path, arguments.output) for path in arguments.paths):
        raise InputError(f"{arguments.output}: is the input; say another --output, the source stays as it is")


def _plain(arguments: Arguments, sources: list[Source]) -> bool:
    if len(sources) != 1 or sources[0].format != "text":
        raise InputError(
            f"{arguments.output}: a text file holds one mended text; expected --output with .jsonl for this input"
        )
    if arguments.fix == "mask" or (arguments.fix == "local" and arguments.rest == "mask"):
        raise InputError(f"{arguments.output}: a text file has no place for masks; expected --output with .jsonl")
    return True


def _same(one: Path, other: Path) -> bool:
    return str(one) != STDIN and one.exists() and other.exists() and one.samefile(other)


def _settings(arguments: Arguments) -> Settings:
    remedy = None if arguments.fix is None else Remedy(arguments.fix, arguments.scope, arguments.rest)
    return Settings(
        rules=None if arguments.rules is None else str(arguments.rules),
        field=arguments.field,
        mask_field=arguments.mask_field,
        max_record=arguments.max_record,
        remedy=remedy,
        tokenizer=None if arguments.tokenizer is None else str(arguments.tokenizer),
        tokenize_all=arguments.tokenize_all,
        workers=arguments.workers,
    )


def _audit(arguments: Arguments, sources: list[Source], settings: Settings, rulebook: Rulebook) -> Summary:
    from nnmech.audit.output import opened_output
    from nnmech.audit.report.sarif import SarifWriter
    from nnmech.audit.report.stream import JsonWriter, replaced

    summary = Summary(keep=max(arguments.documents if arguments.html else 0, 5))
    with ExitStack() as stack:
        output = stack.enter_context(opened_output(arguments.output)) if arguments.output else None
        json = JsonWriter(stack.enter_context(replaced(arguments.json))) if arguments.json else None
        sarif_file = stack.enter_context(replaced(arguments.sarif)) if arguments.sarif else None
        sarif = SarifWriter(rulebook) if sarif_file else None
        for audited in audit_sources(sources, settings):
            for finding in audited.findings:
                summary.add(finding)
                if json:
                    json.add(finding)
                if sarif and finding.frames:
                    sarif.add(finding)
            summary.add_bad(audited.bad)
            summary.actions.update(audited.actions)
            summary.unresolved += audited.unresolved[: max(0, KEPT_UNRESOLVED - len(summary.unresolved))]
            if output:
                output.write(audited.output)
        if json:
            json.finish(summary)
        if sarif and sarif_file:
            sarif.finish(sarif_file, summary)
    if arguments.html:
        from nnmech.audit.report.page import write_page

        write_page(arguments.html, summary, rulebook, tokens="tokens" if arguments.tokenizer else "words")
    return summary


def _asked(arguments: Arguments, sources: list[Source], settings: Settings) -> dict[str, str] | None:
    """What an endpoint makes of the sentences that no rule rewrites; None where only the cost was said."""
    from nnmech.audit.remedies.endpoint import Endpoint, rewrite_all

    if any(source.path == STDIN for source in sources):
        raise InputError("--endpoint reads its input twice, standard input can be read once; write it to a file")
    sentences = dict.fromkeys(
        sentence for audited in audit_sources(sources, settings) for _, _, sentence in audited.unresolved
    )
    endpoint = Endpoint(
        str(arguments.endpoint), arguments.endpoint_model, os.environ.get("OPENAI_API_KEY", ""),
        arguments.endpoint_cache, arguments.endpoint_prices,
    )  # fmt: skip
    return rewrite_all(list(sentences), endpoint, agreed=arguments.yes, tell=lambda line: print(line, file=sys.stderr))


def run(words: Sequence[str]) -> int:
    """Carry out the words after `nnmech audit` and return the exit code."""
    return main(tyro.cli(Arguments, prog="nnmech audit", args=list(words)))


def console() -> int:
    """The command on its own: `python -m nnmech.audit`."""
    return run(sys.argv[1:])
