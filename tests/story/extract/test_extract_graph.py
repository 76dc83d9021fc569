"""`ingather extract` through the Graph API: others' posts and reels, one's own, own commenters."""

import json
from collections import Counter

import pytest

from ingather.sandbox import insights, others
from ingather.sandbox.world import World

WORLD = World(1)


@pytest.fixture
def told(new_program, outside):
    """A program with an access token of the sandbox's account, and without a key of HikerAPI."""
    return new_program(
        "graph",
        HIKERAPI_KEY="",
        INSTAGRAM_ACCESS_TOKEN="sandbox-token",
        INSTAGRAM_BUSINESS_ACCOUNT_ID=WORLD.account.id,
        INSTAGRAM_GRAPH_URL=outside.graph_url,
    )


def test_posts_of_another_account(told, outside):
    """All posts of a professional account are a file, at no cost; hidden likes are empty cells and
    not 0."""
    other = others.find("posts120", 1)
    said = told("extract", "posts", "@posts120", "--json", "-o", "p.csv")
    assert said.code == 0, said.err
    rows = told.rows("p.csv")
    true = [other.post(place) for place in range(120)]
    assert [row["mediaId"] for row in rows] == [post.id for post in true]
    assert [row["likeCount"] for row in rows] == [
        "" if post.seed % 11 == 0 else str(post.seed % 4000) for post in true
    ]
    receipt = said.receipt
    facts = {key: receipt[key] for key in ("source", "declared", "kept", "gap", "units")}
    assert facts == {"source": "graph", "declared": 120, "kept": 120, "gap": 0, "units": 0}
    assert outside.control()["calls"]["by_kind"]["discovery"] == 4  # the account, three pages


def test_reels_go_on_after_a_budget(told):
    """A job of reels that was paused goes on where it stopped, and its file is the one that an
    undisturbed run writes."""
    whole = told("extract", "reels", "reels230", "--json", "-o", "whole.csv")
    assert whole.code == 0, whole.err
    words = ("extract", "reels", "reels230", "--json", "--fresh", "-o", "cut.csv")
    cut = told(*words, "--max-calls", "3")
    assert cut.code == 3, cut.err
    again = told(*(word for word in words if word != "--fresh"))
    assert again.code == 0, again.err
    assert again.json["id"] == cut.json["id"]
    assert told.bytes("cut.csv") == told.bytes("whole.csv")


def test_own_reels_with_their_insights(told):
    """`--insights` fills reach, saves and watch time of one's own reels; where nobody has counted
    them they stay empty."""
    said = told("extract", "reels", "sandbox.bakery", "--insights", "--max", "30", "-o", "r.csv")
    assert said.code == 0, said.err
    true = {post.id: post for post in WORLD.posts}
    rows = told.rows("r.csv")
    assert len(rows) == 30
    for row in rows:
        post = true[row["mediaId"]]
        counted = insights.known(post)
        watched = insights.value(post, "ig_reels_avg_watch_time")
        assert row["avgWatchMs"] == (str(watched) if counted else "")
        assert row["playsFrom"] == ("insights.views" if counted else "")


def test_own_commenters(told, oracle):
    """The comments of an own post are a list as any other."""
    post = next(post for post in WORLD.named if post.name == "small")
    said = told("extract", "commenters", post.permalink, "--json", "-o", "c.csv")
    assert said.code == 0, said.err
    assert set(told.column("c.csv", "commentId")) == set(oracle.rows(post.id))
    assert (said.receipt["source"], said.receipt["gap"]) == ("graph", 0)


def test_who_cannot_be_discovered_is_asked_of_hikerapi(told, outside):
    """Where the Graph API does not reach an account and there is a key of HikerAPI, that one is
    asked instead, and the user is told; without a key the answer says what is not told. Calls of
    both count."""
    alone = told("extract", "posts", "personal.ann", "-o", "p.csv")
    assert alone.code == 1
    assert "does not tell which" in alone.err
    before = Counter(outside.control()["calls"]["by_kind"])
    both = told("extract", "posts", "personal.ann", "--yes", "--json", "-o", "p.csv",
                HIKERAPI_KEY="sandbox-key")  # fmt: skip
    assert both.code == 0, both.err
    assert "Asking HikerAPI instead" in both.err
    assert both.receipt["source"] == "hiker"
    assert told.rows("p.csv")
    made = Counter(outside.control()["calls"]["by_kind"]) - before
    assert both.receipt["calls"] == made.total() - made["hiker_balance"] > made["discovery"] > 0


def test_a_source_can_be_forced(told):
    """`--source hiker` asks HikerAPI even where the Graph API would cost nothing, and a target
    that is listed with others is read through one source alone."""
    said = told("extract", "reels", "flat60", "--source", "hiker", "--yes", "--json",
                "-o", "r.csv", HIKERAPI_KEY="sandbox-key")  # fmt: skip
    assert said.receipt["source"] == "hiker"
    assert {row["playsFrom"] for row in told.rows("r.csv")} <= {"hiker.play_count", ""}


def test_many_accounts_in_one_job(told):
    """Accounts that cannot be discovered are named in the receipt, the others are read."""
    told.write("names.txt", "posts30\nghost\nposts40\n")
    said = told("extract", "posts", "--from", "names.txt", "--json", "-o", "p.csv")
    assert said.code == 0, said.err
    assert said.receipt["kept"] == 70
    named = [each for each in json.dumps(said.receipt["targets"]).split("},") if "ghost" in each]
    assert "does not tell which" in named[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("followers", "natgeo", "--source", "graph"), "cannot be had of the Graph API"),
        (("followers", "natgeo"), "HIKERAPI_KEY"),
        (("likers", "DRqAYKuAIUx"), "HIKERAPI_KEY"),
        (("posts", "natgeo", "--source", "web"), "graph, hiker or archive"),
        (("liked", "natgeo"), "Download your information"),
        (("commenters", "DRqAYKuAIUx", "--insights"), "Insights"),
        (("posts", "natgeo", "--source", "hiker", "--insights"), "Insights"),
    ],
)
def test_what_a_source_cannot_tell_is_said(told, words, said):
    """A source that cannot tell a kind, or a kind that nothing tells for which there is a key, is
    refused with what each could do and what it needs."""
    found = told("extract", *words, "-o", "x.csv")
    assert found.code == 2
    assert said in found.err
    assert not (told.folder / "x.csv").exists()


def test_insights_of_somebody_else(told):
    """Who asks for the insights of another account gets the posts, and is told why no insights."""
    said = told("extract", "reels", "reels30", "--insights", "-o", "r.csv")
    assert said.code == 0, said.err
    assert "not your account" in said.err
    assert {row["reach"] for row in told.rows("r.csv")} == {""}
