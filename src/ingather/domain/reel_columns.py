"""An account's reels as columns: what an analysis looks at, an array a property. Pure.

A reel is a place in the arrays, in the order in which it came. Of 100,000 reels records alone take
more memory and time than all that is worked out of them.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, tzinfo
from itertools import chain
from math import nan
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ingather.domain.records import Media, natural_id

Numbers = NDArray[np.float64]
"""NaN where a number is not told."""
Places = NDArray[np.int64]
Codes = NDArray[np.int32]
"""Places in what is long: half the memory to walk through."""

NUMBERS = (
    "play_count",
    "like_count",
    "comment_count",
    "duration",
    "caption_length",
    "reach",
    "total_interactions",
)
_DAY = 86_400
_FIRST_YEAR, _NO_YEAR = 2010, 2100
_LEAST = np.frombuffer(b"0000-00-00T00:00:00Z\0", np.uint8)
_MOST = np.frombuffer(b"9999-99-99T99:99:99Z\0", np.uint8)
"""Each letter of a time as sources write it lies between these two."""


class Words(Struct, frozen=True):
    """Words that reels carry. names: each spelling once, in the order in which it was met. word,
    reel: arrays of one length, a line for each word of each reel: place in names, and of the reel.
    """

    names: Sequence[str]
    word: Codes
    reel: Codes


class Some(Struct, frozen=True, kw_only=True):
    """Some reels, one after the other, as a store hands them over. posted: as it was told.
    numbers: by the names of NUMBERS. caption_length: characters; None where there is no caption."""

    ids: Sequence[str]
    posted: Sequence[str | None]
    numbers: dict[str, Sequence[float | None]]
    hashtags: Sequence[Sequence[str] | None]
    mentions: Sequence[Sequence[str] | None]
    shared: Sequence[bool]
    paid: Sequence[bool]
    pinned: Sequence[bool]


class Reels(Struct, frozen=True, kw_only=True):
    """All of them. posted: epoch seconds, NaN where no time is told. numbers: by the names of
    NUMBERS. shared: with other accounts; paid: a partnership."""

    ids: Sequence[str]
    posted: Numbers
    numbers: dict[str, Numbers]
    hashtags: Words
    mentions: Words
    shared: NDArray[np.bool_]
    paid: NDArray[np.bool_]
    pinned: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, name: str) -> Numbers:
        return self.numbers[name]


class Vocabulary:
    """Gathers the words of reels."""

    def __init__(self) -> None:
        self._known = _Known()
        self._words: list[Codes] = []
        self._counts: list[Codes] = []

    def add(self, lists: Sequence[Collection[str] | None]) -> None:
        """The words of the reels that follow; None and nothing are alike."""
        told = [words or () for words in lists]
        counts = np.fromiter(map(len, told), np.int32, len(told))
        codes = map(self._known.__getitem__, chain.from_iterable(told))
        self._words.append(np.fromiter(codes, np.int32, int(counts.sum())))
        self._counts.append(counts)

    def words(self, reels: Places | None = None) -> Words:
        """All that were added. reels: whose they were, where not everybody's."""
        counts = _joined(self._counts, np.int32)
        owners = (np.arange(len(counts)) if reels is None else reels).astype(np.int32)
        words = _joined(self._words, np.int32)
        return Words(tuple(self._known), words, np.repeat(owners, counts))


class _Known(dict[str, int]):
    """A word → its number, in the order in which they were met."""

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        return number


