"""What a giveaway would be: its exports, its rules with all they refer to, every comment's fate."""

from collections.abc import Collection, Mapping
from typing import Literal

from msgspec import Struct, structs

from ingather import errors
from ingather.domain import filters
from ingather.domain.giveaway import GiveawayRecord
from ingather.domain.giveaway_judge import Judged, judge
from ingather.domain.giveaway_rules import REASONS, Rules, check
from ingather.features.giveaway_exports import Exports, Gathered
from ingather.ports import Giveaways as Records

ALL = "all"
"""Among `Wanted.past`: every earlier giveaway of the same account."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What an organiser asks for. jobs: exports, the first of them giving the record its post.
    past: giveaways whose winners are out, or ALL. lists: the usernames behind each reference of
    the bonus filters. tenant: who asks; None is who runs the installation."""

    jobs: tuple[str, ...]
    rules: Rules
    past: tuple[str, ...] = ()
    lists: Mapping[str, Collection[str]] = {}
    tenant: str | None = None
    accept_incomplete: bool = False
    protocol: Literal[1, 2] = 2


class Plan(Struct, frozen=True, kw_only=True):
    """A giveaway that could be drawn: its exports, its rules with all that they refer to, and the
    fate of every comment."""

    gathered: Gathered
    rules: Rules
    judged: Judged
    tenant: str
    protocol: Literal[1, 2]

    def admitted(self) -> Judged:
        """The same; raises NoParticipants, which says where everybody went."""
        if not self.judged.admitted:
            counts = self.judged.counts()
            told = "; ".join(f"{REASONS[reason]} ({count:,})" for reason, count in counts.items())
            total = f"{len(self.judged.fates):,}"
            raise errors.NoParticipants(hint=f"\nWhy each of {total} comments is out: {told}.")
        return self.judged


class Planner:
    """Who would take part."""

    def __init__(self, exports: Exports, records: Records) -> None:
        self._exports = exports
        self._records = records

    async def plan(self, wanted: Wanted) -> Plan:
        """Who would take part; nothing is stored. Raises what `Exports.gather` raises, BadInput,
        GiveawayNotFound."""
        check(wanted.rules)
        if wanted.protocol == 1:
            _plain(wanted)
        gathered = await self._exports.gather(
            wanted.jobs, tenant=wanted.tenant, accept_incomplete=wanted.accept_incomplete
        )
        rules = _resolved(wanted, gathered)
        past = await self._past(wanted, gathered)
        taken = [winner.participant for record in past for winner in record.winners
                 if winner.status == "active"]  # fmt: skip
        rules = structs.replace(
            rules,
            past_giveaways=tuple(record.giveaway_id for record in past),
            past_winners=tuple(sorted({each.username.lower() for each in taken if each.username})),
        )
        judged = judge(
            gathered.comments,
            rules,
            winner_ids={each.user_id for each in taken},
            placed=wanted.protocol == 2,
        )
        tenant = wanted.tenant or gathered.jobs[0].tenant
        return Plan(
            gathered=gathered, rules=rules, judged=judged, tenant=tenant, protocol=wanted.protocol
        )

    async def _past(self, wanted: Wanted, gathered: Gathered) -> list[GiveawayRecord]:
        """The earlier giveaways whose winners are out, oldest first."""
        found: dict[str, GiveawayRecord] = {}
        for each in wanted.past:
            if each == ALL:
                profile = gathered.jobs[0].owner.instagram_id
                records = await self._records.list(
                    profile=profile, tenant=wanted.tenant, limit=100_000
                )
            else:
                records = [await self._records.show(each)]
            for record in records:
                if wanted.tenant not in (None, record.tenant):
                    raise errors.GiveawayNotFound(f"There is no giveaway {each}.")
                found[record.giveaway_id] = record
        return sorted(found.values(), key=lambda record: record.created_at)


def _plain(wanted: Wanted) -> None:
    """Raise for what draw/1 cannot do."""
    asked = {
        "several exports": len(set(wanted.jobs)) > 1,
        "bonus entries": bool(wanted.rules.bonus),
        "alternates": bool(wanted.rules.alternates),
    }
    for what, is_asked in asked.items():
        if is_asked:
            raise errors.BadInput(f"Protocol 1 knows no {what}.", hint="Draw by protocol 2.")


def _resolved(wanted: Wanted, gathered: Gathered) -> Rules:
    """The rules with the hosts, and with the names behind every reference of a bonus."""
    owner = gathered.jobs[0].owner.username
    hosts = {(target.username or owner).lower() for target in gathered.targets}
    bonus = tuple(
        structs.replace(each, when=filters.inlined((each.when,), wanted.lists)[0])
        for each in wanted.rules.bonus
    )
    return structs.replace(wanted.rules, hosts=tuple(sorted(hosts)), bonus=bonus)
