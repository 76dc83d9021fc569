"""The table of analysed reels, alike in both databases."""

from contextlib import asynccontextmanager

import pytest
from msgspec import structs

from ingather.domain.merging import Filled
from ingather.domain.progress import Standing
from ingather.domain.records import Media, Profile

LAMPS = Profile(
    user_id="17841400000000001",
    username="lamps",
    followers_count=20,
    follows_count=None,
    media_count=3,
    is_private=False,
)


@asynccontextmanager
async def _opened(request, tmp_path):
    from ingather.stores.sql_link import SqliteLink

    if request.param == "sqlite":
        link = SqliteLink(tmp_path / "ingather.db")
    else:
        from ingather.stores.pg_link import PgLink

        link = PgLink(request.getfixturevalue("postgres"))
    try:
        yield link
    finally:
        await link.close()


@pytest.fixture(params=["sqlite", "postgres"])
async def sql(request, tmp_path):
    from ingather.stores.pg_sql import PostgresSql
    from ingather.stores.sql import SqliteSql

    async with _opened(request, tmp_path) as link:
        yield SqliteSql(link) if request.param == "sqlite" else PostgresSql(link)


@pytest.fixture
def table(sql):
    from ingather.stores.sql_analyses import SqlAnalyses

    return SqlAnalyses(sql)


@pytest.fixture
def one(make):
    """The id of an analysis of its own."""
    return make.job().id


def reels(count: int) -> list[Media]:
    return [
        Media(
            media_id=f"180{number:014d}",
            shortcode="DAbCdEfGhIj",
            caption="'; DROP TABLE instagram_data; -- 😀",
            timestamp="2026-01-02T03:04:05Z",
            like_count=None,
            comment_count=0,
            play_count=5_000_000_000,
            duration=12.6,
            hashtags=("Étude", 'quo"te'),
            mentions=(),
        )
        for number in range(count)
    ]


async def _rows(sql, one, columns: str) -> list:
    return await sql.all(
        f"SELECT {columns} FROM instagram_data WHERE analysis_id = ? ORDER BY id", one
    )


async def test_the_profile_has_a_row_until_there_are_reels(table, sql, one) -> None:
    """Then there is one row a reel, the profile repeated in each."""
    await table.begin(one, LAMPS)
    await table.begin(one, LAMPS)
    assert await _rows(sql, one, "profile_username, reel_id") == [("lamps", None)]
    await table.add(one, reels(3), "graph")
    assert await _rows(sql, one, "profile_username, profile_follower_count, reel_id") == [
        ("lamps", 20, reel.media_id) for reel in reels(3)
    ]
    assert await table.profile(one) == LAMPS


async def test_a_page_twice_is_a_page_once(table, sql, one) -> None:
    """What a killed run had written already is not written again."""
    await table.begin(one, LAMPS)
    await table.add(one, reels(120), "graph")
    await table.add(one, reels(130), "graph")
    await table.begin(one, LAMPS)
    assert len(await _rows(sql, one, "reel_id")) == 130


async def test_unknown_is_null_and_zero_is_zero(table, sql, one) -> None:
    """The seed's defaults are 0; a number that nobody told is not one."""
    await table.begin(one, LAMPS)
    await table.add(one, reels(1), "graph")
    columns = (
        "reel_likes, reel_comments, reel_views, reel_duration, profile_following_count,"
        " reel_hashtags, reel_mentions, reel_caption"
    )
    assert await _rows(sql, one, columns) == [
        (None, 0, 5_000_000_000, 13, None, '["Étude","quo\\"te"]', "[]", reels(1)[0].caption)
    ]
    (flags,) = await _rows(sql, one, "profile_is_private, reel_is_video")
    assert [bool(flag) for flag in flags] == [False, True]


async def test_the_end_is_told_in_every_row(table, sql, one) -> None:
    """completed is 100 per cent; failed keeps how far it was, and says why."""
    await table.begin(one, LAMPS)
    await table.add(one, reels(2), "graph")
    await table.close(one, "completed", None)
    columns = "analysis_status, analysis_progress, analysis_error"
    assert await _rows(sql, one, columns) == [("completed", 100, None)] * 2
    await table.close(one, "failed", "The token is no longer valid.")
    assert (await _rows(sql, one, columns))[0] == ("failed", 100, "The token is no longer valid.")


async def test_how_far_it_is(table, one) -> None:
    """The last that was told is what is shown; nothing before."""
    assert await table.standing(one) is None
    assert await table.profile(one) is None
    told = Standing(42, "Reading reels: 7 so far.", 12.5, 7)
    await table.note(one, Standing(10, "@lamps is found."))
    await table.begin(one, LAMPS)
    await table.note(one, told)
    assert await table.standing(one) == told


async def test_a_row_of_its_own_defaults(sql, one) -> None:
    """A row written with nothing but its ids has the seed's defaults."""
    await sql.run(
        "INSERT INTO instagram_data (analysis_id, instagram_user_id) VALUES (?, ?)", one, "1"
    )
    (row,) = await _rows(
        sql, one, "analysis_status, analysis_progress, reel_likes, reel_duration, reel_is_video"
    )
    assert tuple(map(str, row[:4])) == ("pending", "0", "0", "0")
    assert row[4]


