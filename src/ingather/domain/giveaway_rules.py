"""Who takes part in a giveaway: rules as data, and the fate of every comment under them.

Rules are asked in the order of `REASONS`; the first that refuses a comment is its reason. Each
looks at one comment alone but three, which need the others and come last or, as they must, first:

- The same comment out of two exports counts once.
- Distinct mentions, in the order in which the comments were written: an account counts once for
  each writer, in the first of their comments that is admitted; and a comment whose mentions are
  exactly those of an earlier admitted comment of somebody else, two accounts or more, is copied.
- Unique users: of each user id the admitted comment with the lowest comment id, ids compared as
  strings by code point, as draw/1 does.

So the result depends on which comments there are, and never on their order.
"""

import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct, structs

from ingather import errors
from ingather.domain import filters, text
from ingather.domain.filter_kinds import Filter, First, fold
from ingather.domain.records import Comment

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

MOST_BONUS = 100
"""Extra entries that all bonus rules together may give to one comment."""


class Bonus(Struct, frozen=True, rename="camel"):
    """`entries` more for a comment that passes a filter."""

    entries: int
    when: Filter


class Rules(Struct, frozen=True, kw_only=True, rename="camel"):
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


_IN = Fate(True, "admitted", 1)
_ODD = {"no_comment_id": Fate(False, "no_comment_id"), "no_user_id": Fate(False, "no_user_id")}


class Judged(Struct, frozen=True):
    """Every comment with its fate, in the order they were given; admitted ones by comment id."""

    comments: Sequence[Comment]
    fates: Sequence[Fate]
    admitted: Sequence[tuple[Comment, int]]

    def counts(self) -> dict[str, int]:
        """How many comments had each fate, in the order of REASONS; fates of none are left out."""
        found: dict[str, int] = {}
        for fate in self.fates:
            found[fate.reason] = found.get(fate.reason, 0) + 1
        return {reason: found[reason] for reason in REASONS if reason in found}

    def of(self, username: str) -> list[tuple[Comment, Fate]]:
        """The comments of an account, with their fates."""
        name = username.strip().lstrip("@").lower()
        pairs = zip(self.comments, self.fates, strict=True)
        return [pair for pair in pairs if (pair[0].username or "").lower() == name]


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


def judge(
    comments: Iterable[Comment],
    rules: Rules,
    *,
    winner_ids: Collection[str] = (),
    lists: Mapping[str, Collection[str]] | None = None,
) -> Judged:
    """The fate of every comment.

    winner_ids: user ids of past winners, who may have taken another name since.
    """
    check(rules)
    given = list(comments)
    alone = _alone(rules, frozenset(winner_ids))
    fates: list[Fate] = []
    seen: set[str] = set()
    for comment in given:
        number = comment.comment_id
        if number is None:
            fates.append(_ODD["no_comment_id"])
        elif number in seen:
            fates.append(Fate(False, "repeated"))
        else:
            seen.add(number)
            fates.append(alone(comment))
    if rules.distinct_mentions:
        _distinct(given, fates, rules)
    if rules.unique_users:
        _one_each(given, fates)
    _weigh(given, fates, rules, lists)
    admitted = [
        (comment, fate.entries) for comment, fate in zip(given, fates, strict=True) if fate.admitted
    ]
    admitted.sort(key=lambda pair: pair[0].comment_id or "")
    return Judged(given, fates, admitted)


def _alone(rules: Rules, winner_ids: frozenset[str]) -> Callable[[Comment], Fate]:
    """The rules that look at one comment at a time."""
    since = moment(rules.since) if rules.since else None
    until = moment(rules.until) if rules.until else None
    excluded, past = frozenset(rules.excluded), frozenset(rules.past_winners)
    wording = _wording(rules)
    least = max(rules.mentions, 1) if rules.distinct_mentions else rules.mentions

    def fate(comment: Comment) -> Fate:
        if comment.user_id is None:
            return _ODD["no_user_id"]
        if not comment.username:
            return Fate(False, "no_username")
        try:
            written = moment(comment.timestamp or "")
        except ValueError:
            return Fate(False, "no_time")
        if comment.parent_comment_id is not None and not rules.replies:
            return Fate(False, "reply")
        if since is not None and written < since:
            return Fate(False, "too_early", detail=comment.timestamp)
        if until is not None and written >= until:
            return Fate(False, "too_late", detail=comment.timestamp)
        name = comment.username.lower()
        if name in excluded:
            return Fate(False, "excluded", detail=f"@{name}")
        if name in past or comment.user_id in winner_ids:
            return Fate(False, "past_winner", detail=f"@{name}")
        if wording is not None and (refused := wording(comment.text or "")):
            return refused
        if least and (found := len(counted(comment, rules.hosts))) < least:
            return Fate(False, "few_mentions", detail=f"{found} of {least}")
        return _IN

    return fate


