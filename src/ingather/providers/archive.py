"""The official "Download your information" archive as a Source: no account, no network.

What it holds is what its owner did: followers, following, own comments, liked posts, own posts and
reels. It has no ids and no counts: those are None. A comment's username is its writer's, the owner;
a liked post's timestamp is that of the like, the only time there is.
"""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.domain.job import Owner, Target
from ingather.domain.page import Page
from ingather.domain.records import Record
from ingather.ports import Turns
from ingather.providers import archive_map, archive_stream, archive_zip
from ingather.providers.archive_zip import Entry

ROWS_A_PAGE: Final = 500

KINDS: Final = {
    "followers": "followers",
    "following": "following",
    "followings": "following",
    "comments": "comments",
    "commenters": "comments",
    "liked": "liked",
    "posts": "posts",
    "reels": "reels",
}
"""Kinds an archive can tell, and what they are called in its route."""

_NOT_TOLD = {
    "likers": "An archive does not tell who liked a post; it tells which posts its owner liked.",
    "hashtag-clips": "An archive knows nothing of hashtags beyond its owner's own posts.",
}

T = TypeVar("T")


class Cursor(Struct, frozen=True, forbid_unknown_fields=True):
    """file: key of an Entry. index: of the next entry in it, 0 for the first."""

    file: str
    index: int


class _Step(Struct, frozen=True):
    at: Cursor
    item: Any
    name: str


class _Opened(Struct, frozen=True):
    """An archive that has been looked through."""

    parts: list[archive_zip.Part]
    entries: list[Entry]
    id: str
    owner: str | None


class ArchiveSource:
    """ports.Source over one archive, in one ZIP file, in several, or unpacked in a folder.

    kind: a key of KINDS. Raises BadInput for a kind that no archive tells.
    """

    name = "archive"
    limit_key = "archive"

    def __init__(self, paths: Sequence[str | Path], *, kind: str) -> None:
        if kind not in KINDS:
            raise errors.BadInput(
                _NOT_TOLD.get(kind, f"An archive holds no {kind}."),
                hint=f"It can tell: {', '.join(dict.fromkeys(KINDS.values()))}.",
            )
        if not paths:
            raise errors.BadInput("No archive was given.", hint="Give its ZIP file.")
        self.kind = KINDS[kind]
        self.route = f"archive/{self.kind}"
        self._paths = list(dict.fromkeys(Path(path).resolve() for path in paths))
        self._lock = threading.Lock()  # a cancelled fetch goes on in its thread for a moment
        self._opened: _Opened | None = None
        self._steps: Generator[_Step, None, None] | None = None
        self._next: _Step | None = None

    async def owner(self, target: Target | None = None) -> Owner:
        """The account whose archive it is; known by its name, for archives do not tell its id."""
        opened = await self._run(self._open)
        return Owner(f"@{opened.owner}" if opened.owner else opened.id, opened.owner or "archive")

    async def resolve(self, post: str) -> Target:
        """The archive, named by one of its paths or by "". Its id is a digest of what it holds.

        Raises BadInput for what is no archive in JSON, NotReachable where this kind is not in it.
        """
        if not self._names(post.strip()):
            raise errors.BadInput(f"{post.strip()[:200]} is not the archive that was given.")
        opened = await self._run(self._open)
        if not opened.entries:
            raise errors.NotReachable(
                f"This archive has no list of {self.kind}: there are none, or they were not chosen"
                " when it was asked for, or they are in another of its parts."
            )
        return Target(id=opened.id, username=opened.owner)

    async def fetch(
        self, target: Target, cursor: str | None, *, replies: bool = True, limit: int | None = None
    ) -> Page:
        """The entries at a cursor, in the order of the files and of the entries in them.

        Raises NotReachable when the archive is not the one that the target names, DeadCursor,
        Refused for damaged files, SchemaDrift.
        """
        size = max(1, min(limit or ROWS_A_PAGE, ROWS_A_PAGE))
        try:
            return await self._run(lambda: self._page(target, cursor, size))
        except errors.BadInput as error:  # a Source's pages know no errors but its own
            raise errors.Refused(error.message, hint=error.hint) from error

    def under(self, turns: Turns) -> "ArchiveSource":
        """The same: nobody is called."""
        return self

    def take_units(self) -> int:
        """Nothing is billed here."""
        return 0

    async def close(self) -> None:
        await self._run(self._close)

    def _names(self, words: str) -> bool:
        return not words or Path(words).resolve() in self._paths

    async def _run(self, work: Callable[[], T]) -> T:
        def locked() -> T:
            with self._lock:
                return work()

        return await asyncio.to_thread(locked)

    def _page(self, target: Target, cursor: str | None, size: int) -> Page:
        opened = self._open()
        if target.id != opened.id:
            raise errors.NotReachable(
                "This is not the archive that the job began with: its files have changed."
            )
        self._seek(opened, cursor)
        mapper = archive_map.Mapper(self.kind, opened.owner)
        rows: list[Record] = []
        while (step := self._next) is not None and len(rows) < size:
            rows += mapper.records(step.item, step.name)
            self._advance()
        then = None if step is None else msgspec.json.encode(step.at).decode()
        return Page(rows, then, None, mapper.repaired)

    def _seek(self, opened: _Opened, cursor: str | None) -> None:
        """Stand at a cursor: where the last page ended, or after reading up to it once more."""
        at = None if cursor is None else _read(cursor, opened.entries)
        if at is not None and self._next is not None and self._next.at == at:
            return
        self._leave()
        self._steps = _walk(opened.entries, at)
        self._advance()

    def _advance(self) -> None:
        assert self._steps is not None
        try:
            self._next = next(self._steps, None)
        except BaseException:
            self._leave()  # a generator that has raised would look like the end of the list
            raise

    def _leave(self) -> None:
        if self._steps is not None:
            self._steps.close()
        self._steps = self._next = None

    def _open(self) -> _Opened:
        if self._opened is None:
            parts: list[archive_zip.Part] = []
            try:
                for path in self._paths:
                    parts.append(archive_zip.part(path))
                archive_zip.check(parts)
                self._opened = _look_through(parts, self.kind)
            except BaseException as error:
                for one in parts:
                    one.close()
                if isinstance(error, OSError):
                    raise errors.BadInput(f"The archive cannot be read: {error}.") from error
                raise
        return self._opened

    def _close(self) -> None:
        self._leave()
        if self._opened is not None:
            for one in self._opened.parts:
                one.close()
        self._opened = None


