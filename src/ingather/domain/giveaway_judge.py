"""Who takes part in a giveaway: the fate of every comment under its rules.

Rules are asked in the order of `giveaway_rules.REASONS`; the first that refuses a comment is its
reason. Each looks at one comment alone but for three that need the others:

- The same comment out of two exports counts once.
- Distinct mentions, in the order in which the comments were written: an account counts once for
  each writer, in the first of their comments that is admitted; and a comment whose mentions are
  exactly those of an earlier admitted comment of somebody else, two accounts or more, is copied.
- Unique users: of each user id the admitted comment with the lowest comment id, ids compared as
  strings by code point, as draw/1 does; for draw/2 then of each username too, which is what its
  receipt shows.

So the result depends on which comments there are, and never on their order.
"""

import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime

from msgspec import Struct, structs

from ingather.domain import filters, text
from ingather.domain.filter_kinds import fold
from ingather.domain.giveaway_rules import REASONS, Fate, Rules, check, moment
from ingather.domain.records import Comment

_EVER = datetime.min.replace(tzinfo=UTC)
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


def judge(
    comments: Iterable[Comment],
    rules: Rules,
    *,
    winner_ids: Collection[str] = (),
    placed: bool = True,
) -> Judged:
    """The fate of every comment.

    winner_ids: user ids of past winners, who may have taken another name since. placed: whether a
    comment needs a username and a time to be drawn; draw/2 names both, draw/1 needs neither.
    """
    check(rules)
    given = list(comments)
    alone = _alone(rules, frozenset(winner_ids), placed)
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
        _one_each(given, fates, lambda comment: comment.user_id or "")
        if placed:
            # A name that went to another user between two exports: the receipt shows names alone.
            _one_each(given, fates, lambda comment: (comment.username or "").lower())
    _weigh(given, fates, rules)
    admitted = [
        (comment, fate.entries) for comment, fate in zip(given, fates, strict=True) if fate.admitted
    ]
    admitted.sort(key=lambda pair: pair[0].comment_id or "")
    return Judged(given, fates, admitted)


def _alone(rules: Rules, winner_ids: frozenset[str], placed: bool) -> Callable[[Comment], Fate]:
    """The rules that look at one comment at a time."""
    timed = bool(placed or rules.since or rules.until or rules.distinct_mentions)
    since = moment(rules.since) if rules.since else None
    until = moment(rules.until) if rules.until else None
    excluded, past = frozenset(rules.excluded), frozenset(rules.past_winners)
    wording = _wording(rules)
    least = max(rules.mentions, 1) if rules.distinct_mentions else rules.mentions

    def fate(comment: Comment) -> Fate:
        if comment.user_id is None:
            return _ODD["no_user_id"]
        name = (comment.username or "").lower()
        if placed and not name:
            return Fate(False, "no_username")
        try:
            written = moment(comment.timestamp or "") if timed else _EVER
        except ValueError:
            return Fate(False, "no_time")
        if comment.parent_comment_id is not None and not rules.replies:
            return Fate(False, "reply")
        if since is not None and written < since:
            return Fate(False, "too_early", detail=comment.timestamp)
        if until is not None and written >= until:
            return Fate(False, "too_late", detail=comment.timestamp)
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


def _one_each(
    given: Sequence[Comment], fates: list[Fate], user_of: Callable[[Comment], str]
) -> None:
    """Of each user the comment with the lowest id stands; the others are out."""
    stands: dict[str, int] = {}
    for place, fate in enumerate(fates):
        if fate.admitted:
            user, number = user_of(given[place]), given[place].comment_id or ""
            best = stands.get(user)
            if best is None or number < (given[best].comment_id or ""):
                stands[user] = place
    for place, fate in enumerate(fates):
        stands_for = stands.get(user_of(given[place]), place)
        if fate.admitted and stands_for != place:
            fates[place] = Fate(False, "other_comment", detail=given[stands_for].comment_id)


def _weigh(given: Sequence[Comment], fates: list[Fate], rules: Rules) -> None:
    """One entry each, and more where a bonus is earned."""
    tests = [(bonus, filters.Sieve((bonus.when,)).keep) for bonus in rules.bonus]
    if not tests:
        return
    for place, fate in enumerate(fates):
        if fate.admitted:
            more = sum(bonus.entries for bonus, passes in tests if passes(given[place]))
            fates[place] = structs.replace(fate, entries=1 + more)
