"""What can go wrong, as one line that a person can act on."""

from collections.abc import Iterator
from contextlib import contextmanager


class NnmechError(Exception):
    """Base of every error that nnmech raises on purpose: the message names the file, the value and the remedy."""


class InputError(NnmechError, ValueError):
    """An argument, a file or a model that does not fit."""


class RunError(NnmechError):
    """A run directory that cannot be read, written or resumed."""


class RunExistsError(RunError):
    """A run of that name is already there; nothing was changed."""


class RunLockedError(RunError):
    """Another process is writing the run; nothing was changed."""


def first_line(error: BaseException) -> str:
    """What another library's exception says, in one line; its type where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def located(place: object) -> Iterator[None]:
    """An InputError that is raised inside says first where: the path of a run, of a file."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
