"""What lies in an archive: its parts opened with suspicion, and the few files that are wanted.

Nothing is ever unpacked to disk, and nothing is opened that was not asked for: an archive holds
private messages. Names inside a ZIP are only compared, never used as paths.
"""

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, NoReturn, cast

from msgspec import Struct

from ingather import errors

MOST_BYTES: Final = 1 << 30
"""Of one wanted file, unpacked; the largest seen was 60 MB."""
MOST_RATIO: Final = 400
"""Unpacked to packed, from FREE_BYTES on; JSON of archives packs to a tenth, at best a fiftieth."""
FREE_BYTES: Final = 16 << 20
MOST_DIRECTORY: Final = 64 << 20
"""Bytes of a ZIP's own list of names: half a million files and more."""
MOST_FILES: Final = 1_000_000
"""Files looked at in a folder."""

OWNER: Final = "owner"
_LISTS: Final = ("followers_and_following",)
_WORKS: Final = ("media", "content")
FAMILIES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "followers": (_LISTS, ("followers",)),
    "following": (_LISTS, ("following",)),
    "comments": (("comments",), ("post_comments", "reels_comments")),
    "liked": (("likes",), ("liked_posts",)),
    "posts": (_WORKS, ("posts",)),
    "reels": (_WORKS, ("reels",)),
    OWNER: (("personal_information", "account_information"), ("personal_information",)),
}
"""Of each kind: the folders that may hold it (over the years), and the names without number."""

_NAMED = re.compile(r"([a-z_]+?)(?:_([0-9]{1,6}))?\.(json|html)")
_SIGNS = frozenset((
    "your_instagram_activity", "followers_and_following", "personal_information",
    "account_information", "connections", "logged_information", "ads_information",
    "security_and_login_information",
))  # fmt: skip


class Entry(Struct, frozen=True):
    """A wanted file. name: with its folder, which is the same in every layout of a generation.

    number: of `followers_2.json`, 0 where it bears none. crc: CRC-32 of its content.
    """

    family: str
    number: int
    name: str
    size: int
    crc: int
    open: Callable[[], BinaryIO]

    @property
    def key(self) -> str:
        """Tells it from every other file of the archive."""
        return f"{self.name}#{self.crc:08x}"


class _Found(Struct, frozen=True):
    kind: str
    family: str
    number: int
    name: str
    html: bool


def sort_of(name: str) -> _Found | None:
    """What a file is by its name and its folder, whatever lies above them; None if unknown."""
    path = PurePosixPath(name)
    named = _NAMED.fullmatch(path.name)
    if not named or path.is_absolute() or ".." in path.parts or "\\" in name:
        return None
    folder = path.parent.name
    for kind, (folders, families) in FAMILIES.items():
        if named[1] in families and (not folder or folder in folders):
            known = f"{folder}/{path.name}" if folder else path.name
            return _Found(kind, named[1], int(named[2] or 0), known, named[3] == "html")
    return None


class ZipPart:
    """One ZIP file. Raises BadInput for all that is no sound ZIP."""

    def __init__(self, path: Path) -> None:
        self.label = path.name
        _check_directory(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, struct.error) as error:
            raise errors.BadInput(f"{self.label} is a damaged ZIP file ({error}).") from error
        except (NotImplementedError, UnicodeError, MemoryError) as error:
            raise errors.BadInput(f"{self.label} is no ZIP file that can be read.") from error
        self._infos = {info.filename: info for info in self._zip.infolist() if not info.is_dir()}
        self._size = path.stat().st_size

    def names(self) -> Iterable[str]:
        return self._infos

    def entry(self, name: str, found: _Found) -> Entry:
        info = self._infos[name]
        shown = f"{found.name} in {self.label}"
        if info.flag_bits & 0x1:
            _bad(f"{shown} is locked with a password.", "Unlock it, or download the archive again.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            _bad(f"{shown} is packed in a way that Instagram does not use.")
        packed = max(1, min(info.compress_size, self._size))
        if info.file_size > MOST_BYTES or (
            info.file_size > FREE_BYTES and info.file_size > MOST_RATIO * packed
        ):
            _bad(f"{shown} would unpack to {info.file_size:,} bytes: this is no honest archive.")

        def opened() -> BinaryIO:
            try:
                return cast(BinaryIO, self._zip.open(info))
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as error:
                raise errors.BadInput(f"{shown} is damaged ({error}).") from error

        return Entry(found.family, found.number, found.name, info.file_size, info.CRC, opened)

    def close(self) -> None:
        self._zip.close()


class FolderPart:
    """An unpacked archive. Links are not followed: they may lead anywhere."""

    def __init__(self, path: Path) -> None:
        self.label = path.resolve().name
        self._root = path
        self._files = dict(self._walk())

    def _walk(self) -> Iterator[tuple[str, Path]]:
        count = 0
        for folder, below, files in os.walk(self._root):
            below.sort()
            count += len(files)
            if count > MOST_FILES:
                _bad(f"{self.label} holds more files than any archive.")
            for file in sorted(files):
                if file.endswith((".json", ".html", ".zip")):
                    path = Path(folder) / file
                    # With its own name in front, so that a folder of the archive is known too.
                    yield f"{self.label}/{path.relative_to(self._root).as_posix()}", path

    def names(self) -> Iterable[str]:
        return self._files

    def entry(self, name: str, found: _Found) -> Entry:
        path = self._files[name]
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode):
            _bad(f"{found.name} in {self.label} is no ordinary file.")
        if about.st_size > MOST_BYTES:
            _bad(f"{found.name} in {self.label} is larger than any real one.")
        crc = 0
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                crc = zlib.crc32(chunk, crc)
        return Entry(
            found.family, found.number, found.name, about.st_size, crc, lambda: path.open("rb")
        )

    def close(self) -> None:
        """Nothing is held open."""