class Gathering:
    """Takes reels as they come, some at a time, and keeps no more of them than is needed."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._posted: list[Numbers] = []
        self._numbers: dict[str, list[Numbers]] = {name: [] for name in NUMBERS}
        self._flags: tuple[list[NDArray[np.bool_]], ...] = ([], [], [])
        self._hashtags, self._mentions = Vocabulary(), Vocabulary()

    def add(self, some: Some) -> None:
        self._ids += some.ids
        self._posted.append(moments(some.posted))
        for name, found in some.numbers.items():
            self._numbers[name].append(np.array(found, np.float64))
        for flags, told in zip(self._flags, (some.shared, some.paid, some.pinned), strict=True):
            flags.append(np.array(told, np.bool_))
        self._hashtags.add(some.hashtags)
        self._mentions.add(some.mentions)

    def reels(self) -> Reels:
        """All that were added."""
        shared, paid, pinned = (_joined(flags, np.bool_) for flags in self._flags)
        return Reels(
            ids=self._ids,
            posted=_joined(self._posted, np.float64),
            numbers={name: _joined(each, np.float64) for name, each in self._numbers.items()},
            hashtags=self._hashtags.words(),
            mentions=self._mentions.words(),
            shared=shared,
            paid=paid,
            pinned=pinned,
        )


def of(media: Sequence[Media]) -> Reels:
    """Records as columns."""
    gathering = Gathering()
    gathering.add(some_of(media))
    return gathering.reels()


def some_of(media: Sequence[Media]) -> Some:
    """Records as a store without columns would hand them over."""
    numbers: dict[str, Sequence[float | None]] = {
        name: [getattr(one, name) for one in media] for name in NUMBERS if name != "caption_length"
    }
    numbers["caption_length"] = [None if one.caption is None else len(one.caption) for one in media]
    return Some(
        ids=[natural_id(one) for one in media],
        posted=[one.timestamp for one in media],
        numbers=numbers,
        hashtags=[one.hashtags for one in media],
        mentions=[one.mentions for one in media],
        shared=[bool(one.coauthors) for one in media],
        paid=[bool(one.is_paid_partnership) for one in media],
        pinned=[bool(one.is_pinned) for one in media],
    )


def _joined(parts: Sequence[NDArray[Any]], kind: Any) -> NDArray[Any]:
    return np.concatenate(parts).astype(kind, copy=False) if parts else np.empty(0, kind)


def moments(posted: Sequence[str | None]) -> Numbers:
    """`seconds` of each; all at once, in a third of the time, where every one is written alike."""
    try:
        written = np.array(posted, f"S{len(_LEAST)}")
        letters = written.view(np.uint8).reshape(-1, len(_LEAST))
        if ((letters >= _LEAST) & (letters <= _MOST)).all():
            found = written.astype("S19").astype("datetime64[s]")
            years = found.astype("datetime64[Y]").astype(np.int64) + 1970
            known = (years >= _FIRST_YEAR) & (years < _NO_YEAR)
            return np.where(known, found.astype(np.float64), nan)
    except ValueError:
        pass  # one of them is no time, or no text
    return np.array(list(map(seconds, posted)), np.float64)


def seconds(posted: str | None) -> float:
    """A time as epoch seconds; NaN for none, and for what is no time of this platform's."""
    try:
        when = datetime.fromisoformat(posted or "")
    except ValueError:
        return nan
    if not _FIRST_YEAR <= when.year < _NO_YEAR:
        return nan
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def on_clocks(posted: Numbers, zone: tzinfo) -> Places:
    """Seconds since 1970 began on the clocks of a zone, of times that are told.

    Where the clocks of a whole day (UTC) go alike, they are asked about that day and not about
    each of its reels.
    """
    since = posted.astype(np.int64)
    if not len(since):
        return since
    first = int(since.min()) // _DAY
    day = since // _DAY - first
    edges = np.zeros(int(day.max()) + 2, np.bool_)
    edges[day] = edges[day + 1] = True
    at_edge = np.zeros(len(edges), np.int64)
    at_edge[edges] = [
        _ahead((first + edge) * _DAY, zone) for edge in np.flatnonzero(edges).tolist()
    ]
    ahead = at_edge[day]
    for place in np.flatnonzero(ahead != at_edge[day + 1]).tolist():
        ahead[place] = _ahead(int(since[place]), zone)
    return since + ahead


def _ahead(second: int, zone: tzinfo) -> int:
    """Seconds by which a zone's clocks are ahead of UTC's."""
    ahead = datetime.fromtimestamp(second, zone).utcoffset()
    return int(ahead.total_seconds()) if ahead is not None else 0
