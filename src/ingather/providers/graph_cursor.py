"""Where a comment export stands, as the opaque text that jobs keep: a cursor on two levels.

The upper level lists a post's comments. Threads whose replies were cut short wait in a queue, which
is read to its end before the next page of the upper level.
"""

import msgspec
from msgspec import Struct

from ingather import errors


class Cursor(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """after: of the next upper page; None at the beginning, and where `last` says there is none.

    queue: (comment id, cursor within its replies; None for their beginning), oldest first.
    """

    after: str | None = None
    queue: tuple[tuple[str, str | None], ...] = ()
    last: bool = False

    def text(self) -> str | None:
        """As a job keeps it; None where nothing is left to read."""
        if self.last and not self.queue:
            return None
        return msgspec.json.encode(self).decode()


_decoder = msgspec.json.Decoder(Cursor)


def read(text: str | None) -> Cursor:
    """The cursor in a text of this module; raises DeadCursor for any other."""
    if text is None:
        return Cursor()
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    raise errors.DeadCursor("This is no cursor of a list of comments; the list starts again.")
