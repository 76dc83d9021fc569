"""What reels are made of and how that does: length, caption, hashtags, mentions, topics. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from unicodedata import normalize

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ingather.domain import estimates
from ingather.domain.engagement import Measured
from ingather.domain.estimates import Estimate, Sums
from ingather.domain.reel_columns import Codes, Numbers, Places, Vocabulary, Words

FEW_WITH_WORD = 5
"""Reels with a word, and without it, below which nothing is said of it."""
MOST_WORDS = 100
_TOPICS = 8
_EVERYWHERE = 0.6
"""A word on a greater part of the reels than this is the account's signature, not a topic."""

DURATIONS = (15.0, 30.0, 60.0, 90.0)
"""Seconds at which one band of length ends and the next begins."""
CAPTIONS = (50.0, 150.0, 500.0)
"""Characters at which one band of captions ends and the next begins."""

OTHER = "other"
_FORMATS = ("paid partnership", "collaboration", "pinned", "plain")


class Group(Struct, frozen=True):
    """Some of the reels. part: of all that are grouped. estimate: the median of their measure."""

    name: str
    n: int
    part: float
    estimate: Estimate | None


class Lift(Struct, frozen=True):
    """A word, the reels with it, and how many times as much these typically get as those without:
    the ratio of geometric means of 1 + measure, with its interval."""

    word: str
    n: int
    lift: Estimate


class Lifts(Struct, frozen=True):
    """tested: words on enough reels to be compared. Of so many about one in twenty lies outside its
    interval by chance alone."""

    reels: int
    tested: int
    lifts: tuple[Lift, ...]


class Against(Struct, frozen=True):
    """A property against the measure: Spearman's correlation, and the reels in bands of it."""

    reels: int
    correlation: Estimate | None
    bands: tuple[Group, ...]


def durations(told: Measured) -> Against:
    """Length in seconds against the measure; 0 is no length."""
    lengths = told.reels["duration"][told.places]
    known = lengths > 0
    return _against(lengths[known], told.values[known], DURATIONS, "{}–{} s", "over {} s")


def captions(told: Measured) -> Against:
    """Characters of the caption against the measure; no caption is not an empty one."""
    lengths = told.reels["caption_length"][told.places]
    known = ~np.isnan(lengths)
    within, beyond = "{}–{} characters", "over {} characters"
    return _against(lengths[known], told.values[known], CAPTIONS, within, beyond)


def _against(xs: Numbers, ys: Numbers, ends: Sequence[float], within: str, beyond: str) -> Against:
    """Bands hold their upper end and not their lower one."""
    starts = [0.0, *ends]
    names = [
        *(within.format(f"{a:g}", f"{b:g}") for a, b in zip(starts, ends, strict=False)),
        beyond.format(f"{ends[-1]:g}"),
    ]
    bands = np.searchsorted(ends, xs)
    return Against(len(xs), estimates.spearman(xs, ys), _grouped(bands, ys, names))


def _grouped(named: Places, values: Numbers, names: Sequence[str]) -> tuple[Group, ...]:
    """named: of each value, the place of its group's name in names."""
    return tuple(
        Group(names[name], len(each), len(each) / len(values), estimates.median(each))
        for name, each in estimates.grouped(named, values).items()
    )


class Carried:
    """Words that measured reels carry, spellings of one word taken as one. spelt: its first
    spelling. word, place: parallel, the word's number and the reel's place among the measured
    ones. counts: reels with each word."""

    def __init__(self, told: Measured, words: Words) -> None:
        places = np.full(len(told.reels), -1, np.int32)
        places[told.places] = np.arange(len(told), dtype=np.int32)
        place = places[words.reel]
        ours = place >= 0
        numbers: dict[str, int] = {}
        alike = [numbers.setdefault(key(word), len(numbers)) for word in words.names]
        self.keys = tuple(numbers)
        self.spelt: dict[int, str] = {}
        for number, word in zip(alike, words.names, strict=True):
            self.spelt.setdefault(number, word)
        self.word: Codes = np.array(alike, np.int32)[words.word[ours]]
        self.place: Codes = place[ours]
        self.counts: NDArray[np.int64] = np.bincount(self.word, minlength=len(numbers))
        self._reels = len(told)

    @cached_property
    def usual(self) -> tuple[Codes, Sequence[str]]:
        """The word of each measured reel that is used most among those that tell reels apart, as a
        place in the words that follow; -1 where it has none."""
        counts, most_often = self.counts, _EVERYWHERE * self._reels
        telling = np.flatnonzero((counts >= FEW_WITH_WORD) & (counts <= most_often))
        order = sorted(telling.tolist(), key=lambda word: (counts[word], self.keys[word]))
        ranks = np.full(len(counts), -1, np.int32)
        ranks[order] = np.arange(len(order), dtype=np.int32)
        most = np.full(self._reels, -1, np.int32)
        np.maximum.at(most, self.place, ranks[self.word])
        return most, [self.keys[word] for word in order]


