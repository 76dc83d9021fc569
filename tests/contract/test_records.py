"""Accounts and posts are kept to the letter, as comments are."""

import pytest

from ingather.domain.records import Media, User, natural_id

TEXTS = [
    None,
    "",
    "[]",
    "null",
    "9007199254740993",
    "👩‍👩‍👧‍👦",
    "\u2028\x01",
    "'; DROP TABLE a; --",
]


@pytest.fixture
def lists(backing):
    """A backing that holds lists of accounts and posts."""
    if backing.name == "redis":
        pytest.skip("Redis holds comment exports only")
    return backing


def user(number: int, **told: object) -> User:
    return User(**{"user_id": str(number), "username": f"user{number}"} | told)


def media(number: int, **told: object) -> Media:
    return Media(**{"media_id": f"31{number:017d}"} | told)


@pytest.mark.parametrize("private", [None, False, True])
@pytest.mark.parametrize("verified", [None, False, True])
async def test_what_is_told_of_an_account_survives(lists, writer, private, verified):
    """True, false and unknown are three things, and every text comes back as it went in; by their
    type too: a truth is no number."""
    rows = [
        user(n, full_name=text, profile_pic_url=text, is_private=private, is_verified=verified)
        for n, text in enumerate(TEXTS)
    ]
    work = await writer(kind="followers")
    await work.page(rows)
    found = await work.rows()
    assert found == rows
    assert [type(row.is_private) for row in found] == [type(private)] * len(rows)
    assert [type(row.is_verified) for row in found] == [type(verified)] * len(rows)


async def test_an_account_without_an_id_is_one_by_its_name(lists, writer):
    """An archive has no ids: the id stays unknown, and the same name is the same account, whatever
    its letters."""
    rows = [user(1, user_id=None, username=name) for name in ("ann", "b.o_b", "~c")]
    work = await writer(kind="following")
    await work.page(rows)
    again = await work.page([user(1, user_id=None, username="ANN"), user(2)])
    assert (again.new, again.counters.appended, again.counters.skipped_dupes) == (1, 4, 1)
    assert await work.rows() == [*rows, user(2)]
    assert again.counters.uniq_users == 1


@pytest.mark.parametrize("beside", [(), ("9" * 19, "9223372036854775808", "9" * 30), ("x",)])
async def test_ids_are_texts_though_they_look_like_numbers(backing, make, writer, beside):
    """Ids that would be one number are two, and an id may be larger than any number."""
    ids = ["7", "07", "007", "0", "00", *beside]
    rows = [make.comment(n, comment_id=one) for n, one in enumerate(ids)]
    work = await writer()
    assert (await work.page(rows)).new == len(ids)
    assert (await work.page(rows)).new == 0
    assert await work.rows() == rows


@pytest.mark.parametrize("words", [None, (), ("one",), ("a b", 'c"d', "é", "パン", "")])
async def test_what_is_told_of_a_post_survives(lists, writer, words):
    """Lists that are empty and lists that are unknown are two things; measures keep their parts,
    counts of 0 are no unknown ones."""
    rows = [
        media(
            n,
            shortcode=text,
            permalink=text,
            media_type="REELS",
            timestamp="2026-01-02T03:04:05Z",
            username=text,
            like_count=0,
            comment_count=None,
            play_count=2**62,
            duration=12.345,
            caption=text,
            hashtags=words,
            mentions=words,
            coauthors=words,
            thumbnail_url=text,
            likes_hidden=False,
            is_pinned=n % 2 == 0,
            is_paid_partnership=None,
            plays_from=text,
            reach=0,
            saved=n,
            avg_watch_ms=2**40,
        )
        for n, text in enumerate(TEXTS)
    ]
    work = await writer(kind="reels")
    await work.page([*rows, media(999)])
    assert await work.rows() == [*rows, media(999)]


async def test_a_post_without_an_id_is_one_by_what_it_has(lists, writer):
    """Two posts without ids are two where anything differs that tells them apart, and one where
    nothing does; their ids stay unknown."""
    rows = [
        Media(media_id=None, timestamp=f"2026-01-0{n}T00:00:00Z", caption="same") for n in (1, 2)
    ]
    work = await writer(kind="liked")
    await work.page(rows)
    again = await work.page([rows[0]])
    assert again.new == 0
    assert await work.rows() == rows


@pytest.mark.parametrize(
    ("kind", "rows"),
    [("likers", [user(n) for n in range(250)]), ("posts", [media(n) for n in range(250)])],
)
async def test_lists_are_counted_cut_and_streamed_in_order(lists, writer, kind, rows):
    """Pages beyond a hundred rows, slices and streams have the rows in the order of arrival."""
    work = await writer(kind=kind)
    await work.page(rows[120:])
    await work.page(rows[:130])
    order = [*rows[120:], *rows[:120]]
    assert await lists.rows.count(work.job.id) == 250
    assert list(await lists.rows.slice(work.job.id, 125, 10)) == order[125:135]
    streamed = [row async for batch in lists.rows.stream(work.job.id, size=7) for row in batch]
    assert streamed == order


async def test_what_a_filter_left_out_is_not_new_when_it_comes_again(lists, writer):
    """Ids of rows that a filter left out are remembered, in lists of accounts as well."""
    out = [natural_id(user(n)) for n in range(3)]
    work = await writer(kind="followers")
    first = await work.page([user(9)], seen=out)
    again = await work.page([], seen=out, cursor_text="later")
    assert (first.new, again.new) == (4, 0)
    assert again.counters.filtered == 3


async def test_deleting_a_list_takes_its_rows_along(lists, writer, make):
    """Rows of a deleted job are gone, and those of another job of the same people stay."""
    work, other = await writer(kind="followers"), await writer(kind="followers")
    for one in (work, other):
        await one.page([user(n) for n in range(5)])
        await one.settle("done", reason="end_of_list")
    await lists.jobs.delete(work.job.id)
    assert await other.rows() == [user(n) for n in range(5)]
    later = await writer(kind="followers")
    assert await later.rows() == []
