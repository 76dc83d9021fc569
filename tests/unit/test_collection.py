"""What a file takes of the rows that a job has kept."""

from collections.abc import AsyncIterator, Sequence

import pytest
from msgspec import structs

from ingather.domain import filters
from ingather.domain.job import Counters
from ingather.domain.records import Record
from ingather.features.collection import kept


class Arriving:
    """Rows of a job in pages of ten, and whether their reader has let them go."""

    def __init__(self, rows: Sequence[Record]) -> None:
        self.rows = rows
        self.closed = False

    async def stream(self) -> AsyncIterator[Sequence[Record]]:
        try:
            for start in range(0, len(self.rows), 10):
                yield self.rows[start : start + 10]
        finally:
            self.closed = True


@pytest.fixture
def arriving(make) -> Arriving:
    return Arriving(make.comments(40))


@pytest.mark.parametrize("counted", [0, 7, 10, 25, 40])
async def test_a_file_has_the_rows_that_its_receipt_counts(make, arriving, counted):
    """Rows that arrive while the file is made are not in it: `kept` says how many are."""
    job = make.job(status="running", counters=Counters(appended=counted))
    found = [row async for batch in kept(arriving.stream(), job) for row in batch]
    assert found == arriving.rows[:counted]
    assert arriving.closed


async def test_a_filter_sees_no_rows_beyond_these(make, arriving):
    """Filters choose among the rows that are counted, and of a job that is over among all."""
    chosen = filters.parse(["likes>=5"])
    job = make.job(status="paused", counters=Counters(appended=12))
    found = [row async for batch in kept(arriving.stream(), job, chosen) for row in batch]
    assert found == arriving.rows[5:12]
    done = structs.replace(job, status="done")
    found = [row async for batch in kept(arriving.stream(), done, chosen) for row in batch]
    assert found == arriving.rows[5:]
