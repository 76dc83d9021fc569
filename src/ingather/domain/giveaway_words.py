"""The rules of a giveaway in words, for people, and as they are published with a commitment."""

from typing import Any

import msgspec

from ingather.domain import filters
from ingather.domain.giveaway import GiveawayRecord
from ingather.domain.giveaway_rules import Rules

_SHOWN = 20
"""Names told in a sentence; the published rules hold all of them."""


def words(rules: Rules) -> list[str]:
    """The rules, a sentence each."""
    said = [_prizes(rules)]
    said.append(
        "Each user takes part with one comment, the one with the lowest id."
        if rules.unique_users
        else "Each comment takes part, so that a user has as many chances as comments."
    )
    said.append(
        "Each user wins once at the most."
        if rules.unique_winners
        else "A user may win more than once."
    )
    said.append("Replies take part too." if rules.replies else "Replies do not take part.")
    if rules.since:
        said.append(f"Only what was written from {rules.since} on takes part.")
    if rules.until:
        said.append(f"Only what was written before {rules.until} takes part.")
    said += _mentions(rules) + _wording(rules) + _accounts(rules)
    for bonus in rules.bonus:
        entries = "1 entry" if bonus.entries == 1 else f"{bonus.entries} entries"
        said.append(f"A comment gets {entries} more where {filters.describe(bonus.when)}.")
    return said


def public(rules: Rules) -> dict[str, Any]:
    """The rules as they stand in the commitment: every option, and the same in words."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(rules))
    return found | {"words": words(rules)}


def publication(record: GiveawayRecord, chain: str) -> str:
    """The text that an organiser publishes before the round. chain: the beacon's name."""
    wins = record.options.winner_count
    return (
        f"Giveaway commitment (ingather/draw/2)\n{record.commit}\n"
        f"Drawn by round {record.round} of the beacon {chain}, public at {record.round_time}:"
        f" {wins} {'winner' if wins == 1 else 'winners'} among"
        f" {record.filtered_participant_count:,} comments.\n"
        f"Check it afterwards: ingather verify RECEIPT.json --commit {record.commit}"
    )


def _prizes(rules: Rules) -> str:
    winners = "One winner is drawn" if rules.winners == 1 else f"{rules.winners} winners are drawn"
    if not rules.alternates:
        return f"{winners}."
    spare = "one alternate" if rules.alternates == 1 else f"{rules.alternates} alternates"
    return f"{winners}, and {spare} after them."


def _mentions(rules: Rules) -> list[str]:
    said = []
    beside = "".join(f", nor @{host}" for host in rules.hosts)
    if rules.mentions:
        accounts = "one account" if rules.mentions == 1 else f"{rules.mentions} accounts"
        said.append(
            f"A comment has to mention {accounts} at the least; its writer does not count{beside}."
        )
    if rules.distinct_mentions:
        said.append(
            "Of each writer an account counts once, in the earliest comment that mentions it; a"
            " comment that mentions exactly the accounts, two or more, of an earlier comment of"
            " somebody else is copied and does not take part."
        )
    return said


def _wording(rules: Rules) -> list[str]:
    said = []
    for word in rules.keywords:
        said.append(f"A comment has to contain “{word}”.")
    for word in rules.without_keywords:
        said.append(f"A comment must not contain “{word}”.")
    for tag in rules.hashtags:
        said.append(f"A comment has to have the hashtag #{tag}.")
    for tag in rules.without_hashtags:
        said.append(f"A comment must not have the hashtag #{tag}.")
    return said


def _accounts(rules: Rules) -> list[str]:
    said = []
    if rules.excluded:
        said.append(f"These accounts do not take part: {_listed(rules.excluded)}.")
    if rules.past_giveaways:
        who = _listed(rules.past_winners) if rules.past_winners else "nobody so far"
        said.append(f"Winners of earlier giveaways do not take part: {who}.")
    return said


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"@{name}" for name in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