COLUMNS = {
    "id": None,
    "analysis_id": None,
    "instagram_user_id": None,
    "analysis_status": "pending",
    "analysis_progress": "0",
    "analysis_error": None,
    "profile_username": None,
    "profile_follower_count": "0",
    "profile_following_count": "0",
    "profile_media_count": "0",
    "profile_is_private": "0",
    "profile_pic_url": None,
    "reel_id": None,
    "reel_shortcode": None,
    "reel_url": None,
    "reel_thumbnail_url": None,
    "reel_caption": None,
    "reel_likes": "0",
    "reel_comments": "0",
    "reel_views": "0",
    "reel_date_posted": None,
    "reel_duration": "0",
    "reel_is_video": "1",
    "reel_hashtags": None,
    "reel_mentions": None,
    "created_at": "CURRENT_TIMESTAMP",
    "updated_at": "CURRENT_TIMESTAMP",
}
"""The seed's, in its order, with their defaults."""
INDEXES = {
    "idx_analysis_id": "(analysis_id)",
    "idx_instagram_user_id": "(instagram_user_id)",
    "idx_analysis_status": "(analysis_status)",
    "idx_reel_id": "(reel_id)",
    "idx_created_at": "(created_at)",
    "idx_composite_analysis_user": "(analysis_id, instagram_user_id)",
}


async def test_the_table_is_the_seeds(sql, request) -> None:
    """Its columns in its order, its defaults and its indexes (seeds/reel-analysis.md)."""
    if "sqlite" in request.node.name:
        columns = await sql.all("SELECT name, dflt_value FROM pragma_table_info('instagram_data')")
        indexes = await sql.all(
            "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'instagram_data' AND sql LIKE ?",
            "CREATE%INDEX%",
        )
    else:
        columns = await sql.all(
            "SELECT column_name, column_default FROM information_schema.columns"
            " WHERE table_name = 'instagram_data' AND table_schema = current_schema()"
            " ORDER BY ordinal_position"
        )
        indexes = await sql.all(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'instagram_data'"
            " AND schemaname = current_schema()"
        )
    assert [name for name, _ in columns] == list(COLUMNS)
    defaults = {name: value for name, value in columns if name != "id"}
    alike = {"false": "0", "true": "1"}
    for name, value in defaults.items():
        found = None if value is None else value.split("::")[0].strip("'")
        assert alike.get(found, found) == COLUMNS[name], name
    told = {name: " ".join(text.split()) for name, text in indexes}
    for name, of in INDEXES.items():
        assert told[name].endswith(of), name


async def test_every_number_says_who_told_it(table, sql, one) -> None:
    """The analysis's own source, or the one that filled a gap; nobody, where there is no number."""
    await table.begin(one, LAMPS)
    told, filled = reels(2)
    filled = structs.replace(filled, filled_from=("duration=hiker",), play_count=None)
    await table.add(one, [told, filled], "graph")
    await table.add(one, [told, filled], "graph")
    assert await sql.all(
        "SELECT reel_id, likes_from, comments_from, views_from, duration_from FROM reel_origins"
        " WHERE analysis_id = ? ORDER BY reel_id",
        one,
    ) == [
        (told.media_id, None, "graph", "graph", "graph"),
        (filled.media_id, None, "graph", None, "hiker"),
    ]


async def test_what_filling_cost_is_kept(table, one) -> None:
    """Also before the profile is, and whatever is told of the progress afterwards."""
    assert await table.filled(one) is None
    spent = Filled("hiker", calls=3, units=4, reels=20, stopped="The account is empty.")
    await table.fill(one, spent)
    await table.note(one, Standing(42, "Reading."))
    await table.begin(one, LAMPS)
    assert await table.filled(one) == spent


async def test_columns_say_what_the_records_say(backing, writer, make) -> None:
    """An analysis reads of both databases what the job has kept, and captions by their place."""
    from ingather.domain import reel_columns

    if backing.name not in ("sqlite", "postgres"):
        pytest.skip("analyses rest in SQL")
    flagged = Media(
        media_id="3",
        timestamp="2026-01-02T03:04:05+0000",
        caption="Ä 😀",
        coauthors=("other",),
        is_pinned=True,
        filled_from=("isPinned=hiker",),
        reach=0,
        total_interactions=7,
    )
    kept = [*reels(2_040), Media(media_id=None), flagged, Media(media_id="4", is_pinned=False)]
    job = await backing.jobs.create(make.job(kind="analysis"))
    hold = await writer(job)
    await hold.page(kept)
    table = _of(backing)
    parts = [part async for part in table.columns(job.id)]
    expected = reel_columns.some_of(kept)
    for name in ("ids", "posted", "hashtags", "mentions", "shared", "paid", "pinned"):
        found = [each for part in parts for each in getattr(part, name)]
        assert found == list(getattr(expected, name)), name
    for name, values in expected.numbers.items():
        assert [each for part in parts for each in part.numbers[name]] == values, name
    places = [0, 2_039, 2_040, 2_041, 2_042]
    assert await table.captions(job.id, places) == [kept[place].caption for place in places]
    assert await table.captions("nobody", [0]) == [None]


def _of(backing):
    from ingather.stores.pg_sql import PostgresSql
    from ingather.stores.sql import SqliteSql
    from ingather.stores.sql_analyses import SqlAnalyses

    link = backing.jobs._link
    return SqlAnalyses(SqliteSql(link) if backing.name == "sqlite" else PostgresSql(link))


async def test_deleting_the_job_deletes_its_rows(backing, writer, make) -> None:
    """Nobody's reels stay behind when an analysis is deleted."""
    if backing.name not in ("sqlite", "postgres"):
        pytest.skip("analyses rest in SQL")
    job = await backing.jobs.create(make.job(kind="analysis"))
    table = _of(backing)
    await table.begin(job.id, LAMPS)
    await table.add(job.id, reels(2), "graph")
    await backing.jobs.delete(job.id)
    assert await _rows(table._sql, job.id, "id") == []
    assert await table.profile(job.id) is None
