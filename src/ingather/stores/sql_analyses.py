"""The seed's table `instagram_data`, and how far each analysis is, in either database."""

from collections.abc import AsyncIterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from ingather.domain.merging import Filled, origins
from ingather.domain.progress import Standing
from ingather.domain.records import Media, Profile, natural_id
from ingather.stores.sql import Row, Sql, Value
from ingather.stores.sql_columns import PLACES

if TYPE_CHECKING:
    from ingather.domain.reel_columns import Some

_AT_ONCE = 100
_COLUMNS = (
    "analysis_id, instagram_user_id, analysis_status, analysis_progress,"
    " profile_username, profile_follower_count, profile_following_count, profile_media_count,"
    " profile_is_private, profile_pic_url,"
    " reel_id, reel_shortcode, reel_url, reel_thumbnail_url, reel_caption, reel_likes,"
    " reel_comments, reel_views, reel_date_posted, reel_duration, reel_is_video,"
    " reel_hashtags, reel_mentions"
)
_CELLS = f"({', '.join('?' * len(_COLUMNS.split(',')))})"
_ONCE = "ON CONFLICT (analysis_id, COALESCE(reel_id, '')) DO NOTHING"

_NUMBERS = ("like_count", "comment_count", "play_count", "duration")

_READ_AT_ONCE = 2_000
_LOOKED_AT = (
    "SELECT media_id, timestamp, play_count, like_count, comment_count, duration, length(caption),"
    " hashtags, mentions, more FROM media WHERE place >= ? AND place < ? ORDER BY place LIMIT ?"
)
_CAPTIONS = "SELECT place, caption FROM media WHERE place >= ? AND place < ? ORDER BY place"


class _More(Struct, frozen=True):
    """What an analysis looks at of a record's other fields."""

    is_pinned: bool | None = None
    is_paid_partnership: bool | None = None
    coauthors: tuple[str, ...] | None = None
    reach: int | None = None
    total_interactions: int | None = None


_NO_MORE = _More()
_words = msgspec.json.Decoder(list[tuple[str, ...] | None]).decode
_mores = msgspec.json.Decoder(list[_More | None]).decode