Part = ZipPart | FolderPart


def part(path: Path) -> Part:
    """Open one part; raises BadInput."""
    try:
        return FolderPart(path) if path.is_dir() else ZipPart(path)
    except FileNotFoundError:
        _bad(f"There is no file {path}.")
    except OSError as error:
        raise errors.BadInput(f"{path} cannot be read: {error.strerror or error}.") from error


def check(parts: Sequence[Part]) -> None:
    """Raise BadInput unless these are parts of an Instagram archive in JSON."""
    names = [name for one in parts for name in one.names()]
    if any(name.endswith(".json") and _is_instagrams(name) for name in names):
        return
    label = " and ".join(one.label for one in parts)
    if any(name.endswith(".html") and _is_instagrams(name) for name in names):
        _bad(
            f"{label} is an archive in HTML, which is made for reading only.",
            "Ask Instagram for your information once more, and choose the format JSON.",
        )
    if any(name.endswith(".zip") for name in names):
        _bad(f"{label} holds ZIP files and no archive.", "Give those ZIP files instead.")
    _bad(
        f"{label} is no archive of Instagram.",
        "Give the ZIP file of “Download your information”, all of its parts if there are several.",
    )


def _is_instagrams(name: str) -> bool:
    return sort_of(name) is not None or not _SIGNS.isdisjoint(PurePosixPath(name).parts[:-1])


def wanted(parts: Sequence[Part], kind: str) -> list[Entry]:
    """The files of a kind, in the order of their numbers, whatever the order of the parts.

    The same file in two parts is read once. Raises BadInput where a number is missing.
    """
    entries = {
        entry.key: entry
        for one in parts
        for name in one.names()
        if (found := sort_of(name)) is not None and found.kind == kind and not found.html
        for entry in (one.entry(name, found),)
    }
    families = FAMILIES[kind][1]
    for family in families:
        numbers = {entry.number for entry in entries.values() if entry.family == family} - {0}
        missing = sorted(set(range(1, max(numbers, default=0) + 1)) - numbers)
        if missing:
            _bad(
                f"{family}_{missing[0]}.json is missing, although higher numbers are there.",
                "Give all parts of the archive at once.",
            )
    return sorted(
        entries.values(), key=lambda one: (families.index(one.family), one.number, one.key)
    )


def _check_directory(path: Path) -> None:
    """Look at a ZIP's end before its list of names is read into memory, however long it is."""
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(-min(file.tell(), (1 << 16) + 22 + 76), os.SEEK_CUR)
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        _bad(
            f"{path.name} is no ZIP file, or its end is missing.",
            "If it was downloaded, download it again; if it was unpacked, give the folder.",
        )
    (size,) = struct.unpack_from("<L", tail, at + 12)
    large = tail.rfind(b"PK\x06\x06", 0, at)
    if large >= 0 and len(tail) >= large + 48:
        size = max(size if size != 0xFFFFFFFF else 0, *struct.unpack_from("<Q", tail, large + 40))
    if size > MOST_DIRECTORY:
        _bad(f"{path.name} lists more files than any archive.")


def _bad(message: str, hint: str | None = None) -> NoReturn:
    raise errors.BadInput(message, hint=hint)
