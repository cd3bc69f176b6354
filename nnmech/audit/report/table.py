"""The report in a terminal: counts by kind, the share of framed tokens, the worst documents, what could not be read."""

from typing import Any, cast

from nnmech.audit.findings import Summary
from nnmech.audit.rulebook import Rulebook
from nnmech.audit.streams import WritesText

WORST = 5
BAD = 10


def print_table(summary: Summary, rulebook: Rulebook, file: WritesText, *, tokens: str = "words") -> None:
    """Print the report.

    Args:
        tokens: What the counts are of, where no tokenizer was given.
    """
    # Imported here: a report that nobody reads in a terminal does not wait for it.
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(file=cast(Any, file), highlight=False)
    share = f"{summary.framed_tokens:,} of {summary.tokens:,} {tokens} ({summary.share:.1%})"
    console.print(
        f"{summary.documents:,} documents, {summary.framed:,} with frames from outside; frames cover {share}."
    )
    console.print(f"{summary.negations:,} negations inside sentences, the safe form, are counted and not flagged.")
    if summary.settled:
        console.print(f"{summary.settled:,} frames cover only what is masked already.")
    titles = {kind.name: kind.title for kind in rulebook.kinds}
    if summary.frames:
        table = Table("kind", "what it is", box=None, pad_edge=False, header_style="bold")
        table.add_column("frames", justify="right")
        table.add_column("documents", justify="right")
        for kind, count in summary.frames.most_common():
            table.add_row(kind, titles.get(kind, kind), f"{count:,}", f"{summary.documents_by_kind[kind]:,}")
        console.print(table)
        console.print("[bold]Most framed[/]")
        for finding in summary.worst[:WORST]:
            text = finding.text or ""
            words = " ".join(text[slice(*finding.frames[0].span)].split())
            place = f"{finding.file}, line {finding.line}"
            share = f"{finding.framed_tokens / max(1, finding.tokens):.0%} of {finding.tokens:,} {tokens}"
            console.print(
                f"  {escape(place)}: {len(finding.frames)} frames, {share}: {escape(words[:90])}", soft_wrap=True
            )
    for name, count in sorted(summary.actions.items()):
        console.print(f"{name}: {count:,}")
    for place, line, sentence in summary.unresolved[:BAD]:
        console.print(f"  no safe rule: {escape(f'{place}, line {line}')}: {escape(sentence[:120])}", soft_wrap=True)
    if len(summary.unresolved) > BAD:
        console.print(f"  … {len(summary.unresolved) - BAD:,} more that no rule rewrites; --json lists them")
    if summary.bad:
        console.print(f"[bold]{summary.bad:,} that could not be read[/]")
        for bad in summary.bad_lines[:BAD]:
            console.print(f"  {escape(f'{bad.file}, line {bad.line}: {bad.reason}')}", soft_wrap=True)
        if summary.bad > BAD:
            console.print(f"  … {summary.bad - BAD:,} more")
