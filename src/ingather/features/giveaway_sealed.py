"""What a commitment hides until its draw: the master secret and the admitted comments."""

import zlib
from collections.abc import Sequence

import msgspec
from msgspec import Struct, structs

from ingather.domain import entries
from ingather.domain.giveaway_rules import moment
from ingather.domain.records import Comment


class Admitted(Struct, frozen=True):
    """A comment in the draw, and how many entries it has."""

    comment: Comment
    entries: int


class Hidden(Struct, frozen=True):
    """The secret of 32 bytes, and every comment that was admitted."""

    master: bytes
    admitted: tuple[Admitted, ...]

    def frozen(self) -> entries.Frozen:
        """The list as it was committed to; the same whenever it is made."""
        made = (
            entries.entry(each.comment, number)
            for each in self.admitted
            for number in range(1, each.entries + 1)
        )
        return entries.freeze(made, self.master)

    def comments(self) -> dict[str, Comment]:
        """The admitted comments by their ids."""
        return {each.comment.comment_id or "": each.comment for each in self.admitted}


def hidden(master: bytes, admitted: Sequence[tuple[Comment, int]]) -> Hidden:
    """What is to be hidden. Times are written as entries have them: in UTC, ending in Z."""
    return Hidden(master, tuple(Admitted(_in_utc(row), count) for row, count in admitted))


def _in_utc(comment: Comment) -> Comment:
    written = comment.timestamp or ""
    if written.endswith("Z"):
        return comment
    from datetime import UTC

    text = moment(written).astimezone(UTC).isoformat().replace("+00:00", "Z")
    return structs.replace(comment, timestamp=text)


_decoder = msgspec.msgpack.Decoder(Hidden)


def packed(one: Hidden) -> bytes:
    """As small as it is quickly made."""
    return zlib.compress(msgspec.msgpack.encode(one), 1)


def unpacked(data: bytes) -> Hidden:
    """What `packed` was given."""
    return _decoder.decode(zlib.decompress(data))
