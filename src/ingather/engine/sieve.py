"""Which rows of a page are kept: each id once, and only what is newer where that was asked."""

from collections.abc import Sequence

from msgspec import Struct

from ingather.domain.job import Options
from ingather.domain.records import Record, is_reply, moment, natural_id


class Sifted(Struct, frozen=True, gc=False):
    """rows: kept, in their order. left_out: ids that were not. reached_old: whether rows of the
    earlier export came up, so that the list need not be read on."""

    rows: Sequence[Record]
    left_out: Sequence[str] = ()
    reached_old: bool = False


class Sieve:
    """Sifts the pages of one job."""

    def __init__(self, options: Options) -> None:
        self._since = options.since_time
        self._since_ids = frozenset(options.since_ids)

    def sift(self, records: Sequence[Record]) -> Sifted:
        """The rows to keep of a page."""
        unique = {natural_id(row): row for row in reversed(records)}
        rows: Sequence[Record] = records
        if len(unique) != len(records):
            rows = list(reversed(unique.values()))
        if self._since is None:
            return Sifted(rows)
        old = {natural_id(row): row for row in rows if self._is_old(row, self._since)}
        return Sifted(
            [row for row in rows if natural_id(row) not in old],
            sorted(old),
            any(not is_reply(row) for row in old.values()),
        )

    def _is_old(self, row: Record, since: str) -> bool:
        """Whether the earlier export had it: older than its newest row, or one of those as old."""
        made = moment(row)
        if made is None:
            return False
        return made < since or natural_id(row) in self._since_ids