def _look_through(parts: list[archive_zip.Part], kind: str) -> _Opened:
    entries = archive_zip.wanted(parts, kind)
    about = archive_zip.wanted(parts, archive_zip.OWNER)
    owners = {name for entry in about if (name := _owner_in(entry)) is not None}
    if len(owners) > 1:
        raise errors.BadInput(
            f"These are archives of different people: {', '.join(sorted(owners))}.",
            hint="Give the parts of one archive at a time.",
        )
    told = [f"{entry.key} {entry.size}" for entry in (*entries, *about)]
    told = told or sorted(name for one in parts for name in one.names())
    digest = hashlib.sha256("\n".join([kind, *told]).encode("utf-8", "surrogatepass")).hexdigest()
    return _Opened(parts, entries, f"archive-{digest[:32]}", owners.pop() if owners else None)


def _owner_in(entry: Entry) -> str | None:
    try:
        with (
            closing(entry.open()) as stream,
            closing(archive_stream.items(stream, entry.name)) as items,
        ):
            return next(filter(None, map(archive_map.owner_of, items)), None)
    except errors.Refused as error:
        raise errors.BadInput(error.message, hint=error.hint) from error


def _walk(entries: list[Entry], start: Cursor | None) -> Generator[_Step, None, None]:
    """Every entry of every file from a cursor on, each with the cursor that leads to it."""
    keys = [entry.key for entry in entries]
    first = 0 if start is None else keys.index(start.file)
    for entry in entries[first:]:
        skipped = start.index if start is not None and start.file == entry.key else 0
        with closing(entry.open()) as stream:
            for index, item in enumerate(archive_stream.items(stream, entry.name)):
                if index >= skipped:
                    yield _Step(Cursor(entry.key, index), item, entry.name)


_decoder = msgspec.json.Decoder(Cursor)


def _read(cursor: str, entries: list[Entry]) -> Cursor:
    """The cursor in a text of this module; raises DeadCursor for any other."""
    try:
        found = _decoder.decode(cursor)
    except (msgspec.DecodeError, ValueError, RecursionError):
        found = Cursor("", 0)
    if found.index < 0 or found.file not in {entry.key for entry in entries}:
        raise errors.DeadCursor("This is no cursor of this archive; the list starts again.")
    return found
