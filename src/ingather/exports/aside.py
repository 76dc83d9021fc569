"""Files that are either whole or not there: written aside, made durable, then renamed."""

import errno
import hashlib
import io
import itertools
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_IMODE, S_ISDIR, S_ISREG

from ingather import errors, points

FULL = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})

_PREFIX = ".ingather-"
_HOST = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
_numbers = itertools.count(1)
_open: set[str] = set()
_DEVICES = (Path("/dev"), Path("/dev/fd"))


class Tally(io.RawIOBase):
    """Bytes on their way out: passed on whole, counted and hashed."""

    def __init__(self, put: Callable[[memoryview], int | None]) -> None:
        self._put = put
        self._hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.size

    def write(self, data: "bytes | memoryview", /) -> int:  # type: ignore[override]
        whole = memoryview(data).cast("B")
        rest = whole
        while rest:
            taken = self._put(rest)
            rest = rest[len(rest) if taken is None else taken :]
        self._hash.update(whole)
        self.size += len(whole)
        return len(whole)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


@contextmanager
def written(target: Path) -> Iterator[Tally]:
    """What is written to the yielded file takes the place of `target`, at once and whole, when
    the block ends. When it ends by an error, what was there before stays and nothing is added.

    Raises StorageFull, UnwritablePath, StoreError (the disk failed). Blocks.
    """
    with in_plain_words(target):
        real = _real(target)
        folder = real.parent
        sweep(folder)
        temporary, file = _create(folder, like=real)
        try:
            with file:
                yield Tally(file.write)
                os.fsync(file.fileno())
            points.reach("file_written")
            temporary.replace(real)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        finally:
            _open.discard(temporary.name)
        _sync_folder(folder)
        points.reach("file_renamed")


@contextmanager
def poured() -> Iterator[None]:
    """Turn the system's word for a full output into StorageFull; BrokenPipeError stays."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise errors.StorageFull("There is no room left for the output.") from error
        raise


def probe(target: Path) -> None:
    """Find out now what `written` would find out after an hour; leaves nothing behind."""
    with in_plain_words(target):
        real = _real(target)
        sweep(real.parent)
        temporary, file = _create(real.parent)
        try:
            with file:
                file.write(b"\0")
                os.fsync(file.fileno())
        finally:
            temporary.unlink()
            _open.discard(temporary.name)


def sweep(folder: Path) -> None:
    """Remove what writers of this host left behind when they were killed.

    Files of other hosts stay: their processes cannot be seen from here (containers may share a
    folder, and each of them counts its processes from 1).
    """
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.name.startswith(f"{_PREFIX}{_HOST}-")]
    for name in names:
        pid = name.removeprefix(f"{_PREFIX}{_HOST}-").split("-")[0]
        if name.endswith(".part") and pid.isdecimal() and not _lives(int(pid), name):
            with suppress(OSError):  # another process may be sweeping, too
                (folder / name).unlink()


@contextmanager
def in_plain_words(target: Path) -> Iterator[None]:
    """Turn the system's errors into ours, which say what to do."""
    try:
        yield
    except OSError as error:
        raise explain(error, target) from error


def explain(error: OSError, target: Path) -> errors.IngatherError:
    """The error to raise for what the system said while `target` was written."""
    # A link may lead to a folder that is not there, and /proc is there and takes no file.
    folder, known = Path(os.path.realpath(target)).parent, error.errno
    if known in FULL:
        where = (
            "The largest size a file may have here is reached"
            if known == errno.EFBIG
            else (f"There is no room left in {folder}")
        )
        return errors.StorageFull(
            f"{where}, so {target.name} was not written; nothing that was there has changed.",
            hint="Free some room, or name a file on another disk, and run the same command again.",
        )
    words = {
        errno.ENOENT: (f"The folder {folder} does not exist.", "Make it first, or name another."),
        errno.ENOTDIR: (f"{folder} is not a folder.", "Name a file in a folder."),
        errno.EACCES: (
            f"There is no permission to write {target}.",
            "Name a file in a folder of your own; if another program has it open, close it there.",
        ),
        errno.EROFS: (f"{folder} is read-only.", "Name a file in another folder."),
        errno.EISDIR: (f"{target} is a folder.", f"Name a file in it: {target / 'comments.csv'}"),
        errno.ENAMETOOLONG: (f"The name {target.name} is too long.", "Choose a shorter one."),
        errno.ELOOP: (f"{target} is a link that leads to itself.", "Name another file."),
    }
    words[errno.EPERM] = words[errno.EACCES]
    if known in words and not (known == errno.ENOENT and folder.is_dir()):
        sentence, hint = words[known]
        return errors.UnwritablePath(sentence, hint=hint)
    reason = error.strerror or str(error)
    return errors.StoreError(f"{target} could not be written: {reason}.")


def _real(target: Path) -> Path:
    """Where the file really rests: a link to it stays a link. Raises where none may be put."""
    real = Path(os.path.realpath(target))
    try:
        mode = target.stat().st_mode  # of a pipe under /dev/fd the real path is no path
    except FileNotFoundError:
        return real
    if S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder")
    # Renaming onto /dev/null would replace it for the whole machine, and what an open file of a
    # process is called, as /dev/stderr, is no place to leave a receipt beside.
    if not S_ISREG(mode) or target.parent in _DEVICES:
        raise errors.UnwritablePath(
            f"{target} is a device or a pipe, which no file can replace.",
            hint="Use -o - to write to standard output, from where any program may take it.",
        )
    if not os.access(real, os.W_OK):
        raise PermissionError(errno.EACCES, "is write-protected")
    return real


def _create(folder: Path, like: Path | None = None) -> tuple[Path, io.FileIO]:
    """A new hidden file; unbuffered, so that no byte is still on its way when it is closed."""
    temporary = folder / f"{_PREFIX}{_HOST}-{os.getpid()}-{next(_numbers)}.part"
    _open.add(temporary.name)
    try:
        file = io.FileIO(temporary, "x")
    except OSError:
        _open.discard(temporary.name)
        raise
    if like is not None and hasattr(os, "fchmod"):
        # A file that its owner has closed to others stays closed when it is written again.
        with suppress(OSError):
            os.fchmod(file.fileno(), S_IMODE(like.stat().st_mode))
    return temporary, file


def _lives(pid: int, name: str) -> bool:
    if pid == os.getpid():  # in a container every run has the same number
        return name in _open
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself survive a power cut, where the system lets folders be synced."""
    if os.name == "nt":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
