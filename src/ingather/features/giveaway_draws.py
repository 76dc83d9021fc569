"""What follows a commitment of draw/2: its anchors, its draw, its disqualifications, its receipt.

Nothing here chooses anything. The round, the rules and the list stand in the commitment, whose hash
is checked before each step; a draw that was made is made again to the same end.
"""

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from msgspec import structs

from ingather import errors
from ingather.domain import draw_receipt
from ingather.domain.draw_receipt import Anchor, Disqualified, Logged, Posted
from ingather.domain.entries import Opening
from ingather.domain.giveaway import GiveawayRecord
from ingather.domain.giveaway_draw import Draw, LogLine, Note, broken_at
from ingather.domain.giveaway_rules import moment
from ingather.domain.instants import iso
from ingather.features import giveaway_sealed as sealed
from ingather.features.giveaway_opened import (
    Opened,
    check_bound,
    committed_of,
    out_wholly,
    places,
    rank_of,
)
from ingather.ports import Beacon, Clock, Draws, Secrets
from ingather.ports import Giveaways as Records

SIGNING = "giveaways: installation"
"""The name under which the installation's signing key is derived."""

_SKEW = 600.0
"""Seconds by which this machine's clock may lag behind the platform's."""

_PATIENCE = (3.0, 30.0)
"""Seconds between two looks for a round that is late: at first, and at the most."""


