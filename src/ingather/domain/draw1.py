"""draw/1: the draw that anyone can repeat, and that its organiser can steer.

Source of every rule: the protocol's section draw/1, pinned by its vectors in tests/unit.
"""

import hashlib
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Literal

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from msgspec import Struct

from ingather import errors
from ingather.domain.records import Comment

ATTEMPTS = 100
"""Attempts for one slot before the draw is given up."""

CANNOT_PROMISE = (
    "The organiser chose the draw time. A millisecond earlier or later gives other winners, and"
    " trying about as many moments as there are entrants, a matter of a second on any computer,"
    " puts a chosen entrant on top.",
    "The rules by which entrants were let in are not part of the seed.",
    "The list may leave out comments that were written under the post, deleted ones among them.",
)
"""What has to be said beside every result of draw/1."""


class Participant(Struct, frozen=True, rename="camel"):
    """Whose comment was drawn."""

    comment_id: str
    user_id: str
    username: str


class Winner(Struct, frozen=True, kw_only=True, rename="camel"):
    """One attempt for one slot: `GiveawayWinner` of the seeds' data-models.md.

    winner_number, attempt: from 1. status: active where the slot was won, deprecated where that
    user held one already. seed_hash: hex, its 32 bytes being the ChaCha20 key. winner_index: place
    in the filtered, sorted list, from 0.
    """

    winner_number: int
    attempt: int
    status: Literal["active", "deprecated"]
    seed_input: str
    seed_hash: str
    winner_index: int
    participant: Participant


class Drawn1(Struct, frozen=True, kw_only=True):
    """A finished draw. participants_hash: hex. winners: every attempt, in the order drawn."""

    participants_hash: str
    filtered_participant_count: int
    winners: tuple[Winner, ...]


def draw(
    comments: Iterable[Comment],
    *,
    post_id: str,
    post_date_iso: str,
    comment_count: int,
    giveaway_date_iso: str,
    winner_count: int,
    unique_users: bool = True,
    unique_winners: bool = True,
) -> Drawn1:
    """Draw the winners among comments that have a comment id and a user id.

    post_date_iso: the post's timestamp, byte for byte as the source gave it. comment_count: what
    the platform declared at the export's start, else the number of stored comments.
    giveaway_date_iso: the draw time, `YYYY-MM-DDTHH:MM:SS.mmmZ`.

    Raises NoParticipants, TooFewParticipants, NoUniqueWinner, and BadInput for a comment without
    ids or for fewer than one winner.
    """
    entrants = participants(comments, unique_users=unique_users)
    if winner_count < 1:
        raise errors.BadInput("A draw has one winner at least.")
    if not entrants:
        raise errors.NoParticipants
    able = len(entrants)
    if unique_winners and not unique_users:
        able = len({each.user_id for each in entrants})
    if winner_count > able:
        raise errors.TooFewParticipants(winner_count, able)
    hashed = participants_hash([str(each.comment_id) for each in entrants])
    seed = f"{post_id}|{post_date_iso}|{comment_count}|{giveaway_date_iso}|{hashed}"
    winners: list[Winner] = []
    taken: set[str] = set()
    for number in range(1, winner_count + 1):
        tried = _slot(entrants, seed, number, taken if unique_winners else set())
        winners += tried
        taken.add(tried[-1].participant.user_id)
    return Drawn1(
        participants_hash=hashed,
        filtered_participant_count=len(entrants),
        winners=tuple(winners),
    )


def participants(comments: Iterable[Comment], *, unique_users: bool) -> list[Comment]:
    """Who takes part, by comment id as strings are compared, by code point.

    unique_users: of each user id, only the comment with the lowest comment id.
    """
    listed = list(comments)
    ids = [each.comment_id for each in listed]
    users = [each.user_id for each in listed]
    if None in ids or None in users:
        raise errors.BadInput(
            "A comment has no user id, and one person could not be told from another.",
            hint="Draw from an export whose source names its users.",
        )
    listed.sort(key=attrgetter("comment_id"))
    if unique_users:
        first: dict[str | None, Comment] = {}
        for each in listed:
            first.setdefault(each.user_id, each)
        listed = list(first.values())
    return listed


def participants_hash(ids: Iterable[str]) -> str:
    """Hex SHA-256 of the sorted ids, a line feed between them and none at the end."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def index(seed_input: str, count: int) -> tuple[str, int]:
    """The seed's hash in hex, and the place from 0 among `count` that it draws."""
    key = hashlib.sha256(seed_input.encode()).digest()
    stream = Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor().update(bytes(8))
    return key.hex(), int.from_bytes(stream, "big") % count


def _slot(entrants: Sequence[Comment], seed: str, number: int, taken: set[str]) -> list[Winner]:
    """All attempts for one slot, the last of which won it."""
    tried: list[Winner] = []
    for attempt in range(1, ATTEMPTS + 1):
        seed_input = f"{seed}|{number}|{attempt}"
        seed_hash, place = index(seed_input, len(entrants))
        drawn = entrants[place]
        repeated = drawn.user_id in taken
        tried.append(
            Winner(
                winner_number=number,
                attempt=attempt,
                status="deprecated" if repeated else "active",
                seed_input=seed_input,
                seed_hash=seed_hash,
                winner_index=place,
                participant=Participant(
                    drawn.comment_id or "", drawn.user_id or "", drawn.username or ""
                ),
            )
        )
        if not repeated:
            return tried
    raise errors.NoUniqueWinner(number, ATTEMPTS)
