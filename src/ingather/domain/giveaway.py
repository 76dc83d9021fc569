"""Giveaways as the seeds record them: `GiveawayRecord`, `GiveawayWinner`, `GiveawayListItem`.

The keys are those of data-models.md, to the letter. A record of draw/2 has the same shape, with
what it knows beyond it in keys of its own: `protocol` 2, the commitment as `seedInput`, the key of
the draw as `seedHash`, and attempt 1 everywhere, because there is one draw and no other attempt.
"""

import contextlib
from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from ingather import errors

WinnerStatus = Literal["active", "deprecated"]


class Participant(Struct, frozen=True, rename="camel"):
    """The comment that was drawn, and who wrote it."""

    comment_id: str
    user_id: str
    username: str


class GiveawayWinner(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One draw attempt for one place.

    winner_number: from 1. attempt: from 1. winner_index: in the sorted list of participants (in
    draw/2: of leaves). deprecated: it was passed over; reason says why, where the protocol tells.
    rank: from 1, in the order in which draw/2 drew.
    """

    winner_number: int
    attempt: int
    status: WinnerStatus
    seed_input: str
    seed_hash: str
    winner_index: int
    participant: Participant
    rank: int | None = None
    reason: str | None = None


class GiveawayPost(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The post. post_date_iso: as the source gave it, byte for byte; null where it did not."""

    media_id: str
    post_date_iso: str | None = field(default_factory=lambda: None)
    permalink: str | None = None
    caption: str | None = None


class GiveawayOptions(Struct, frozen=True, rename="camel"):
    """The seed's three options."""

    unique_users: bool
    unique_winners: bool
    winner_count: int


class GiveawayRecord(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`GiveawayRecord` of data-models.md, and after it what draw/2 knows beside it.

    created_at: of draw/1 the draw time, of draw/2 the time of the commitment.
    comment_count: declared when the export began, or comments kept where nothing was declared.
    participants_hash: SHA-256 of the ids of the comments in the draw, sorted, a line feed between.
    tenant: on whose behalf this installation ran it. posts, export_ids: where there are several.
    log_number, commit: of the commitment in this installation's log. chain, round, round_time: what
    it waits for.
    """

    giveaway_id: str
    created_at: str
    export_id: str
    profile_id: str
    post: GiveawayPost
    comment_count: int
    participants_hash: str
    filtered_participant_count: int
    options: GiveawayOptions
    winners: tuple[GiveawayWinner, ...]
    protocol: Literal[1, 2] = 1
    status: Literal["drawn", "committed"] = "drawn"
    tenant: str = "local"
    export_ids: tuple[str, ...] = ()
    posts: tuple[GiveawayPost, ...] = ()
    alternates: tuple[GiveawayWinner, ...] = ()
    log_number: int | None = None
    commit: str | None = None
    chain: str | None = None
    round: int | None = None
    round_time: str | None = None

    @property
    def every_post(self) -> tuple[GiveawayPost, ...]:
        return self.posts or (self.post,)


class ListedPost(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The post of a list item."""

    media_id: str
    permalink: str | None = None


class ListedOptions(Struct, frozen=True, rename="camel"):
    """The options of a list item."""

    winner_count: int


class GiveawayListItem(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`GiveawayListItem` of data-models.md, and what draw/2 says beside it."""

    giveaway_id: str
    created_at: str
    post: ListedPost
    options: ListedOptions
    active_winner_count: int = field(default_factory=lambda: 0)
    protocol: Literal[1, 2] = 1
    status: Literal["drawn", "committed"] = "drawn"


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(GiveawayRecord)


def text(record: GiveawayRecord) -> bytes:
    """The record's JSON."""
    return _encode(record)


def read(stored: bytes | str) -> GiveawayRecord:
    """The record in a JSON text, keys unknown to us passed over; raises DamagedRecord."""
    try:
        return _decoder.decode(stored)
    except (msgspec.DecodeError, ValueError, RecursionError) as failure:
        raise errors.DamagedRecord(f"A stored giveaway cannot be read: {failure}.") from failure


def readable(stored: Iterable[bytes | str]) -> list[GiveawayRecord]:
    """The records that can be read."""
    found = []
    for each in stored:
        with contextlib.suppress(errors.DamagedRecord):
            found.append(read(each))
    return found


def item(record: GiveawayRecord) -> GiveawayListItem:
    """The record as lists show it."""
    return GiveawayListItem(
        giveaway_id=record.giveaway_id,
        created_at=record.created_at,
        post=ListedPost(record.post.media_id, record.post.permalink),
        options=ListedOptions(record.options.winner_count),
        active_winner_count=sum(winner.status == "active" for winner in record.winners),
        protocol=record.protocol,
        status=record.status,
    )


def item_object(record: GiveawayRecord) -> dict[str, Any]:
    """The list item as a plain object."""
    found: dict[str, Any] = msgspec.json.decode(_encode(item(record)))
    return found