class SqlAnalyses:
    """ports.Analyses over stores.sql."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    async def begin(self, analysis_id: str, profile: Profile) -> None:
        async with self._sql.together() as sql:
            await sql.run(
                "INSERT INTO analyses (analysis_id, profile, progress, updated_at)"
                " VALUES (?, ?, 0, CURRENT_TIMESTAMP) ON CONFLICT (analysis_id)"
                " DO UPDATE SET profile = excluded.profile, updated_at = CURRENT_TIMESTAMP",
                analysis_id,
                msgspec.json.encode(profile).decode(),
            )
            there = await sql.one(
                "SELECT 1 FROM instagram_data WHERE analysis_id = ? LIMIT 1", analysis_id
            )
            if there is None:
                nothing = Media(media_id=None)
                values = [*_values(analysis_id, profile, nothing, 0)[:10], *[None] * 13]
                await sql.run(
                    f"INSERT INTO instagram_data ({_COLUMNS}) VALUES {_CELLS} {_ONCE}", *values
                )

    async def add(self, analysis_id: str, reels: Sequence[Media], source: str) -> None:
        async with self._sql.together() as sql:
            found = await sql.one(
                "SELECT profile, progress FROM analyses WHERE analysis_id = ?", analysis_id
            )
            if found is None or not reels:
                return
            profile = msgspec.json.decode(found[0], type=Profile)
            for start in range(0, len(reels), _AT_ONCE):
                some = reels[start : start + _AT_ONCE]
                values: list[Value] = []
                for reel in some:
                    values += _values(analysis_id, profile, reel, found[1])
                await sql.run(
                    f"INSERT INTO instagram_data ({_COLUMNS})"
                    f" VALUES {', '.join([_CELLS] * len(some))} {_ONCE}",
                    *values,
                )
                await _add_origins(sql, analysis_id, some, source)
            await sql.run(
                "DELETE FROM instagram_data WHERE analysis_id = ? AND reel_id IS NULL", analysis_id
            )

    async def note(self, analysis_id: str, standing: Standing) -> None:
        await self._sql.run(
            "INSERT INTO analyses (analysis_id, progress, message, remaining, reels, updated_at)"
            " VALUES (?, ?, ?, ?, ?, CURRENT_TIMESTAMP) ON CONFLICT (analysis_id) DO UPDATE"
            " SET progress = excluded.progress, message = excluded.message,"
            " remaining = excluded.remaining, reels = excluded.reels,"
            " updated_at = CURRENT_TIMESTAMP",
            analysis_id,
            standing.progress,
            standing.message,
            standing.remaining,
            standing.reels,
        )

    async def fill(self, analysis_id: str, filled: Filled) -> None:
        await self._sql.run(
            "INSERT INTO analyses (analysis_id, filled, updated_at)"
            " VALUES (?, ?, CURRENT_TIMESTAMP)"
            " ON CONFLICT (analysis_id) DO UPDATE SET filled = excluded.filled",
            analysis_id,
            msgspec.json.encode(filled).decode(),
        )

    async def filled(self, analysis_id: str) -> Filled | None:
        found = await self._sql.one(
            "SELECT filled FROM analyses WHERE analysis_id = ?", analysis_id
        )
        if found is None or found[0] is None:
            return None
        return msgspec.json.decode(found[0], type=Filled)

    async def close(self, analysis_id: str, status: str, error: str | None) -> None:
        progress = "100" if status == "completed" else "analysis_progress"
        await self._sql.run(
            f"UPDATE instagram_data SET analysis_status = ?, analysis_progress = {progress},"
            " analysis_error = ?, updated_at = CURRENT_TIMESTAMP WHERE analysis_id = ?",
            status,
            error,
            analysis_id,
        )

    async def profile(self, analysis_id: str) -> Profile | None:
        found = await self._sql.one(
            "SELECT profile FROM analyses WHERE analysis_id = ?", analysis_id
        )
        if found is None or found[0] is None:
            return None
        return msgspec.json.decode(found[0], type=Profile)

    async def standing(self, analysis_id: str) -> Standing | None:
        found = await self._sql.one(
            "SELECT progress, message, remaining, reels FROM analyses WHERE analysis_id = ?",
            analysis_id,
        )
        return None if found is None or found[1] is None else Standing(*found)

    async def columns(self, analysis_id: str) -> "AsyncIterator[Some]":
        place, end = await self._places(analysis_id)
        while rows := await self._sql.all(_LOOKED_AT, place, end, _READ_AT_ONCE):
            yield _some(rows)
            if len(rows) < _READ_AT_ONCE:
                return
            place += _READ_AT_ONCE

    async def captions(self, analysis_id: str, places: Sequence[int]) -> Sequence[str | None]:
        first, _ = await self._places(analysis_id)
        found: list[str | None] = []
        for part, wanted in groupby(places, lambda place: place // _READ_AT_ONCE):
            start = first + part * _READ_AT_ONCE
            rows = await self._sql.all(_CAPTIONS, start, start + _READ_AT_ONCE)
            told: dict[int, str | None] = dict(rows)
            found += [told.get(first + place) for place in wanted]
        return found

    async def _places(self, analysis_id: str) -> tuple[int, int]:
        """Where the records of its job begin, and where they end at the latest."""
        found = await self._sql.one("SELECT number FROM extractions WHERE id = ?", analysis_id)
        number = found[0] if found else 0
        return number * PLACES, (number + 1) * PLACES


async def _add_origins(sql: Sql, analysis_id: str, reels: Sequence[Media], source: str) -> None:
    values: list[Value] = []
    for reel in reels:
        told = origins(reel, source)
        values += [analysis_id, natural_id(reel), *map(told.get, _NUMBERS)]
    await sql.run(
        "INSERT INTO reel_origins (analysis_id, reel_id, likes_from, comments_from, views_from,"
        f" duration_from) VALUES {', '.join(['(?, ?, ?, ?, ?, ?)'] * len(reels))}"
        " ON CONFLICT (analysis_id, reel_id) DO NOTHING",
        *values,
    )


def _values(analysis_id: str, profile: Profile, reel: Media, progress: int) -> list[Value]:
    """A row. What is not known is NULL, although the seed's defaults are 0: zero is a number."""
    return [
        analysis_id,
        profile.user_id or f"@{profile.username}",
        "processing",
        progress,
        profile.username,
        profile.followers_count,
        profile.follows_count,
        profile.media_count,
        profile.is_private,
        profile.profile_pic_url,
        natural_id(reel),
        reel.shortcode,
        reel.permalink,
        reel.thumbnail_url,
        reel.caption,
        reel.like_count,
        reel.comment_count,
        reel.play_count,
        reel.timestamp,
        None if reel.duration is None else round(reel.duration),
        True,
        _listed(reel.hashtags),
        _listed(reel.mentions),
    ]


def _listed(words: tuple[str, ...] | None) -> str | None:
    return None if words is None else msgspec.json.encode(words).decode()


def _one_list(texts: Sequence[str | None]) -> str:
    """JSON texts of many rows as one: they are decoded in half the time that each alone takes."""
    return f"[{','.join([text or 'null' for text in texts])}]"


def _some(rows: Sequence[Row]) -> "Some":
    from ingather.domain.reel_columns import Some

    ids, posted, plays, likes, comments, duration, caption, hashtags, mentions, more = zip(
        *rows, strict=True
    )
    others = [found or _NO_MORE for found in _mores(_one_list(more))]
    return Some(
        ids=ids,
        posted=posted,
        numbers={
            "play_count": plays,
            "like_count": likes,
            "comment_count": comments,
            "duration": duration,
            "caption_length": caption,
            "reach": [each.reach for each in others],
            "total_interactions": [each.total_interactions for each in others],
        },
        hashtags=_words(_one_list(hashtags)),
        mentions=_words(_one_list(mentions)),
        shared=[bool(each.coauthors) for each in others],
        paid=[bool(each.is_paid_partnership) for each in others],
        pinned=[bool(each.is_pinned) for each in others],
    )