def lifts(told: Measured, found: Carried) -> Lifts:
    """The words that enough reels carry and enough do not, the greatest lift first.

    found: of a reel, each once whatever its case. The hundred most used are compared.
    """
    logs = np.log1p(told.values)
    each = logs[found.place]
    sums = np.bincount(found.word, each, len(found.keys))
    squares = np.bincount(found.word, each * each, len(found.keys))
    enough = np.flatnonzero(found.counts >= FEW_WITH_WORD).tolist()
    usual = sorted(enough, key=lambda word: (-found.counts[word], found.keys[word]))[:MOST_WORDS]
    tested = [word for word in usual if found.counts[word] <= len(told) - FEW_WITH_WORD]
    everything, told_of = Sums.of(logs), []
    for word in tested:
        with_it = Sums(int(found.counts[word]), float(sums[word]), float(squares[word]))
        lift = estimates.ratio(with_it, everything.without(with_it))
        if lift is not None:
            told_of.append(Lift(found.spelt[word], with_it.n, lift))
    told_of.sort(key=lambda each: (-each.lift.value, each.word))
    return Lifts(len(told), len(tested), tuple(told_of))


def key(word: str) -> str:
    """A word as it is compared: case and the way of writing its accents aside."""
    return word.lower() if word.isascii() else normalize("NFC", word).casefold()


def formats(told: Measured) -> tuple[Group, ...]:
    """What kind of reel: paid partnerships, collaborations, pinned ones, and the plain rest.

    A reel is of the first kind that it is told to be; where nothing is told of it, of the rest.
    """
    reels = told.reels
    kinds = np.select([reels.paid, reels.shared, reels.pinned], [0, 1, 2], 3)
    return _grouped(kinds[told.places], told.values, _FORMATS)


def untagged(told: Measured, tags: Carried) -> Places:
    """The reels whose topic no hashtag tells, in the order in which they came: that of their
    captions' words may."""
    topic, _ = tags.usual
    return np.sort(told.places[topic < 0])


def topics(told: Measured, tags: Carried, terms: Carried) -> tuple[Group, ...]:
    """Reels by what they speak of: a reel's topic is that of its hashtags which the account uses
    most, or without one, that of its caption's words; `other` where none is used five times.

    terms: of the captions of `untagged` reels. Words on more than six reels in ten are the
    account's signature and tell no reel from another. Language-neutral: no list of stop words is
    used, only the counts.
    """
    (tag, tagged), (term, spoken) = tags.usual, terms.usual
    names = [*(f"#{each}" for each in tagged), *spoken, OTHER]
    named = np.where(tag >= 0, tag, np.where(term >= 0, term + len(tagged), len(names) - 1))
    sizes = Counter({names[one]: n for one, n in enumerate(np.bincount(named)) if n})
    del sizes[OTHER]
    order = [*estimates.largest(sizes, _TOPICS, at_least=1), OTHER]
    places = {name: place for place, name in enumerate(order)}
    shown = np.array([places.get(name, len(order) - 1) for name in names])
    return _grouped(shown[named], told.values, order)


def terms(captions: Iterable[str | None], reels: Places) -> Words:
    """Words of four letters and more of captions, without their tags, names and addresses.

    reels: whose they are, in the same order."""
    spoken = Vocabulary()
    spoken.add([_terms(caption) for caption in captions])
    return spoken.words(reels)


def _terms(caption: str | None) -> set[str]:
    words = (caption or "").split()
    plain = (key(word.strip(".,;:!?…\"'()[]„“”«»")) for word in words if word[0] not in "#@＃＠")
    return {word for word in plain if len(word) > 3 and word.isalpha()}
