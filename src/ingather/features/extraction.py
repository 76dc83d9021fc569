"""Lists of accounts, posts and comments, of one target or of thousands in one job."""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Collection as Names
from typing import TypeVar

from msgspec import Struct

from ingather import errors
from ingather.domain import filters, names, posts
from ingather.domain.filter_kinds import Filter
from ingather.domain.instants import iso
from ingather.domain.job import AT_ONCE, LOCAL, Counters, Job, Options, Target, TargetState
from ingather.domain.kinds import ALIASES, OF_POSTS, RECORDS, WITH_INSIGHTS
from ingather.engine.backoff import Fetcher
from ingather.features.amending import refuse_too_little
from ingather.features.collection import Collection

T = TypeVar("T")

KINDS = tuple(kind for kind in RECORDS if kind not in ("comments", "analysis"))
UNBOUNDED = 2**31 - 1
"""Rows kept where the user names no limit: more than any list has."""

_PAGES = {
    "hiker": {
        "followers": (100, 50),
        "following": (25, 25),
        "commenters": (15, 15),
        "posts": (33, 33),
        "reels": (12, 12),
    },
    "graph": {"commenters": (40, 40), "posts": (50, 50)},
}
"""Rows a call brings, about, at the most and at the least (contract of HikerAPI, 1.4, which leaves
followers open, of the Graph API, 2.5 and 2.6); 50 where it is not known."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What a user asked for. words: the targets as they were written. lists: the usernames behind
    each reference of the filters, which rest with the job: a file may change meanwhile.
    queued: workers run it. tenant: who began it here."""

    kind: str
    words: tuple[str, ...]
    filters: tuple[str, ...] = ()
    lists: Mapping[str, Names[str]] = {}
    path: str | None = None
    format: str | None = None
    raw_csv: bool = False
    limit: int | None = None
    max_calls: int | None = None
    max_units: int | None = None
    fresh: bool = False
    sandbox: bool = False
    queued: bool = False
    tenant: str = LOCAL
    priority: int = 0


class Extractions(Collection):
    """Extractions: start or find one."""

    async def start(self, wanted: Wanted, fetcher: Fetcher) -> Job:
        """The job for these targets: a new one, or the unfinished one that the same command began.

        A single target is looked up at once, so that a wrong name is told at once; of several
        each is looked up when its turn comes, and one that cannot be read is named in the receipt.
        """
        source = fetcher.source
        fetcher.allow(wanted.max_calls, wanted.max_units)
        chosen = passing(wanted)
        states = [TargetState(target=Target(id=""), words=word) for word in wanted.words]
        if len(states) == 1:
            refuse_too_little(source.route, wanted.max_calls, wanted.max_units)
            word = wanted.words[0]
            named = "" if source.name == "archive" else word  # an archive is its own only target
            target = await self._looked(fetcher, lambda: source.resolve(named))
            states = [TargetState(target=target, words=word)]
        owner = await self._looked(fetcher, source.owner)
        job = Job(
            id=str(uuid.uuid4()),
            kind=wanted.kind,
            owner=owner,
            source=source.name,
            route=source.route,
            targets=tuple(states),
            options=Options(
                cap=UNBOUNDED,
                limit=wanted.limit,
                filters=chosen,
                output=wanted.path,
                format=wanted.format,
                raw_csv=wanted.raw_csv,
                max_calls=wanted.max_calls,
                max_units=wanted.max_units,
                sandbox=wanted.sandbox,
            ),
            created_at=iso(self._clock.now()),
            tenant=wanted.tenant,
            priority=wanted.priority,
            due=AT_ONCE if wanted.queued else None,
        )
        return await self._create(job, fetcher, fresh=wanted.fresh)


async def by_first(
    voices: Sequence[str],
    through: Callable[[str], Extractions],
    begin: Callable[[str, Extractions, Fetcher], Awaitable[T]],
) -> T:
    """What is begun through the first of these sources that reaches the target; what the others
    were asked for that counts towards it. Raises the last one's NotReachable where none does."""
    spent = Counters()
    for voice in voices:
        feature = through(voice)
        fetcher = feature.fetcher()
        fetcher.take_back(spent)
        try:
            return await begin(voice, feature, fetcher)
        except errors.NotReachable:
            if voice == voices[-1]:
                raise
            spent = fetcher.hand_over()
    raise AssertionError("there is a source")


def kind_of(word: str) -> str:
    """The kind that a user's word means; BadInput where there is none."""
    kind = ALIASES.get(word, word)
    if kind not in KINDS:
        raise errors.BadInput(
            f"There is no kind of extraction called {word}.", hint=f"There are {', '.join(KINDS)}."
        )
    return kind


def played(kind: str, words: Sequence[str], posts: Mapping[str, str]) -> list[str]:
    """Targets with the sandbox's names of posts (`demo`) made what `posts` has for them, where the
    kind is of posts: an account may be called like a post."""
    return [posts.get(word.strip(), word) if kind in OF_POSTS else word for word in words]


def canonical(kind: str, words: Sequence[str]) -> tuple[str, ...]:
    """Targets as they are compared: each once, in one spelling. A lone word that names nothing
    raises; among several it is kept as it is, to be named in the receipt."""
    found = []
    for word in words:
        try:
            found.append(_spelt(kind, word))
        except errors.BadInput:
            if len(words) == 1:
                raise
            found.append(word.strip())
    return tuple(dict.fromkeys(word for word in found if word))


def _spelt(kind: str, word: str) -> str:
    if kind == "hashtag-clips":
        return names.hashtag(word)
    if kind in OF_POSTS:
        reading = posts.read(word)
        return reading.shortcode or reading.media_id or word
    return names.username(word)


def passing(wanted: Wanted) -> tuple[Filter, ...]:
    """What a row has to pass. Raises BadInput where that cannot be read, or nothing can pass."""
    chosen = filters.inlined(filters.parse(wanted.filters), wanted.lists)
    refuse_void(chosen, wanted.kind)
    return chosen


def refuse_void(chosen: Sequence[Filter], kind: str) -> None:
    """Raise for filters that can let nothing through, because this kind does not tell."""
    void = filters.untold(chosen, RECORDS[kind])
    if void:
        raise errors.BadInput(
            f"No row of {kind} can pass {filters.spell(void[0])}: that is not told of them."
        )


def calls_expected(kind: str, job: Job) -> tuple[int, int] | None:
    """Calls a job of one target will take, from and to; None where its size is not declared."""
    declared = job.target.declared
    if declared is None or job.count > 1:
        return None
    rows = min(declared, job.options.most)
    largest, smallest = _PAGES.get(job.source, {}).get(kind, (50, 50))
    extra = rows if job.route == WITH_INSIGHTS and is_own(job) else 0
    return (-(-rows // largest) or 1) + extra, (-(-rows // smallest) or 1) + extra


def is_own(job: Job) -> bool:
    """Whether the target is the account itself on whose behalf is read."""
    return job.target.id == job.owner.instagram_id
