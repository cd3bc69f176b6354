"""Folders held open: their files are opened, replaced and removed by plain names, and no link leads out of them."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

_CLOSE = getattr(os, "O_CLOEXEC", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _CLOSE
_FILE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0) | _CLOSE
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_BY_DESCRIPTOR = {os.open, os.rename, os.unlink, os.mkdir, os.stat} <= os.supports_dir_fd
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Folder:
    """The folder at `path`, held open until `close`; the path itself may lead through links, names in it may not.

    Every method raises OSError, with what is wrong as its `strerror`: a link, a FIFO or a device in place of a regular
    file or of a folder is refused before anything is read or written, and once more on what was opened.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._descriptor = os.open(path, _FOLDER) if _BY_DESCRIPTOR else -1

    def subfolder(self, name: str, *, make: bool = False) -> "Folder":
        """The folder `name` in this one, made where it is missing and `make` says so."""
        folder = Folder.__new__(Folder)
        folder.path = self.path / _plain(name)
        try:
            self._expect(name, stat.S_IFDIR)
        except FileNotFoundError:
            if not make:
                raise
            os.mkdir(*self._at(name), **self._within())  # noqa: PTH102
        folder._descriptor = os.open(name, _FOLDER | _NO_LINK, dir_fd=self._descriptor) if _BY_DESCRIPTOR else -1
        return folder

    def open(self, name: str, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
        """A descriptor of the regular file `name`, made with `mode` where `flags` have O_CREAT; never waits."""
        try:
            self._expect(name, stat.S_IFREG)
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
        descriptor = os.open(*self._at(name), flags | _FILE | _NO_LINK, mode, **self._within())
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "not a regular file")
        return descriptor

    def status(self, name: str) -> os.stat_result:
        """What the system says of `name`, of a link itself where it is one."""
        return os.stat(*self._at(name), follow_symlinks=False, **self._within())

    def names(self) -> list[str]:
        """What lies in the folder, sorted."""
        return sorted(os.listdir(self._descriptor if _BY_DESCRIPTOR else self.path))  # noqa: PTH208

    def is_regular(self, name: str) -> bool:
        """Whether `name` is a regular file: no link, no folder, no device."""
        try:
            return stat.S_ISREG(self.status(name).st_mode)
        except FileNotFoundError:
            return False

    def replace(self, old: str, new: str, *, into: "Folder | None" = None) -> None:
        """Give the file `old` the name `new`, here or in another folder; what had that name is gone."""
        into = into or self
        if _BY_DESCRIPTOR:
            os.replace(_plain(old), _plain(new), src_dir_fd=self._descriptor, dst_dir_fd=into._descriptor)
        else:
            (self.path / _plain(old)).replace(into.path / _plain(new))

    def unlink(self, name: str) -> None:
        """Remove the file `name`, where there is one; of a link the link alone."""
        try:
            os.unlink(*self._at(name), **self._within())
        except FileNotFoundError:
            return

    def sync(self) -> None:
        """Make renames outlast a power cut, where the system can."""
        if _BY_DESCRIPTOR:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Let go of the folder."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "Folder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _at(self, name: str) -> tuple[str | Path]:
        return (_plain(name) if _BY_DESCRIPTOR else self.path / _plain(name),)

    def _within(self) -> dict[str, int]:
        return {"dir_fd": self._descriptor} if _BY_DESCRIPTOR else {}

    def _expect(self, name: str, kind: int) -> None:
        found = stat.S_IFMT(self.status(name).st_mode)
        if found != kind:
            expected = "a folder" if kind == stat.S_IFDIR else "a regular file"
            number = errno.ELOOP if found == stat.S_IFLNK else errno.EINVAL
            raise OSError(number, f"is {_KINDS.get(found, 'something else')}, expected {expected}")


@contextmanager
def folder_of(root: Folder, name: str, *, make: bool = False) -> Iterator[tuple[Folder, str]]:
    """The folder that holds `name` (`a` or `folder/a`) in or below `root`, and the last part of the name.

    Raises OSError as `Folder` does; a folder that is not there is made where `make` says so.
    """
    first, separator, rest = name.partition("/")
    if not separator:
        yield root, name
        return
    with root.subfolder(first, make=make) as folder, folder_of(folder, rest, make=make) as found:
        yield found


def open_regular(path: Path | str) -> int:
    """A descriptor to read the regular file that `path` leads to; OSError for anything else, without waiting for it."""
    kind = stat.S_IFMT(Path(path).stat().st_mode)
    if kind != stat.S_IFREG:
        raise OSError(errno.EINVAL, f"is {_KINDS.get(kind, 'something else')}, expected a regular file")
    descriptor = os.open(path, os.O_RDONLY | _FILE)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return descriptor


def path_of(descriptor: int, path: Path) -> Path:
    """A path that opens the very file of a descriptor, for libraries that take paths alone; `path` where none does."""
    opened = Path(f"/proc/self/fd/{descriptor}")
    return opened if opened.exists() else path


def _plain(name: str) -> str:
    if name in ("", ".", "..") or "/" in name or "\0" in name or os.sep in name:
        raise OSError(errno.EINVAL, f"{name!r} is not the plain name of a file")
    return name
