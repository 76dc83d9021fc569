"""Exports and giveaways from Redis, where they expire, into a database, where they stay.

Repeatable: what is there already is compared and left alone. Verified: after each export and each
giveaway what was written is read back, and compared by count and by hash.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.domain import giveaway
from ingather.domain.job import Job
from ingather.domain.records import Comment, Record, natural_id
from ingather.ports import Adopting, Giveaways, Jobs, Rows

_MOST = 1_000_000


class Kept(Jobs, Rows, Protocol):
    """A store with jobs and their rows."""


class Copies(Giveaways, Protocol):
    """Giveaways in Redis, those of other programs included."""

    async def every_id(self) -> Sequence[str]: ...


class Moved(Struct, frozen=True, kw_only=True):
    """What became of all there was. moved, there: now and before. unfinished: exports that still
    run, or are paused: they move once they have ended. lost: they have expired in part, or cannot
    be read. differing: the database has something else under that id."""

    rows: int = 0
    moved: tuple[str, ...] = ()
    there: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()


class _Tally:
    """The same while it grows."""

    def __init__(self) -> None:
        self._rows = 0
        self._ids: dict[str, list[str]] = {}

    def add(self, fate: str, number: str, rows: int = 0) -> None:
        self._ids.setdefault(fate, []).append(number)
        self._rows += rows

    def moved(self) -> Moved:
        return Moved(rows=self._rows, **{name: tuple(ids) for name, ids in self._ids.items()})


async def exports(source: Kept, target: Kept, adopting: Adopting) -> Moved:
    """Carry every finished export over. rows: how many comments were written."""
    tally = _Tally()
    for job in reversed(await source.list(limit=_MOST)):
        if job.unfinished:
            tally.add("unfinished", job.id)
            continue
        try:
            rows = await _rows(source, job)
        except errors.StoreError:
            tally.add("lost", job.id)
            continue
        there = await _there(target, job)
        if there is None:
            await adopting.adopt(job, rows)
            there = await _there(target, job)
            same = there == _digest(rows)
            tally.add("moved" if same else "differing", job.id, len(rows))
        else:
            tally.add("there" if there == _digest(rows) else "differing", job.id)
    return tally.moved()


async def giveaways(source: Copies, target: Giveaways) -> Moved:
    """Carry every giveaway over. Where the database has it already, the database is right."""
    tally = _Tally()
    for number in await source.every_id():
        try:
            record = await source.show(number)
        except errors.GiveawayNotFound:  # it expired this moment, or is an index
            continue
        except errors.DamagedRecord:
            tally.add("lost", number)
            continue
        try:
            there = await target.show(number)
        except errors.GiveawayNotFound:
            await target.keep(record)
            same = giveaway.text(await target.show(number)) == giveaway.text(record)
            tally.add("moved" if same else "differing", number)
        else:
            tally.add("there" if there == record else "differing", number)
    return tally.moved()


async def _rows(store: Kept, job: Job) -> list[Comment]:
    """Every row of an export, each id once."""
    found: dict[str, Comment] = {}
    async for batch in _streamed(store, job):
        for row in batch:
            assert isinstance(row, Comment)
            found.setdefault(natural_id(row), row)
    return list(found.values())


def _streamed(store: Kept, job: Job) -> AsyncIterator[Sequence[Record]]:
    return store.stream(job.id)


Digest = tuple[int, str]
"""How many rows there are, and the SHA-256 of their JSON in order, a line each."""


def _digest(rows: Sequence[Record]) -> Digest:
    encode = msgspec.json.Encoder().encode
    hashed = hashlib.sha256()
    for row in rows:
        hashed.update(encode(row) + b"\n")
    return len(rows), hashed.hexdigest()


async def _there(target: Kept, job: Job) -> Digest | None:
    """What the database holds of an export; None where it does not have it."""
    try:
        await target.show(job.id)
    except errors.JobNotFound:
        return None
    return _digest(await _rows(target, job))
