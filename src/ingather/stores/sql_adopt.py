"""Finished comment exports of another store, taken over into SQL as they are."""

from collections.abc import Sequence
from itertools import chain, islice

from msgspec import structs

from ingather import errors
from ingather.domain.job import Job
from ingather.domain.records import Comment
from ingather.stores import sql_records, sql_rows
from ingather.stores.sql import Sql

_AT_ONCE = 100


class SqlAdopted:
    """ports.Adopting over a database: each export is written whole, in one transaction."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    async def adopt(self, job: Job, rows: Sequence[Comment]) -> None:
        counters = structs.replace(job.counters, appended=len(rows))
        job = structs.replace(job, counters=counters, due=None, holder=None, wish=None)
        values = sql_rows.created(job) | sql_rows.changed(job, lease_until=None)
        values["sequence"] = job.sequence
        names = ", ".join(values)
        places = ", ".join("?" * len(values))
        async with self._sql.together() as inside:
            row = await inside.one(
                f"INSERT INTO extractions ({names}) VALUES ({places})"
                " ON CONFLICT (id) DO NOTHING RETURNING number",
                *values.values(),  # type: ignore[arg-type]
            )
            if row is None:
                raise errors.StoreError(f"There is a job {job.id} in the database already.")
            await _add(inside, row[0], rows)


async def _add(inside: Sql, number: int, rows: Sequence[Comment]) -> None:
    table = sql_records.TABLES[Comment]
    columns = ", ".join(("place", "extraction", *table.columns))
    packed = iter(table.pack(rows))
    place = number * sql_records.PLACES
    while some := list(islice(packed, _AT_ONCE)):
        cells = f"({', '.join('?' * (2 + len(table.columns)))})"
        values = chain.from_iterable(
            (place + offset, number, *row) for offset, row in enumerate(some)
        )
        await inside.run(
            f"INSERT INTO {table.name} ({columns}) VALUES {', '.join([cells] * len(some))}",
            *values,
        )
        place += len(some)