class GiveawayDraws:
    """The steps of draws that were committed to. tenant: who asks; None runs the installation."""

    def __init__(self, *, records: Records, draws: Draws, secrets: Secrets, clock: Clock) -> None:
        self._records = records
        self._draws = draws
        self._secrets = secrets
        self._clock = clock

    async def show(self, giveaway_id: str, *, tenant: str | None = None) -> GiveawayRecord:
        """The record; raises GiveawayNotFound, for another tenant's in the very same words."""
        missing = errors.GiveawayNotFound(f"There is no giveaway {giveaway_id}.")
        try:
            record = await self._records.show(giveaway_id)
        except errors.GiveawayNotFound:
            raise missing from None
        if tenant not in (None, record.tenant):
            raise missing
        return record

    async def committed(self, giveaway_id: str, *, tenant: str | None = None) -> Draw:
        """The draw, its commitment checked; raises BadInput for a giveaway of draw/1."""
        record = await self.show(giveaway_id, tenant=tenant)
        if record.protocol != 2:
            raise errors.BadInput(
                "This giveaway was drawn at once, by protocol 1: it has no commitment.",
                hint="`ingather giveaways show ID --json` has all that verifies it.",
            )
        draw = await self._draws.draw(giveaway_id)
        check_bound(draw)
        return draw

    async def anchor(self, draw: Draw, anchor: Anchor) -> Draw:
        """Store an anchor: evidence that the commitment was there before its round was."""
        made = self._clock.now()
        if isinstance(anchor, Posted):
            made = self._posted(anchor)
        if draw.signature is not None or made >= moment(draw.due_at).timestamp():
            raise errors.BadInput(
                f"The round of this giveaway is public from {draw.due_at} on: an anchor made after"
                " it proves nothing.",
            )
        if made > self._clock.now() + _SKEW:
            raise errors.BadInput("The comment is said to be of the future: nobody has posted it.")
        record = await self._records.show(draw.giveaway_id)
        if made < moment(record.created_at).timestamp() - _SKEW:
            raise errors.BadInput(
                f"The comment is older than the commitment, of {record.created_at}: it cannot hold"
                " its hash.",
                hint="Post the hash in a new comment, and give the time of that one.",
            )
        if anchor in draw.anchors:
            return draw
        detail: dict[str, Any] = msgspec.to_builtins(anchor)
        moved = structs.replace(draw, anchors=(*draw.anchors, anchor))
        return await self._moved(moved, record, "anchor", detail)

    @staticmethod
    def _posted(anchor: Posted) -> float:
        """When a comment was posted, in epoch seconds; BadInput where it cannot be one."""
        if not (anchor.id.isascii() and anchor.id.isdigit()):
            raise errors.BadInput(f"“{anchor.id}” is no comment id.", hint="It is a number.")
        try:
            return moment(anchor.timestamp).timestamp()
        except ValueError:
            raise errors.BadInput("It is not known when the comment was posted.") from None

    async def reveal(self, giveaway_id: str, beacon: Beacon, *, tenant: str | None = None) -> Draw:
        """Draw, once the committed round is there; a draw that was made stays as it is.

        Raises RoundNotYet while the round is not there, BeaconUnavailable, BeaconFalse, and
        BadInput where the beacon is of another chain.
        """
        draw = await self.committed(giveaway_id, tenant=tenant)
        if draw.signature is not None:
            return draw
        committed = committed_of(draw)
        bound = committed.said["beacon"]
        if beacon.chain.hash != bound["chain"]:
            raise errors.BadInput(
                f"This giveaway is bound to the chain {bound['chain'][:12]}…, and the beacon given"
                f" is of {beacon.chain.name}.",
                hint="Give the beacon that it was committed with.",
            )
        signature = await beacon.round(bound["round"])
        if signature is None:
            wait = max(0.0, moment(draw.due_at).timestamp() - self._clock.now())
            late = "" if wait else " It is late; a draw waits for it, however long."
            raise errors.RoundNotYet(
                f"Round {bound['round']} is due at {draw.due_at}.{late}",
                hint=f"To go on: ingather giveaways reveal {giveaway_id}",
                wait=wait,
            )
        drawn_at = iso(self._clock.now())
        drawn = structs.replace(draw, signature=signature.hex(), drawn_at=drawn_at)
        detail = {"round": bound["round"], "signature": signature.hex()}
        return await self._redrawn(drawn, "draw", detail)

    async def wait(
        self,
        giveaway_id: str,
        beacon: Beacon,
        *,
        tenant: str | None = None,
        patient: bool = True,
        tell: Callable[[float], None] = lambda seconds: None,
    ) -> Draw:
        """Draw as soon as the round is there, however long that takes. patient: whether to wait for
        a round that is late, which a file will never have. tell: called each second with the
        seconds that are left, 0 where the round is late."""
        patience, most = _PATIENCE
        while True:
            try:
                return await self.reveal(giveaway_id, beacon, tenant=tenant)
            except errors.RoundNotYet as not_yet:
                left = not_yet.wait
                if not (left or patient):
                    raise
            except errors.BeaconUnavailable:
                left = 0.0
            pause = left
            if not left:
                pause, patience = patience, min(most, 2 * patience)
            until = self._clock.monotonic() + pause
            while (rest := until - self._clock.monotonic()) > 0:
                tell(rest if left else 0.0)
                await self._clock.sleep(min(1.0, rest))

    async def disqualify(
        self, giveaway_id: str, who: str, reason: str, *, tenant: str | None = None
    ) -> Draw:
        """Take a place away, for a reason that the receipt repeats; the next rank moves up.

        who: a rank, or the username that holds a place. Where each may win once they are out with
        all their entries (docs/decisions/out-with-every-entry.md).
        """
        if not (reason := " ".join(reason.split())):
            raise errors.BadInput("A disqualification is public, and needs a reason.")
        draw = await self.committed(giveaway_id, tenant=tenant)
        if draw.signature is None:
            raise errors.BadInput("Nobody can be disqualified before the draw.")
        opened = await self.opened(draw)
        rank = rank_of(opened, who)
        struck = Disqualified(rank, reason, iso(self._clock.now()))
        moved = structs.replace(draw, disqualified=(*draw.disqualified, struck))
        if opened.committed.said["rules"]["unique_winners"]:
            moved = structs.replace(moved, disqualified=out_wholly(opened, moved.disqualified))
        return await self._redrawn(moved, "disqualify", {"rank": rank, "reason": reason})

    async def receipt(self, giveaway_id: str, *, tenant: str | None = None) -> bytes:
        """The public file from which anybody can verify the draw. Raises BadInput before it."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        draw = await self.committed(giveaway_id, tenant=tenant)
        if draw.signature is None:
            raise errors.BadInput(
                f"This giveaway is not drawn yet; its round is due at {draw.due_at}.",
                hint=f"ingather giveaways reveal {giveaway_id}",
            )
        opened = await self.opened(draw)
        return draw_receipt.receipt(
            committed=opened.committed,
            frozen=opened.frozen,
            signature=bytes.fromhex(draw.signature),
            disqualified=draw.disqualified,
            anchors=draw.anchors,
            log=await self.history(draw),
            written=iso(self._clock.now()),
            installation=Ed25519PrivateKey.from_private_bytes(self._secrets.derive(SIGNING)),
        )

    async def opening(
        self, giveaway_id: str, who: str, *, tenant: str | None = None
    ) -> list[Opening]:
        """What shows an entrant that they are in the list: each entry of theirs with its salt.

        who: a username, or the id of a comment. Raises BadInput where there is none.
        """
        opened = await self.opened(await self.committed(giveaway_id, tenant=tenant))
        name = who.strip().lstrip("@").lower()
        found = [
            opened.frozen.opening(place)
            for place, entry in enumerate(opened.frozen.entries)
            if name in (entry.u, entry.id)
        ]
        if not found:
            raise errors.BadInput(
                f"{who} is not in this draw.",
                hint="`ingather draw JOB --explain USERNAME` says why.",
            )
        return found

    async def opened(self, draw: Draw) -> Opened:
        """The draw with its list."""
        packed = self._secrets.unseal(f"giveaway:{draw.giveaway_id}", draw.sealed)
        hidden = sealed.unpacked(packed)
        committed, frozen = committed_of(draw), hidden.frozen()
        if frozen.root.hex() != committed.said["entries"]["root"]:
            raise errors.DamagedRecord(
                "The sealed list of this giveaway is not the one that was committed to: it was"
                " changed since, and cannot be drawn from.",
                hint="Restore the database from a backup.",
            )
        return Opened(
            draw=draw,
            record=await self._records.show(draw.giveaway_id),
            committed=committed,
            frozen=frozen,
            comments=hidden.comments(),
        )

    async def history(self, draw: Draw) -> list[Logged]:
        """Every commitment of this installation to the posts of a draw, oldest first.

        Raises DamagedRecord where the log has a hole: then nobody can say how many there were.
        """
        if (number := broken_at(await self._draws.log())) is not None:
            raise errors.DamagedRecord(
                f"The log of commitments is broken at number {number}: one was removed or changed,"
                " and no receipt can say how many draws there were.",
                hint="Restore the database from a backup.",
            )
        lines = {line.seq: line for post in draw.posts for line in await self._draws.log(post=post)}
        return [
            Logged(line.seq, line.commit, self._state(line)) for _, line in sorted(lines.items())
        ]

    def _state(self, line: LogLine) -> Literal["drawn", "waiting", "never drawn"]:
        if line.drawn:
            return "drawn"
        due = moment(line.due_at).timestamp() > self._clock.now()
        return "waiting" if due else "never drawn"

    async def _redrawn(self, draw: Draw, action: str, detail: dict[str, Any]) -> Draw:
        """Store a draw with the winners that it now has."""
        opened = await self.opened(draw)
        winners, alternates = places(opened)
        record = structs.replace(
            opened.record, status="drawn", winners=winners, alternates=alternates
        )
        return await self._moved(draw, record, action, detail)

    async def _moved(
        self, draw: Draw, record: GiveawayRecord, action: str, detail: dict[str, Any]
    ) -> Draw:
        note = Note(at=iso(self._clock.now()), who=record.tenant, action=action, detail=detail)
        if not await self._draws.move(draw, record, note):
            raise errors.StoreUnavailable(
                "Somebody else changed this giveaway at the same moment; nothing was written.",
                hint="Run the same command again.",
            )
        return await self._draws.draw(draw.giveaway_id)
