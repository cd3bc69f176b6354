"""The imports of a module that run, at any depth; those that only a type checker sees count for nothing."""

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path


@cache
def imports_that_run(path: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """The import statements of a file; each file is read once."""
    return tuple(_imports(ast.parse(path.read_text(encoding="utf-8")).body))


def _imports(statements: Sequence[ast.AST]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Only statements hold statements, so that expressions, of which there are many more, are not looked at."""
    for node in statements:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        guarded = isinstance(node, ast.If) and getattr(node.test, "id", None) == "TYPE_CHECKING"
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, name, None)
            if isinstance(inner, list) and not (guarded and name == "body"):
                yield from _imports(inner)
