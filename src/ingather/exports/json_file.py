"""JSON for programs: `.jsonl`, one record a line, and `.json`, one object with an envelope.

The same rows and envelope give the same bytes. Keys are those of the seeds; a key of a record that
may be missing there is left out when its value is unknown.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ingather.domain.records import Record
from ingather.exports.columns import Layout


def write_lines(out: Any, batches: Iterable[Sequence[Record]]) -> None:
    """One record a line, each line ended by LF; nothing for no rows."""
    encode = msgspec.json.Encoder().encode_lines
    for batch in batches:
        if batch:
            out.write(encode(batch))


def write(
    out: Any,
    batches: Iterable[Sequence[Record]],
    layout: Layout,
    envelope: Mapping[str, object],
) -> None:
    """The envelope's keys in their order, then the records under the name of their kind.

    Raises ValueError where the envelope has a key of that name itself.
    """
    if layout.kind in envelope:
        raise ValueError(f"the envelope has a key {layout.kind!r} of its own")
    encoder = msgspec.json.Encoder()
    lines = [encoder.encode(key) + b":" + encoder.encode(value) for key, value in envelope.items()]
    lines.append(encoder.encode(layout.kind) + b":[")
    out.write(b"{\n" + b",\n".join(lines))
    between = b"\n"
    for batch in batches:
        if batch:
            # A line feed inside a text is written \n, so every bare one is the end of a row.
            rows = encoder.encode_lines(batch)[:-1].replace(b"\n", b",\n")
            out.write(between + rows)
            between = b",\n"
    out.write(b"\n]\n}\n")
