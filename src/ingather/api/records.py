"""A page of what a job has kept: by offset, sorted by a column, and filtered."""

import heapq
from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.domain import filters
from ingather.domain.filter_kinds import Filter, inlined, references
from ingather.domain.job import Job
from ingather.domain.records import Record
from ingather.exports.columns import Column
from ingather.features.collection import layout, sieved
from ingather.features.extraction import refuse_void

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.storage import Store

SORTED = 10_000
"""Rows among which a sorted page may lie: they are held in memory meanwhile."""


class Page(Struct, frozen=True):
    """Rows of a job. total: how many there are in all that pass; None where that is not known,
    because counting them would mean to read on. more: whether there are rows after these."""

    rows: Sequence[Record]
    offset: int
    limit: int
    total: int | None
    more: bool


async def page(
    store: "Store",
    job: Job,
    chosen: tuple[Filter, ...],
    *,
    offset: int,
    limit: int,
    sort: str | None,
) -> Page:
    """The rows from `offset` on, in arrival order or sorted. Raises BadInput."""
    if sort is not None:
        return await _sorted(store, job, chosen, offset, limit, sort)
    if not chosen:
        rows = await store.slice(job.id, offset, limit)
        total = await store.count(job.id)
        return Page(rows, offset, limit, total, offset + len(rows) < total)
    found: list[Record] = []
    passed = 0
    async for batch in sieved(store.stream(job.id), chosen):
        passed += len(batch)
        found += batch[max(0, len(batch) - (passed - offset)) :] if passed > offset else []
        if len(found) > limit:
            return Page(found[:limit], offset, limit, None, True)
    return Page(found, offset, limit, passed, False)


async def _sorted(
    store: "Store", job: Job, chosen: tuple[Filter, ...], offset: int, limit: int, sort: str
) -> Page:
    """Rows whose value is not known come last, whichever way the others are sorted."""
    columns = {column.name: column for column in layout(job)}
    column = columns.get(sort.removeprefix("-"))
    if column is None:
        raise errors.BadInput(
            f"These rows have no column {sort[:60]!r}.",
            hint=f"Sort by {', '.join(columns)}, with - in front for the largest first.",
        )
    if offset + limit > SORTED:
        raise errors.BadInput(
            f"A sorted page lies within the first {SORTED:,} rows.",
            hint="Download the file for more, or filter.",
        )
    down, value = sort.startswith("-"), _value(column)
    kept: list[Record] = []
    unknown: list[Record] = []
    total, most = 0, offset + limit
    async for batch in sieved(store.stream(job.id), chosen):
        total += len(batch)
        known = [row for row in batch if value(row) is not None]
        choose = heapq.nlargest if down else heapq.nsmallest
        kept = choose(most, kept + known, key=value)
        if len(unknown) < most:
            unknown += [row for row in batch if value(row) is None]
    rows = (kept + unknown)[offset:most]
    return Page(rows, offset, limit, total, offset + len(rows) < total)


def _value(column: Column) -> Any:
    """What a row is sorted by: ids as numbers, text whatever its case."""
    get = attrgetter(column.attribute)

    def value(row: Record) -> Any:
        found = get(row)
        if isinstance(found, str):
            return (len(found), found) if column.kind == "id" else found.casefold()
        return found

    return value


async def chosen(
    world: "World", owner: str, words: Sequence[str], kind: str | None = None
) -> tuple[Filter, ...]:
    """Filters in words; the lists that they name are other jobs of the same owner, never a file
    of this machine. kind: refuse what no row of it can pass. Raises BadInput."""
    found = inlined(filters.parse(words), await lists(world, owner, words))
    if kind is not None:
        refuse_void(found, kind)
    return found


async def lists(world: "World", owner: str, words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The usernames behind each job that these filters name. Raises BadInput."""
    return {each: await _names(world, owner, each) for each in references(filters.parse(words))}


async def _names(world: "World", owner: str, reference: str) -> tuple[str, ...]:
    if reference.startswith("@"):
        raise errors.BadInput(
            "Files cannot be named here.", hint="Write the names, or job:ID of a job of yours."
        )
    job_id = reference.removeprefix("job:")
    for store in world.stores:
        try:
            job = await store.show(job_id, targets=0)
        except errors.JobNotFound:
            continue
        if job.tenant == owner:
            kept = store.stream(job.id)
            names = {getattr(row, "username", None) async for rows in kept for row in rows}
            return tuple(sorted(name for name in names if name))
    raise errors.BadInput(f"There is no job {job_id[:100]} to take names from.")


def encoded(found: Page, name: str) -> bytes:
    """As JSON, the rows under their own name."""
    shown = {
        name: found.rows,
        "offset": found.offset,
        "limit": found.limit,
        "total": found.total,
        "more": found.more,
    }
    return msgspec.json.encode(shown)
