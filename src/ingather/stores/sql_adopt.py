"""Finished comment exports of another store, taken over into SQL as they are."""

from collections.abc import Sequence

from msgspec import structs

from ingather import errors
from ingather.domain.job import Job
from ingather.domain.records import Comment
from ingather.stores import sql_columns, sql_records, sql_rows, sql_targets
from ingather.stores.sql import Sql, SqliteSql

_AT_ONCE = 100


class SqlAdopted:
    """ports.Adopting over a database: each export is written whole, in one transaction."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql
        self._rows = sql_records if isinstance(sql, SqliteSql) else sql_columns

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
            await inside.many(sql_targets.ADD, list(sql_targets.rows(row[0], job)))
            for base in range(0, len(rows), _AT_ONCE):
                some = rows[base : base + _AT_ONCE]
                for statement, each in self._rows.inserting(row[0], base, some):
                    await inside.run(statement, *each)
