"""The rules of a giveaway as data: who takes part, how many win; and what a comment's fate can be.

`giveaway_judge` applies them.
"""

import re
from datetime import datetime

from msgspec import Struct

from ingather import errors
from ingather.domain import filters
from ingather.domain.filter_kinds import Filter, First, fold
from ingather.domain.records import Comment
from ingather.domain.text import is_hashtag

REASONS = {
    "admitted": "it takes part",
    "no_comment_id": "the source gave no comment id, so nobody could find it again",
    "repeated": "the same comment stands in another of the exports, and counts once",
    "no_user_id": "the source gave no user id, so nobody could tell whose it is",
    "no_username": "the source gave no username, so a winner could not be named",
    "no_time": "the source gave no time of which it could be told when it was written",
    "reply": "it is a reply, and replies are out",
    "too_early": "it was written before the giveaway began",
    "too_late": "it was written after the giveaway ended",
    "excluded": "its account is excluded",
    "past_winner": "its account has won before",
    "no_keyword": "it lacks a word that the rules ask for",
    "keyword": "it has a word that the rules forbid",
    "no_hashtag": "it lacks a hashtag that the rules ask for",
    "hashtag": "it has a hashtag that the rules forbid",
    "few_mentions": "it mentions too few accounts",
    "repeated_mentions": "its writer has mentioned these accounts already, in another comment",
    "copied_mentions": "somebody else has mentioned exactly these accounts before",
    "other_comment": "another comment stands for its writer, and users count once",
}
"""Why a comment is in or out; the keys are stable, in the order in which they are asked."""

_ENTRIES = re.compile("[0-9]{1,4}")

MOST_BONUS = 100
"""Extra entries that all bonus rules together may give to one comment."""


class Bonus(Struct, frozen=True):
    """`entries` more for a comment that passes a filter."""

    entries: int
    when: Filter


class Rules(Struct, frozen=True, kw_only=True):
    """All that decides who takes part and how many win; it is published with the commitment.

    mentions: accounts that a comment must mention at the least, its writer and `hosts` not
    counted. keywords, hashtags: all must be there; without: none may be. since: the first moment
    that counts; until: the first that does not any more; ISO 8601 UTC. excluded, past_winners:
    usernames in lower case. past_giveaways: where the past winners were taken from.
    """

    winners: int
    alternates: int = 0
    unique_users: bool = True
    unique_winners: bool = True
    replies: bool = True
    since: str | None = None
    until: str | None = None
    mentions: int = 0
    distinct_mentions: bool = False
    hosts: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    without_keywords: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    without_hashtags: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    past_giveaways: tuple[str, ...] = ()
    past_winners: tuple[str, ...] = ()
    bonus: tuple[Bonus, ...] = ()


class Fate(Struct, frozen=True, gc=False):
    """What became of a comment: reason is a key of REASONS, entries its chances in the draw.

    detail: which word, account or other comment it was about.
    """

    admitted: bool
    reason: str
    entries: int = 0
    detail: str | None = None

    @property
    def words(self) -> str:
        """The reason as a person would say it."""
        said = REASONS[self.reason]
        if self.admitted and self.entries > 1:
            said += f", with {self.entries} entries"
        return f"{said} ({self.detail})" if self.detail else said


def check(rules: Rules) -> None:
    """Raise BadInput for rules that cannot be meant."""
    if rules.winners < 1:
        raise errors.BadInput("A giveaway has at least one winner.", hint="Give --winners 1.")
    if rules.alternates < 0 or rules.mentions < 0:
        raise errors.BadInput("Alternates and mentions are counted from 0.")
    if (rules.since and rules.until) and moment(rules.since) >= moment(rules.until):
        raise errors.BadInput("The giveaway would end before it begins.")
    for bonus in rules.bonus:
        if bonus.entries < 1 or isinstance(bonus.when, First):
            raise errors.BadInput(
                "A bonus gives one entry or more to comments that pass a filter.",
                hint="Write it as 2:mentions>=5.",
            )
        if filters.untold((bonus.when,), Comment):
            told = filters.describe(bonus.when)
            raise errors.BadInput(f"No comment can ever earn the bonus for “{told}”.")
    if sum(bonus.entries for bonus in rules.bonus) > MOST_BONUS:
        raise errors.BadInput(f"All bonus rules together give at most {MOST_BONUS} entries.")


def keyword_of(words: str) -> str:
    """Words to look for. Raises BadInput for none, which stand in every comment: a rule that was
    forgotten would look kept."""
    if not fold(words).strip():
        raise errors.BadInput("A keyword is empty.", hint="Write the word to look for.")
    return words


def tag_of(words: str) -> str:
    """A hashtag as it was typed, without #. Raises BadInput."""
    tag = words.strip().lstrip("#＃")
    if not tag or not is_hashtag(tag):
        raise errors.BadInput(f"“{words}” is not a hashtag.", hint="Write one word, as win2026.")
    return tag


def bonus_of(words: str) -> Bonus:
    """entries:FILTER, as 2:mentions>=5. Raises BadInput."""
    count, colon, when = words.partition(":")
    if not colon or not _ENTRIES.fullmatch(count.strip()):
        raise errors.BadInput(
            f"“{words}” is no bonus.", hint="Write entries:FILTER, as 2:mentions>=5."
        )
    return Bonus(int(count), filters.parse([when])[0])


def moment(written: str) -> datetime:
    """A moment that tells its offset from UTC; ValueError where it does not."""
    found = datetime.fromisoformat(written)
    if found.tzinfo is None:
        raise ValueError("no offset")
    return found
