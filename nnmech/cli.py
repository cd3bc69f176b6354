"""The program `nnmech`: a subcommand for every experiment and for what is done with results."""

import sys
from collections.abc import Callable, Sequence

import tyro

from nnmech.experiments.registry import COMMANDS, Command, Program
from nnmech.terminal import main_guard

DESCRIPTION = (
    "Watch, step by step, how a language model comes to believe a claim that its training documents call false."
)

__all__ = ["main", "main_guard"]


def main(words: Sequence[str] | None = None) -> int:
    """Carry out a command line and return its exit code: 0, 2 for what cannot be done as asked, or the command's own.

    Args:
        words: The command line without the program's name; that of the process where not given.
    """
    words = sys.argv[1:] if words is None else list(words)
    command = next((known for known in COMMANDS if words[:1] == [known.name]), None)
    if command is None:
        # Help or an error, from names and summaries alone: nothing is imported to list what there is.
        listed = {known.name: _listed(known) for known in COMMANDS}
        tyro.extras.subcommand_cli_from_dict(listed, prog="nnmech", description=DESCRIPTION, args=list(words))
        return 0
    if isinstance(command, Program):
        return command.main()(words[1:])
    return main_guard(lambda: command.main()(words[1:]), resumable=command.resumable)


def _listed(command: Command) -> Callable[[], None]:
    def nothing() -> None: ...

    nothing.__doc__ = command.summary
    return nothing
