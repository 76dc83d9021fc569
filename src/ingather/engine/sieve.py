"""Which rows of a page are kept: each id once, and only what is newer where that was asked."""

from collections.abc import Sequence

from msgspec import Struct

from ingather.domain.filters import Sieve as Filters
from ingather.domain.job import Job
from ingather.domain.records import Record, is_reply, moment, natural_id, natural_ids


class Sifted(Struct, frozen=True, gc=False):
    """rows: kept, in their order. left_out: ids that were not. reached_old: whether rows of the
    earlier export came up, so that the list need not be read on."""

    rows: Sequence[Record]
    left_out: Sequence[str] = ()
    reached_old: bool = False


class Sieve:
    """Sifts the pages of one job."""

    def __init__(self, job: Job) -> None:
        options = job.options
        self._filters = Filters(options.filters) if options.filters else None
        self._since = options.since_time
        self._replies = options.since_replies or options.since_time
        self._since_ids = frozenset(options.since_ids)
        self._down_to = job.down_to

    @property
    def needs_rows(self) -> bool:
        """Whether a job that goes on must tell the rows it has kept."""
        return self._filters is not None and self._filters.needs_rows

    @property
    def reads_on(self) -> bool:
        """Whether what a page holds never ends the list."""
        return self._since is None

    def remember(self, rows: Sequence[Record]) -> None:
        """Rows that the job has kept already."""
        if self._filters is not None:
            self._filters.remember(rows)

    def sift(self, records: Sequence[Record]) -> Sifted:
        """The rows to keep of a page."""
        rows: Sequence[Record] = records
        if len(set(natural_ids(records))) != len(records):
            firsts: dict[str, Record] = {}
            for row in records:
                firsts.setdefault(natural_id(row), row)
            rows = list(firsts.values())
        if self._filters is not None:
            return self._filtered(rows, self._filters)
        if self._since is None:
            return Sifted(rows)
        old = {natural_id(row): row for row in rows if self._is_old(row)}
        return Sifted(
            [row for row in rows if natural_id(row) not in old],
            sorted(old),
            any(self._is_far(row) for row in old.values()),
        )

    def _filtered(self, rows: Sequence[Record], filters: Filters) -> Sifted:
        kept = [row for row in rows if filters.keep(row)]
        ids = {natural_id(row) for row in kept}
        return Sifted(kept, [own for row in rows if (own := natural_id(row)) not in ids])

    def _is_old(self, row: Record) -> bool:
        """Whether an earlier export had it: older than what it had read, or one of those newer."""
        made, since = moment(row), self._replies if is_reply(row) else self._since
        if made is None or since is None:
            return False
        return made < since or natural_id(row) in self._since_ids

    def _is_far(self, row: Record) -> bool:
        """Whether an old row is a comment whose thread need not be read again, either."""
        made = moment(row)
        if is_reply(row) or made is None:
            return False
        return self._down_to is None or made < self._down_to
