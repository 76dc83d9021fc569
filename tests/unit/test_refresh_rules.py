"""What a fetched profile may do to an account, and what it may not."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingather import errors
from ingather.domain import refresh
from ingather.domain.records import Profile
from ingather.domain.refresh import Account, Event

AT, LATER = "2026-11-16T10:00:00.000Z", "2026-11-21T10:00:00.000Z"


def profile(**changed) -> Profile:
    told = {"user_id": None, "username": "lena", "followers_count": 46_312_345, "media_count": 7}
    return Profile(**(told | changed))


def kept(**changed) -> Account:
    """@lena after the Graph API told 46,312,345 followers."""
    account, _ = refresh.merge(
        Account(account_id="a1", handle="lena"), profile(**changed), source="graph", at=AT
    )
    return account


def test_the_first_refresh_fills_the_account():
    """Every field is taken, beside the profile and in it, with where it came from."""
    told = profile(
        user_id="1784", full_name="Lena", biography="Bakes", profile_pic_url="https://a/b.jpg?x=1"
    )
    found, changed = refresh.merge(
        Account(account_id="a1", handle="lena"), told, source="graph", at=AT
    )
    assert (found.follower_count, found.name, found.description) == (46_312_345, "Lena", "Bakes")
    assert (found.image_url, found.last_data_refresh) == ("https://a/b.jpg?x=1", AT)
    assert found.instagram_id == "1784"
    assert found.instagram_data["sources"]["followersCount"] == {"source": "graph", "at": AT}
    assert {"followerCount", "name", "description", "imageUrl"} <= set(changed)


@pytest.mark.parametrize("rounded", [46_300_000, 46_000_000])
def test_a_rounded_count_that_agrees_leaves_the_exact_one(rounded):
    """46.3m and 46M say no more than 46,312,345 does."""
    told = profile(followers_count=rounded, approximate=("followers_count",))
    found, changed = refresh.merge(kept(), told, source="page", at=LATER)
    assert found.follower_count == 46_312_345 and "followerCount" not in changed
    assert found.instagram_data["approximate"] == []
    assert found.instagram_data["sources"]["followersCount"] == {"source": "graph", "at": AT}
    assert found.last_data_refresh == LATER


@pytest.mark.parametrize("rounded", [46_500_000, 47_400_000, 45_000_000, 50_000_000])
def test_a_rounded_count_that_disagrees_is_taken_and_marked(rounded):
    """It is newer, and it is not exact."""
    told = profile(followers_count=rounded, approximate=("followers_count",))
    found, changed = refresh.merge(kept(), told, source="page", at=LATER)
    assert found.follower_count == rounded and "followerCount" in changed
    assert found.instagram_data["approximate"] == ["followersCount"]


def test_an_exact_count_takes_the_mark_away():
    """And a rounded one follows a rounded one."""
    near = kept(followers_count=47_000_000, approximate=("followers_count",))
    told = profile(followers_count=47_100_000, approximate=("followers_count",))
    near, _ = refresh.merge(near, told, source="page", at=LATER)
    assert (near.follower_count, near.instagram_data["approximate"]) == (
        47_100_000, ["followersCount"],
    )  # fmt: skip
    exact, _ = refresh.merge(near, profile(followers_count=47_100_000), source="graph", at=LATER)
    assert exact.instagram_data["approximate"] == []


@pytest.mark.parametrize("value", [0, None])
@pytest.mark.parametrize("count", ["followers_count", "media_count"])
def test_a_fall_to_nothing_is_an_error(count, value):
    """Nobody loses every follower in a week; a source that says so is out of order."""
    with pytest.raises(errors.Implausible, match="from"):
        refresh.merge(kept(), profile(**{count: value}), source="graph", at=LATER)


def test_zero_is_zero_where_nothing_was_before():
    """A new account may have no followers."""
    assert kept(followers_count=0).follower_count == 0


def test_what_is_not_told_stays():
    """A source without a biography does not empty it."""
    found, changed = refresh.merge(
        kept(biography="Bakes", is_verified=True), profile(), source="page", at=LATER
    )
    assert found.description == "Bakes" and found.instagram_data["isVerified"] is True
    assert changed == []


def test_a_picture_signed_anew_is_the_same_picture():
    """Its address is kept up to date, for the old one expires, and is no change."""
    before = kept(profile_pic_url="https://a/b.jpg?oe=1")
    told = profile(profile_pic_url="https://a/b.jpg?oe=2")
    found, changed = refresh.merge(before, told, source="graph", at=LATER)
    assert found.image_url == "https://a/b.jpg?oe=2" and changed == []


def test_foreign_keys_of_the_profile_stay():
    """What somebody else keeps within instagramData is not ours to drop."""
    before = msgspec.structs.replace(kept(), instagram_data={"theirs": 1, "followersCount": 5})
    found, _ = refresh.merge(before, profile(), source="graph", at=LATER)
    assert found.instagram_data["theirs"] == 1


def test_ids_of_two_sources_do_not_mix():
    """HikerAPI's number of an account is not the Graph API's."""
    found, _ = refresh.merge(kept(user_id="1784"), profile(user_id="25"), source="hiker", at=LATER)
    assert found.instagram_id == "1784" and found.instagram_data["pk"] == "25"


@given(st.integers(10_000, 2_000_000_000), st.sampled_from([1, 10]))
def test_what_an_account_is_cut_to_agrees_with_it(exact, tenths):
    """However a website shortens a number, whole or to one decimal, cut or rounded, the short form
    agrees with the exact one."""
    scale = 1_000_000 if exact >= 1_000_000 else 1_000
    step = scale // tenths
    for short in (exact // step * step, (exact + step // 2) // step * step):
        assert refresh._agrees(exact, short, False, True)


GOOD = b'{"accountId":"a1","platform":"INSTAGRAM","scheduledAt":"2026-11-21T10:00:00Z"}'


def test_an_event_is_read_and_its_platform_compared_without_case():
    """`instagram`, `INSTAGRAM` and `Instagram` are ours; `tiktok` is not."""
    assert refresh.event(GOOD).ours
    assert not refresh.event(GOOD.replace(b"INSTAGRAM", b"tiktok")).ours
    assert refresh.event(GOOD.replace(b"}", b',"more":1}')).account_id == "a1"


@pytest.mark.parametrize(
    "body",
    [None, b"", b"nonsense", b"[]", b'"a1"', b"{}", b"\xff\xfe", b"[" * 100_000, b"x" * 70_000,
     GOOD.replace(b'"a1"', b"1"), GOOD.replace(b'"a1"', b'""'), GOOD.replace(b"2026-11", b"soon"),
     GOOD.replace(b"INSTAGRAM", b" "), GOOD[:-5]],
)  # fmt: skip
def test_a_malformed_message_says_what_is_wrong(body):
    """Whatever comes, it is an event or a BadEvent."""
    with pytest.raises(errors.BadEvent) as found:
        refresh.event(body)
    assert len(str(found.value)) < 300


@given(st.binary(max_size=200))
def test_no_message_breaks_the_reader(body):
    """Any bytes at all."""
    with contextlib.suppress(errors.BadEvent):
        refresh.event(body)


@pytest.mark.parametrize(
    ("last", "scheduled", "fresh"),
    [
        (None, "2026-11-21T10:00:00Z", False),
        ("2026-11-16T00:00:00.000Z", "2026-11-22T23:59:59Z", True),  # the same ISO week
        ("2026-11-15T23:59:59.000Z", "2026-11-16T00:00:00Z", False),  # the week before
        ("2026-11-23T00:00:00.000Z", "2026-11-16T00:00:00Z", True),  # done since
        ("2026-01-01T00:00:00.000Z", "2025-12-31T00:00:00Z", True),  # a week over the year's end
        ("nonsense", "2026-11-16T00:00:00Z", False),
    ],
)
def test_an_account_is_refreshed_once_a_week(last, scheduled, fresh):
    """An event that comes again, or a second one of the same ISO week, finds the work done."""
    account = Account(account_id="a1", handle="lena", last_data_refresh=last)
    assert refresh.is_fresh(account, Event("a1", "instagram", scheduled)) is fresh


@pytest.mark.parametrize(
    ("asked", "fresh"), [("2026-11-20T10:00:00Z", True), ("2026-11-20T10:00:01Z", False)]
)
def test_a_refresh_that_was_asked_for_is_done_again(asked, fresh):
    """Within the week too, and once: what came after the asking is the answer to it."""
    account = Account(account_id="a1", handle="lena", last_data_refresh="2026-11-20T10:00:00.000Z")
    assert refresh.is_fresh(account, Event("a1", "instagram", asked, again=True)) is fresh


def test_an_event_of_the_schedule_has_the_seeds_three_fields():
    """The fourth is on the wire only where somebody asked for the refresh."""
    plain = Event("a", "instagram", "2026-11-20T10:00:00Z")
    assert set(msgspec.to_builtins(plain)) == {"accountId", "platform", "scheduledAt"}
    asked = Event("a", "instagram", "2026-11-20T10:00:00Z", again=True)
    assert refresh.event(msgspec.json.encode(asked)) == asked
