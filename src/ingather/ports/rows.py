"""What a job has kept."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from ingather.domain.records import Record


class Rows(Protocol):
    """What a job has kept, in arrival order; readable at any time, whoever holds the job."""

    async def slice(self, job_id: str, offset: int, limit: int) -> Sequence[Record]:
        """At most `limit` rows from `offset` (0 is the first). Raises JobNotFound, StateLost."""
        ...

    async def count(self, job_id: str) -> int: ...

    def stream(self, job_id: str, *, size: int = 1_000) -> AsyncIterator[Sequence[Record]]:
        """All rows, in batches of `size`."""
        ...
