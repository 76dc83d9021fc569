"""Records of one type that a store gives as columns.

Half of what writing a file costs is making a record of every row and taking it to pieces again: a
writer that works by columns takes them as they are, and whoever wants records gets records.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, overload

from ingather.domain.records import Record

Row = tuple[Any, ...]


class Table(Sequence[Record]):
    """Rows in their order. names: of the records' fields, in the order of a row's cells. Not to be
    made of no rows."""

    def __init__(
        self,
        names: Sequence[str],
        rows: Sequence[Row],
        make: Callable[[Sequence[Row]], Sequence[Record]],
    ) -> None:
        self._names = names
        self._rows = rows
        self._make = make

    def columns(self) -> dict[str, Sequence[Any]]:
        """Name of a field → its values."""
        return dict(zip(self._names, zip(*self._rows, strict=True), strict=True))

    @cached_property
    def _records(self) -> Sequence[Record]:
        return self._make(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    @overload
    def __getitem__(self, at: int) -> Record: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Record]: ...

    def __getitem__(self, at: int | slice) -> Record | Sequence[Record]:
        return self._records[at]
