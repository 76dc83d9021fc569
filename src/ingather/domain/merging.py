"""One reel as two sources tell it: the preferred one's word stands, the other fills gaps. Pure."""

from collections.abc import Mapping

from msgspec import Struct, structs

from ingather.domain.records import Media

_NUMBERS = ("like_count", "comment_count", "play_count", "duration")
_OTHERS = ("thumbnail_url", "is_pinned", "is_paid_partnership", "coauthors")
_TOLD = {one.name: one.encode_name for one in structs.fields(Media)}


class Filled(Struct, frozen=True):
    """What a second source has added to an analysis, and what that has cost.

    reels: to which it has added something. stopped: why it was asked no more, in words; None where
    nothing kept it.
    """

    source: str
    calls: int = 0
    units: int = 0
    reels: int = 0
    stopped: str | None = None


def lacks(reel: Media) -> bool:
    """Whether a number of it is not told; likes that the owner hides are no gap."""
    return any(getattr(reel, name) is None for name in _NUMBERS if _open(reel, name))


def filled(reel: Media, other: Media, source: str) -> Media:
    """The reel with what only the other source tells of it. Where both tell a number the first
    one's stands, however they differ; what the owner hides stays hidden."""
    found = {
        name: value
        for name in (*_NUMBERS, *_OTHERS)
        if getattr(reel, name) is None
        and _open(reel, name)
        and (value := getattr(other, name)) is not None
    }
    if not found:
        return reel
    told = tuple(f"{_TOLD[name]}={source}" for name in found)
    if "play_count" in found:
        found["plays_from"] = other.plays_from
    return structs.replace(reel, **found, filled_from=(reel.filled_from or ()) + told)


def _open(reel: Media, name: str) -> bool:
    return name != "like_count" or not reel.likes_hidden


def origins(reel: Media, source: str) -> Mapping[str, str]:
    """Who told each number that is told: the job's source, or whichever filled it in."""
    others = dict(one.split("=", 1) for one in reel.filled_from or ())
    return {
        name: others.get(_TOLD[name], source)
        for name in _NUMBERS
        if getattr(reel, name) is not None
    }
