"""Pure: the three counts in a profile page's description, in every language it is known to come in.

Source: contracts/hiker-web-archive.md, 2.2. A description is understood whole or not at all: what
fits no language's words, or is no number, is None and never a guess.
"""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

MOST: Final = 10_000_000_000
"""More than there are people: not a count."""

_DASH = re.compile(r"\s[-–—](?:\s|$)")
_PART = re.compile(
    r"(?P<before>[^0-9]*)(?P<number>[0-9](?:[0-9.,'’\u00a0\u202f\u2009 ]*[0-9])?)(?P<after>[^0-9]*)"
)
_COMMA = re.compile(r",\s+|[、，]\s*")
_SEPARATORS = re.compile(r"[.,'’\u00a0\u202f\u2009 ]")


class Count(Struct, frozen=True):
    """A count, and whether it was abbreviated and so is rounded."""

    value: int
    rounded: bool = False


class Counts(Struct, frozen=True):
    followers: Count
    following: Count
    posts: Count


class Tongue(Struct, frozen=True):
    """A language's words. words: for followers, following and posts, in lower case, whether they
    stand before the number or after it. scales: what its abbreviations stand for. beside: signs
    that count things, and say nothing."""

    words: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    scales: Mapping[str, int] = {}
    beside: tuple[str, ...] = ()


_KM: Final = {"k": 10**3, "m": 10**6}
_HAN: Final = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}

TONGUES: Final = (
    Tongue(  # en, and the words that de, fr and it have borrowed
        (("followers", "follower"), ("following",), ("posts", "post")), {**_KM, "b": 10**9}
    ),
    Tongue(  # de
        (("abonnenten", "abonnent", "follower"), ("folgen", "gefolgt", "abonniert"),
         ("beiträge", "beitrag")),
        {**_KM, "tsd.": 10**3, "mio.": 10**6, "mio": 10**6, "mrd.": 10**9, "mrd": 10**9},
    ),
    Tongue(  # fr
        (("abonnés", "abonné", "followers", "follower"),
         ("abonnements", "abonnement", "suivis", "suivi", "suivi(e)s"),
         ("publications", "publication")),
        {**_KM, "md": 10**9},
    ),
    Tongue(  # it
        (("follower", "followers"), ("seguiti", "seguiti/e", "seguito"), ("post",)),
        {**_KM, "mila": 10**3, "mln": 10**6, "mld": 10**9},
    ),
    Tongue(  # pt
        (("seguidores", "seguidor"), ("seguindo", "a seguir"), ("publicações", "publicação")),
        {**_KM, "mil": 10**3, "mi": 10**6, "bi": 10**9},
    ),
    Tongue(  # es
        (("seguidores", "seguidor"), ("seguidos", "seguido", "siguiendo"),
         ("publicaciones", "publicación")),
        {**_KM, "mil": 10**3, "mill.": 10**6},
    ),
    Tongue(  # tr; B is its thousand and everybody else's billion, so it is not read
        (("takipçi",), ("takip edilen", "takip"), ("gönderi",)),
        {**_KM, "bin": 10**3, "mn": 10**6, "mr": 10**9},
    ),
    Tongue(  # ru
        (("подписчиков", "подписчика", "подписчик", "подписчики"),
         ("подписок", "подписки", "подписка"),
         ("публикаций", "публикации", "публикация")),
        {**_KM, "тыс.": 10**3, "млн": 10**6, "млрд": 10**9},
    ),
    Tongue(  # ko
        (("팔로워",), ("팔로잉", "팔로우"), ("게시물",)),
        {**_KM, "b": 10**9, "천": 10**3, "만": 10**4, "억": 10**8},
        ("명", "개"),
    ),
    Tongue(  # zh
        (("粉丝", "粉絲", "位粉丝", "位粉絲"), ("已关注", "关注", "追蹤中", "正在追蹤"),
         ("篇帖子", "帖子", "则贴子", "則貼文", "貼文")),
        {**_KM, **_HAN},
        ("人", "位", "篇"),
    ),
    Tongue(  # ja
        (("フォロワー",), ("フォロー中",), ("投稿",)), {**_KM, **_HAN}, ("人", "件")
    ),
    Tongue(  # id; M is its billion and everybody else's million, so it is not read
        (("pengikut",), ("mengikuti", "diikuti"), ("postingan", "kiriman")),
        {"k": 10**3, "rb": 10**3, "ribu": 10**3, "jt": 10**6, "juta": 10**6},
    ),
)  # fmt: skip


def counts(description: str) -> Counts | None:
    """The counts that a description begins with; None where it does not tell all three."""
    told = _DASH.split(description.strip()[:2_000], maxsplit=1)[0].strip()
    parts = _COMMA.split(told)
    if len(parts) != 3:
        return None
    found = {
        tuple(each for each in read if each)
        for tongue in TONGUES
        if all(read := [_count(part, tongue, place) for place, part in enumerate(parts)])
    }
    if len(found) != 1:  # no language, or two that do not agree
        return None
    return Counts(*found.pop())


def _count(part: str, tongue: Tongue, place: int) -> Count | None:
    """One of the three: a number with its word on one side of it."""
    match = _PART.fullmatch(part.strip())
    if match is None:
        return None
    before = match["before"].strip().rstrip(":：").strip().casefold()
    after = match["after"].strip().casefold()
    words = tongue.words[place]
    if before in words:
        return number(match["number"], _scale(after, tongue))
    if before:
        return None
    for word in sorted(words, key=len, reverse=True):
        if after.endswith(word):
            return number(match["number"], _scale(after.removesuffix(word).strip(), tongue))
    return None


def _scale(rest: str, tongue: Tongue) -> int | None:
    """What is left between number and word: nothing, an abbreviation, a sign. None: neither."""
    for sign in tongue.beside:
        rest = rest.removesuffix(sign).strip()
    return 1 if not rest else tongue.scales.get(rest)


def number(text: str, scale: int | None) -> Count | None:
    """The number that is written.

    Abbreviated (scale above 1): its last separator is the decimal one. Else separators stand
    before whole groups of three digits, all of one kind. None for anything else.
    """
    if scale is None:
        return None
    separators = _SEPARATORS.findall(text)
    groups = _SEPARATORS.split(text)
    decimals = groups.pop() if scale > 1 and separators else ""
    grouping = separators[: len(groups) - 1]
    if groups[0].startswith("0") and (groups[0] != "0" or grouping):
        return None
    if len(set(grouping)) > 1 or (decimals and separators[-1] in grouping):
        return None
    if grouping and not (1 <= len(groups[0]) <= 3 and all(len(each) == 3 for each in groups[1:])):
        return None
    whole, rest = divmod(
        int("".join(groups)[:20] + decimals[:20]) * scale, 10 ** len(decimals[:20])
    )
    return Count(whole, scale > 1) if not rest and whole < MOST else None
