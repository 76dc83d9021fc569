"""Parquet: typed columns for analysis, written in row groups so that memory stays small.

Ids are strings, counts int64, measures double, lists lists of strings, times instants in UTC to
the millisecond. The envelope is the metadata `ingather` of the file, as JSON.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from ingather import errors
from ingather.domain.records import Record
from ingather.exports.columns import Kind, Layout

GROUP = 20_000
"""Rows of a row group: large enough to compress well, a few MB while it is filled."""


def write(
    out: Any,
    batches: Iterable[Sequence[Record]],
    layout: Layout,
    envelope: Mapping[str, object],
    *,
    group: int = GROUP,
) -> None:
    """Write all rows. Raises DamagedRecord for a time that is none, or a count beyond 64 bits."""
    import pyarrow as pa  # late: it takes a fifth of a second
    import pyarrow.parquet as pq

    kinds: dict[Kind, Any] = {
        "id": pa.string(),
        "text": pa.string(),
        "url": pa.string(),
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "list": pa.list_(pa.string()),
        "time": pa.timestamp("ms", tz="UTC"),
    }
    schema = pa.schema(
        [(column.name, kinds[column.kind]) for column in layout],
        metadata={"ingather": msgspec.json.encode(envelope)},
    )
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for rows in _grouped(batches, group):
            arrays = [
                _array(rows, column.attribute, schema.field(column.name)) for column in layout
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema), row_group_size=group)


def _array(rows: Sequence[Record], attribute: str, field: Any) -> Any:
    import pyarrow as pa

    values = list(map(attrgetter(attribute), rows))
    told = pa.string() if pa.types.is_timestamp(field.type) else field.type
    try:
        found = pa.array(values, told)
        return found if told is field.type else found.cast(field.type)
    except (pa.ArrowInvalid, OverflowError) as error:
        what = "whole number of 64 bits" if told is field.type else "time with its offset from UTC"
        raise errors.DamagedRecord(
            f"A {field.name} of this job is no {what}, so Parquet has no place for it.",
            hint="Save it as .csv or .jsonl, which keep it as it is.",
        ) from error


def _grouped(batches: Iterable[Sequence[Record]], size: int) -> Iterable[Sequence[Record]]:
    group: list[Record] = []
    for batch in batches:
        group.extend(batch)
        while len(group) >= size:
            yield group[:size]
            del group[:size]
    if group:
        yield group
