"""What reels are made of and how that does: length, caption, hashtags, mentions, topics. Pure."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import log1p
from operator import itemgetter
from unicodedata import normalize

from msgspec import Struct

from ingather.domain import estimates
from ingather.domain.engagement import Measured
from ingather.domain.estimates import Estimate, Sums
from ingather.domain.records import Media

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


def durations(told: Sequence[Measured]) -> Against:
    """Length in seconds against the measure."""
    known = [(reel.duration, value) for reel, value in told if reel.duration]
    return _against(known, DURATIONS, "{}–{} s", "over {} s")


def captions(told: Sequence[Measured]) -> Against:
    """Characters of the caption against the measure; no caption is not an empty one."""
    known = [
        (float(len(caption)), value)
        for reel, value in told
        if (caption := reel.caption) is not None
    ]
    return _against(known, CAPTIONS, "{}–{} characters", "over {} characters")


def _against(
    known: Sequence[tuple[float, int]], ends: Sequence[float], within: str, beyond: str
) -> Against:
    """Bands hold their upper end and not their lower one."""
    starts = [0.0, *ends]
    names = [
        *(within.format(f"{a:g}", f"{b:g}") for a, b in zip(starts, ends, strict=False)),
        beyond.format(f"{ends[-1]:g}"),
    ]
    correlation = estimates.spearman([x for x, _ in known], [float(y) for _, y in known])
    banded = ((names[bisect_left(ends, x)], y) for x, y in known)
    return Against(len(known), correlation, _grouped(banded, names))


def _grouped(named: Iterable[tuple[str, int]], order: Sequence[str]) -> tuple[Group, ...]:
    gathered: dict[str, list[int]] = defaultdict(list)
    for name, value in named:
        gathered[name].append(value)
    all_of = sum(map(len, gathered.values()))
    return tuple(
        Group(name, len(values), len(values) / all_of, estimates.median(values))
        for name in order
        if (values := gathered.get(name))
    )


def lifts(told: Sequence[Measured], words: Callable[[Media], Iterable[str]]) -> Lifts:
    """The words that enough reels carry and enough do not, the greatest lift first.

    words: of a reel, each once whatever its case. The hundred most used are compared.
    """
    logs = [log1p(value) for _, value in told]
    by_spelling: dict[str, list[float]] = defaultdict(list)
    for (reel, _), each in zip(told, logs, strict=True):
        for word in words(reel):
            by_spelling[word].append(each)
    by_word: dict[str, list[float]] = defaultdict(list)
    spelt: dict[str, str] = {}
    for word, values in by_spelling.items():
        by_word[key(word)] += values
        spelt.setdefault(key(word), word)
    counts = {word: len(values) for word, values in by_word.items()}
    usual = estimates.largest(counts, MOST_WORDS, at_least=FEW_WITH_WORD)
    tested = [word for word in usual if counts[word] <= len(told) - FEW_WITH_WORD]
    everything, found = Sums.of(logs), []
    for word in tested:
        sums = Sums.of(by_word[word])
        lift = estimates.ratio(sums, everything.without(sums))
        if lift is not None:
            found.append(Lift(spelt[word], sums.n, lift))
    found.sort(key=lambda each: (-each.lift.value, each.word))
    return Lifts(len(told), len(tested), tuple(found))


def key(word: str) -> str:
    """A word as it is compared: case and the way of writing its accents aside."""
    return word.lower() if word.isascii() else normalize("NFC", word).casefold()


def formats(told: Sequence[Measured]) -> tuple[Group, ...]:
    """What kind of reel: paid partnerships, collaborations, pinned ones, and the plain rest.

    A reel is of the first kind that it is told to be; where nothing is told of it, of the rest.
    """

    def kind(reel: Media) -> str:
        if reel.is_paid_partnership:
            return _FORMATS[0]
        return _FORMATS[1] if reel.coauthors else _FORMATS[2 if reel.is_pinned else 3]

    return _grouped(((kind(reel), value) for reel, value in told), _FORMATS)


def topics(told: Sequence[Measured]) -> tuple[Group, ...]:
    """Reels by what they speak of: a reel's topic is that of its hashtags which the account uses
    most, or without one, that of its caption's words; `other` where none is used five times.

    Words on more than six reels in ten are the account's signature and tell no reel from another.
    Language-neutral: no list of stop words is used, only the counts.
    """
    tags = _usual((reel.hashtags or () for reel, _ in told), len(told))
    tagged = [_most(reel.hashtags or (), tags) for reel, _ in told]
    spoken = [
        _terms(reel) if tag is None else set[str]()
        for (reel, _), tag in zip(told, tagged, strict=True)
    ]
    terms = _usual(spoken, len(told))
    names = (
        (_most(said, terms) or OTHER) if tag is None else f"#{tag}"
        for tag, said in zip(tagged, spoken, strict=True)
    )
    named = [(name, value) for name, (_, value) in zip(names, told, strict=True)]
    sizes = Counter(map(itemgetter(0), named))
    del sizes[OTHER]
    order = [*estimates.largest(sizes, _TOPICS, at_least=1), OTHER]
    chosen = set(order)
    return _grouped(((one if one in chosen else OTHER, value) for one, value in named), order)


def _usual(lists: Iterable[Iterable[str]], reels: int) -> Mapping[str, tuple[int, str]]:
    """Words that tell reels apart, as they are written: how often, and as they are compared."""
    spelt: Counter[str] = Counter()
    for words in lists:
        spelt.update(words)
    counts: Counter[str] = Counter()
    for word, n in spelt.items():
        counts[key(word)] += n
    usual = ((word, counts[key(word)]) for word in spelt)
    return {word: (n, key(word)) for word, n in usual if FEW_WITH_WORD <= n <= _EVERYWHERE * reels}


def _most(words: Iterable[str], usual: Mapping[str, tuple[int, str]]) -> str | None:
    """The one of the words that is used most."""
    found = [usual[word] for word in words if word in usual]
    return max(found)[1] if found else None


def _terms(reel: Media) -> set[str]:
    """Words of four letters and more, of the caption without its tags, names and addresses."""
    words = (reel.caption or "").split()
    plain = (key(word.strip(".,;:!?…\"'()[]„“”«»")) for word in words if word[0] not in "#@＃＠")
    return {word for word in plain if len(word) > 3 and word.isalpha()}