def _wording(rules: Rules) -> Callable[[str], Fate | None] | None:
    """The rules about words and hashtags; None where there are none."""
    wanted = [(word, fold(word)) for word in rules.keywords]
    banned = [(word, fold(word)) for word in rules.without_keywords]
    tags = [(tag, tag_key(tag)) for tag in rules.hashtags]
    no_tags = [(tag, tag_key(tag)) for tag in rules.without_hashtags]
    if not (wanted or banned or tags or no_tags):
        return None

    def fate(written: str) -> Fate | None:
        folded = fold(written)
        for word, key in wanted:
            if key not in folded:
                return Fate(False, "no_keyword", detail=word)
        for word, key in banned:
            if key in folded:
                return Fate(False, "keyword", detail=word)
        if tags or no_tags:
            found = {tag_key(tag) for tag in text.hashtags(written)}
            for tag, key in tags:
                if key not in found:
                    return Fate(False, "no_hashtag", detail=f"#{tag}")
            for tag, key in no_tags:
                if key in found:
                    return Fate(False, "hashtag", detail=f"#{tag}")
        return None

    return fate


def tag_key(tag: str) -> str:
    """A hashtag as it is compared: upper and lower case are one tag."""
    return unicodedata.normalize("NFC", tag.lstrip("#＃")).casefold()


def counted(comment: Comment, hosts: Collection[str]) -> tuple[str, ...]:
    """The accounts a comment mentions, each once, without its writer and the hosts."""
    own = (comment.username or "").lower()
    names = text.mentions(comment.text or "")
    return tuple(name for name in names if name != own and name not in hosts)


def _distinct(given: Sequence[Comment], fates: list[Fate], rules: Rules) -> None:
    """Refuse mentions that were made before; see the module."""
    least = max(rules.mentions, 1)
    places = [place for place, fate in enumerate(fates) if fate.admitted]
    places.sort(key=lambda place: _written(given[place]))
    spent: dict[str, set[str]] = {}
    first: dict[frozenset[str], Comment] = {}
    for place in places:
        comment = given[place]
        names = frozenset(counted(comment, rules.hosts))
        own = spent.setdefault(comment.user_id or "", set())
        earlier = first.get(names)
        if len(names - own) < least:
            fates[place] = Fate(False, "repeated_mentions", detail=f"{len(names - own)} new")
        elif len(names) > 1 and earlier is not None and earlier.user_id != comment.user_id:
            detail = f"in comment {earlier.comment_id} of @{earlier.username}"
            fates[place] = Fate(False, "copied_mentions", detail=detail)
        else:
            own |= names
            first.setdefault(names, comment)


def _written(comment: Comment) -> tuple[datetime, int, str]:
    """The order in which comments were written; ids rise with time where the second is the same."""
    number = comment.comment_id or ""
    return moment(comment.timestamp or ""), len(number), number


def _one_each(given: Sequence[Comment], fates: list[Fate]) -> None:
    """Of each user the comment with the lowest id stands; the others are out."""
    stands: dict[str, int] = {}
    for place, fate in enumerate(fates):
        if fate.admitted:
            user, number = given[place].user_id or "", given[place].comment_id or ""
            best = stands.get(user)
            if best is None or number < (given[best].comment_id or ""):
                stands[user] = place
    for place, fate in enumerate(fates):
        if fate.admitted and (best := stands[given[place].user_id or ""]) != place:
            fates[place] = Fate(False, "other_comment", detail=f"{given[best].comment_id}")


def _weigh(
    given: Sequence[Comment],
    fates: list[Fate],
    rules: Rules,
    lists: Mapping[str, Collection[str]] | None,
) -> None:
    """One entry each, and more where a bonus is earned."""
    tests = [(bonus, filters.Sieve((bonus.when,), sets=lists or {}).keep) for bonus in rules.bonus]
    if not tests:
        return
    for place, fate in enumerate(fates):
        if fate.admitted:
            more = sum(bonus.entries for bonus, passes in tests if passes(given[place]))
            fates[place] = structs.replace(fate, entries=1 + more)


def moment(written: str) -> datetime:
    """A moment that tells its offset from UTC; ValueError where it does not."""
    found = datetime.fromisoformat(written)
    if found.tzinfo is None:
        raise ValueError("no offset")
    return found
