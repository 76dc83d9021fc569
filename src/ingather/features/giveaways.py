"""Giveaways from finished exports: who takes part, the draw at once (draw/1), the commitment to a
draw that nobody can steer (draw/2).

What follows a commitment is `giveaway_draws`.
"""

import uuid
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import structs

from ingather import errors
from ingather.domain import draw1, draw2, giveaway_words
from ingather.domain.beacon import Chain
from ingather.domain.giveaway import (
    GiveawayOptions,
    GiveawayPost,
    GiveawayRecord,
    GiveawayWinner,
    Participant,
)
from ingather.domain.giveaway_draw import Draw, Note
from ingather.domain.giveaway_judge import judge
from ingather.domain.giveaway_rules import Rules
from ingather.domain.instants import iso
from ingather.features import giveaway_sealed as sealed
from ingather.features.giveaway_exports import Exports, Gathered
from ingather.features.giveaway_plan import Plan, Planner
from ingather.ports import Clock, Draws, Secrets
from ingather.ports import Giveaways as Records

DELAY = 600.0
LEAST_DELAY = 60.0
"""Seconds from the commitment to its round: by default, and at the least on a chain that counts."""

MOST_DELAY = 366 * 86_400.0
"""Seconds that a round may be away."""

_TRIES = 100


class Giveaways(Planner):
    """Plan, draw at once, commit."""

    def __init__(
        self,
        *,
        exports: Exports,
        records: Records,
        draws: Draws,
        secrets: Secrets,
        clock: Clock,
        random: Callable[[int], bytes],
    ) -> None:
        super().__init__(exports, records)
        self._draws = draws
        self._secrets = secrets
        self._clock = clock
        self._random = random

    async def run(self, plan: Plan, *, at: float | None = None) -> GiveawayRecord:
        """Draw at once by draw/1. at: the draw time, epoch seconds; now where it is not given.

        Raises NoParticipants, TooFewParticipants, NoUniqueWinner.
        """
        if plan.protocol != 1:
            raise ValueError("a plan for draw/2 is committed to")
        record = self._record(plan, created_at=iso(self._clock.now() if at is None else at))
        if record.post.post_date_iso is None:
            raise errors.BadInput(
                "The source does not tell when the post was published, which draw/1 is seeded by.",
                hint="Draw by protocol 2, or from an export of comments.",
            )
        drawn = draw1.draw(
            [comment for comment, _ in plan.admitted().admitted],
            post_id=record.post.media_id,
            post_date_iso=record.post.post_date_iso,
            comment_count=record.comment_count,
            giveaway_date_iso=record.created_at,
            winner_count=plan.rules.winners,
            unique_users=plan.rules.unique_users,
            unique_winners=plan.rules.unique_winners,
        )
        record = structs.replace(
            record,
            participants_hash=drawn.participants_hash,
            filtered_participant_count=drawn.filtered_participant_count,
            winners=tuple(_winner(each) for each in drawn.winners),
        )
        await self._records.keep(record)
        snapshot = plan.gathered.snapshot()
        rules = giveaway_words.public(plan.rules)
        await self._tell(record, "run", {"rules": rules, "snapshot": snapshot})
        return record

    async def taking_part(self, record: GiveawayRecord) -> list[str]:
        """The comment ids that a draw/1 was made from, in the order in which they were hashed.

        They are found anew, from the export and the rules that the draw noted. Raises
        ExportNotFound, and BadInput for draw/2 or where they are not the same any more.
        """
        if record.protocol != 1:
            raise errors.BadInput(
                "A draw of protocol 2 is verified from its receipt alone.",
                hint="`ingather giveaways show ID -o RECEIPT.json` writes it.",
            )
        notes = await self._draws.told(record.giveaway_id)
        noted = [note.detail["rules"] for note in notes if note.action == "run"]
        if not noted:
            raise errors.BadInput(
                "The rules of this draw were not noted: who took part is unknown."
            )
        rules = msgspec.convert(noted[0], Rules)
        gathered = await self._exports.gather(
            (record.export_id,), tenant=None, accept_incomplete=True
        )
        past = [await self._records.show(each) for each in rules.past_giveaways]
        winner_ids = {each.participant.user_id for one in past for each in one.winners
                      if each.status == "active"}  # fmt: skip
        judged = judge(gathered.comments, rules, winner_ids=winner_ids, placed=False)
        ids = [comment.comment_id or "" for comment, _ in judged.admitted]
        if draw1.participants_hash(ids) != record.participants_hash:
            raise errors.BadInput(
                "The export, or an earlier giveaway whose winners were out, has changed since this"
                " draw: its comment ids cannot be told any more."
            )
        return ids

    def round(
        self,
        chain: Chain,
        *,
        delay: float = DELAY,
        number: int | None = None,
        recorded: bool = False,
    ) -> int:
        """The round to commit to: the one named, or the first at or after now and the delay.

        recorded: the beacon is a file, so that a round of the past may be rehearsed with.
        """
        now = self._clock.now()
        least = LEAST_DELAY if chain.trusted else 0.0
        if number is None:
            if delay < least:
                raise errors.BadInput(
                    f"A delay of {delay:g} s leaves nobody the time to see the commitment.",
                    hint=f"Give --delay {least:g}s or more.",
                )
            if delay > MOST_DELAY:
                raise errors.BadInput("A round is a year away at the most.")
            return chain.round_at(now + delay)
        if not 1 <= number <= chain.round_at(now + MOST_DELAY):
            raise errors.BadInput("Rounds are counted from 1, and are a year away at the most.")
        due = chain.time_of(number)
        if recorded:
            return number
        if due <= now:
            raise errors.BadInput(
                f"Round {number} has been public since {iso(due)}: whoever names it knows whom it"
                " draws.",
                hint="Leave --round out; or rehearse with --beacon file:ROUNDS.json.",
            )
        if due < now + least:
            raise errors.BadInput(
                f"Round {number} is public in {due - now:.0f} s, too soon for anybody to see the"
                " commitment before it.",
                hint=f"Name one that is {least:g} s away or more.",
            )
        return number

    async def commit(self, plan: Plan, chain: Chain, round_number: int) -> Draw:
        """Freeze the list, and bind it, the rules and the round into the log of commitments.

        From here on nothing can be chosen any more. Raises NoParticipants, TooFewParticipants.
        """
        if plan.protocol != 2:
            raise ValueError("a plan for draw/1 is run")
        hidden = sealed.hidden(self._random(32), plan.admitted().admitted)
        frozen, packed = hidden.frozen(), sealed.packed(hidden)
        for _ in range(_TRIES):
            head = await self._draws.head()
            made = draw2.commitment(
                posts=_published(plan.gathered),
                rules=giveaway_words.public(plan.rules),
                snapshot=plan.gathered.snapshot(),
                frozen=frozen,
                chain=chain,
                round_number=round_number,
                seq=head.seq + 1,
                prev=head.commit,
            )
            record = self._record(plan, created_at=iso(self._clock.now()))
            record = structs.replace(
                record,
                protocol=2,
                status="committed",
                log_number=head.seq + 1,
                commit=made.hex,
                chain=chain.hash,
                round=round_number,
                round_time=made.said["beacon"]["time"],
            )
            draw = Draw(
                giveaway_id=record.giveaway_id,
                seq=head.seq + 1,
                prev=head.commit,
                text=made.text.decode(),
                commit=made.hex,
                due_at=made.said["beacon"]["time"],
                posts=tuple(post.media_id for post in record.every_post),
                sealed=self._secrets.seal(f"giveaway:{record.giveaway_id}", packed),
            )
            detail = {"commit": draw.commit, "seq": draw.seq, "round": round_number}
            note = Note(at=record.created_at, who=plan.tenant, action="commit", detail=detail)
            if await self._draws.add(draw, record, note):
                return draw
        raise errors.StoreUnavailable("The log of commitments grows too fast to be written to.")

    async def pending(self, plan: Plan, chain: Chain) -> GiveawayRecord | None:
        """The commitment that the same words made and that still waits for its round: to go on
        with it is no second draw."""
        rules, snapshot = giveaway_words.public(plan.rules), plan.gathered.snapshot()
        records = await self._records.list(
            post=plan.gathered.targets[0].id, tenant=plan.tenant, limit=100
        )
        for record in records:
            if record.protocol != 2 or record.status != "committed":
                continue
            said = msgspec.json.decode((await self._draws.draw(record.giveaway_id)).text)
            same = (said["rules"], said["snapshot"]) == (rules, snapshot)
            if same and said["beacon"]["chain"] == chain.hash:
                return record
        return None

    def _record(self, plan: Plan, *, created_at: str) -> GiveawayRecord:
        """The record of a giveaway that is not drawn yet."""
        jobs = plan.gathered.jobs
        posts = [
            GiveawayPost(
                media_id=target.id,
                post_date_iso=target.timestamp,
                permalink=target.permalink,
                caption=target.caption,
            )
            for target in plan.gathered.targets
        ]
        ids = [comment.comment_id or "" for comment, _ in plan.judged.admitted]
        rules = plan.rules
        return GiveawayRecord(
            giveaway_id=str(uuid.UUID(bytes=self._random(16), version=4)),
            created_at=created_at,
            export_id=jobs[0].id,
            profile_id=jobs[0].owner.instagram_id,
            post=posts[0],
            comment_count=plan.gathered.declared,
            participants_hash=draw1.participants_hash(ids),
            filtered_participant_count=len(ids),
            options=GiveawayOptions(rules.unique_users, rules.unique_winners, rules.winners),
            winners=(),
            tenant=plan.tenant,
            export_ids=tuple(job.id for job in jobs) if len(jobs) > 1 else (),
            posts=tuple(posts) if len(posts) > 1 else (),
        )

    async def _tell(self, record: GiveawayRecord, action: str, detail: dict[str, Any]) -> None:
        note = Note(at=iso(self._clock.now()), who=record.tenant, action=action, detail=detail)
        await self._draws.tell(record.giveaway_id, note)


def _published(gathered: Gathered) -> list[dict[str, Any]]:
    return [
        {"id": each.id, "published_at": each.timestamp, "permalink": each.permalink}
        for each in gathered.targets
    ]


def _winner(drawn: draw1.Winner) -> GiveawayWinner:
    person = drawn.participant
    return GiveawayWinner(
        winner_number=drawn.winner_number,
        attempt=drawn.attempt,
        status=drawn.status,
        seed_input=drawn.seed_input,
        seed_hash=drawn.seed_hash,
        winner_index=drawn.winner_index,
        participant=Participant(person.comment_id, person.user_id, person.username),
    )
