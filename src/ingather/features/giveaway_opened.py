"""A commitment of draw/2 with its list unsealed, and who is drawn by it."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct, structs

from ingather import errors
from ingather.domain import draw2, draw_receipt, entries
from ingather.domain.draw_receipt import Disqualified
from ingather.domain.giveaway import GiveawayRecord, GiveawayWinner, Participant, WinnerStatus
from ingather.domain.giveaway_draw import Draw
from ingather.domain.records import Comment


class Opened(Struct, frozen=True, kw_only=True):
    """A draw with its list unsealed."""

    draw: Draw
    record: GiveawayRecord
    committed: draw2.Committed
    frozen: entries.Frozen
    comments: dict[str, Comment]


def committed_of(draw: Draw) -> draw2.Committed:
    """The commitment as it was made."""
    text = draw.text.encode()
    return draw2.Committed(said=msgspec.json.decode(text), text=text, hash=draw2.commit_hash(text))


def check_bound(draw: Draw) -> None:
    """Raise where what is stored is not what was committed to."""
    committed = committed_of(draw)
    log = committed.said["log"]
    if committed.hex != draw.commit or (log["seq"], log["prev"]) != (draw.seq, draw.prev):
        raise errors.DamagedRecord(
            "The stored commitment of this giveaway is not the one that was made: it was changed"
            " since, and cannot be drawn.",
            hint="Restore the database from a backup.",
        )


def places(opened: Opened) -> tuple[tuple[GiveawayWinner, ...], tuple[GiveawayWinner, ...]]:
    """Winners and alternates as a record holds them, those passed over among them."""
    draw = opened.draw
    signature = bytes.fromhex(draw.signature or "")
    walked = draw_receipt.places(
        opened.committed,
        opened.frozen,
        signature,
        {each.rank: each.reason for each in draw.disqualified},
    )
    key = draw2.key(opened.committed.hash, signature).hex()
    wanted = opened.committed.said["rules"]["winners"]
    lists: tuple[list[GiveawayWinner], list[GiveawayWinner]] = ([], [])
    held = [0, 0]
    for place in walked:
        spare = int(held[0] >= wanted)
        status: WinnerStatus = "deprecated" if place.number is None else "active"
        lists[spare].append(
            GiveawayWinner(
                winner_number=held[spare] + 1,
                attempt=1,
                status=status,
                seed_input=draw.commit,
                seed_hash=key,
                winner_index=place.position,
                participant=_participant(opened, place.position),
                rank=place.rank,
                reason=place.reason or (place.status if place.number is None else None),
            )
        )
        held[spare] += place.number is not None
    return tuple(lists[0]), tuple(lists[1])


def _participant(opened: Opened, position: int) -> Participant:
    comment = opened.comments[opened.frozen.entries[position].id]
    return Participant(comment.comment_id or "", comment.user_id or "", comment.username or "")


def rank_of(opened: Opened, who: str) -> int:
    """The rank that is meant: a number, or whose holder has that name."""
    winners, alternates = places(opened)
    holding = [each for each in (*winners, *alternates) if each.status == "active"]
    name = who.strip().lstrip("@").lower()
    for each in holding:
        if name in (str(each.rank), each.participant.username.lower()):
            assert each.rank is not None
            return each.rank
    raise errors.BadInput(
        f"{who} holds no place in this draw.",
        hint="Name a rank or a username that `ingather giveaways show ID` lists.",
    )


def out_wholly(opened: Opened, struck: Sequence[Disqualified]) -> tuple[Disqualified, ...]:
    """The disqualifications, and those of every other rank that would give a place to somebody who
    lost one, for the same reason and under the same time as the first of theirs."""
    signature, listed = bytes.fromhex(opened.draw.signature or ""), opened.frozen.entries
    while True:
        reasons = {each.rank: each.reason for each in struck}
        walked = draw_receipt.places(opened.committed, opened.frozen, signature, reasons)
        users = {place.rank: listed[place.position].u for place in walked}
        out = {users[each.rank]: each for each in reversed(struck)}
        more = [
            structs.replace(out[users[place.rank]], rank=place.rank)
            for place in walked
            if place.number is not None and users[place.rank] in out
        ]
        if not more:
            return tuple(struck)
        struck = (*struck, *more)


def winners_of(opened: Opened) -> Sequence[Comment]:
    """The comments that won, in the order of their places."""
    winners, _ = places(opened)
    held = [each.participant.comment_id for each in winners if each.status == "active"]
    return [opened.comments[each] for each in held]
