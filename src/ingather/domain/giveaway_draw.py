"""A draw of draw/2 as it stands: what was committed and never changes, and what came after it."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from ingather.domain.draw_receipt import Anchor, Disqualified


class Head(Struct, frozen=True):
    """The newest commitment of an installation. seq: 0 and commit None before the first."""

    seq: int
    commit: str | None


class Draw(Struct, frozen=True, kw_only=True):
    """One draw.

    Committed, and the same for ever: seq, from 1; prev: the hash of the commitment before it,
    None for the first; text: C, the canonical text; commit: its hash, hex; due_at: when its round
    appears, ISO 8601 UTC; posts: media ids; sealed: the master secret and the admitted comments,
    encrypted.

    Since then: anchors; signature: of the beacon's round, hex, None before it was drawn; drawn_at:
    ISO 8601 UTC; disqualified ranks; version: raised at each move.
    """

    giveaway_id: str
    seq: int
    prev: str | None
    text: str
    commit: str
    due_at: str
    posts: tuple[str, ...]
    sealed: bytes
    anchors: tuple[Anchor, ...] = ()
    signature: str | None = None
    drawn_at: str | None = None
    disqualified: tuple[Disqualified, ...] = ()
    version: int = 0


class LogLine(Struct, frozen=True, kw_only=True):
    """A commitment in the log. at: when it was made; due_at: when its round appears."""

    seq: int
    prev: str | None
    commit: str
    giveaway_id: str
    at: str
    due_at: str
    drawn: bool


class Note(Struct, frozen=True, kw_only=True):
    """One line of the audit log. who: the tenant. action: commit, anchor, draw, …"""

    at: str
    who: str
    action: str
    detail: dict[str, Any] = {}


def broken_at(log: Sequence[LogLine]) -> int | None:
    """The first number at which a whole log does not link to the commitment before it, or lacks
    one; None where it holds."""
    before: str | None = None
    for number, entry in enumerate(log, 1):
        if entry.seq != number or entry.prev != before:
            return number
        before = entry.commit
    return None
