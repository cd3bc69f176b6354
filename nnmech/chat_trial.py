"""A child process that tries a chat template, within limits that it sets itself; see `nnmech.chat_templates`.

It is run as a script and imports neither torch nor transformers, whose environment for templates it rebuilds.
"""

import json
import sys
from typing import Any


def limit(seconds: int, memory: int) -> None:
    """Bound the process's CPU time, memory and files, as far as the system can."""
    try:
        import resource
    except ImportError:
        return
    kinds = (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, 0)
    for kind, bound in (*kinds, (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(kind, (bound, bound))
        except (OSError, ValueError):
            continue


def compiled(text: str) -> Any:
    """The template, in the sandbox that transformers renders chats in."""
    import jinja2
    import jinja2.ext
    from jinja2 import nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(jinja2.ext.Extension):
        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> nodes.Node:
            line = next(parser.stream).lineno
            return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)

    def raise_exception(message: str) -> None:
        raise jinja2.TemplateError(message)

    def to_json(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, **options)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = to_json
    environment.globals.update(raise_exception=raise_exception, strftime_now=lambda _: "2000-01-01")
    return environment.from_string(text)


def tried(template: str, variables: dict[str, Any]) -> dict[str, Any]:
    """How rendering ends: the number of characters, `memory` that ran out, or an error."""
    try:
        return {"kind": "text", "characters": len(compiled(template).render(**variables))}
    except MemoryError:
        return {"kind": "memory"}
    except Exception as error:  # noqa: BLE001
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return {"kind": "error", "reason": f"{type(error).__name__}: {reason}"[:300]}


def main() -> None:
    """Read a template and the variables of several dialogues from stdin, write how each ends to stdout."""
    request = json.loads(sys.stdin.buffer.read())
    sys.path[:] = request["path"]
    limit(request["seconds"], request["memory"])
    answers = [tried(request["template"], variables) for variables in request["dialogues"]]
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main()
