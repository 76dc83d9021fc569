"""Accounts kept fresh from the command line, against the sandbox and a store of their own."""

import json
import os
import signal
import time
import urllib.request
from datetime import UTC, datetime

import pytest

from ingather.sandbox import others
from ingather.sandbox.options import HIKER_KEY, TOKEN


@pytest.fixture
def room(command, tmp_path, outside):
    """Runs `ingather …` with a data folder of its own; Instagram is the sandbox's process."""
    env = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    env |= {
        "INGATHER_DATA_DIR": str(tmp_path),
        "INSTAGRAM_GRAPH_URL": outside.graph_url,
        "INSTAGRAM_WEB_URL": outside.web_url,
        "INSTAGRAM_ACCESS_TOKEN": TOKEN,
        "KAFKA_BOOTSTRAP_SERVERS": "",
    }

    def start(*words: str, **other: str):
        return command(*words, folder=tmp_path, environ=env | other)

    def run(*words: str, code: int = 0, **other: str) -> tuple[str, str]:
        answer = start(*words, **other).ended(within=60)
        assert answer.code == code, answer
        assert TOKEN not in answer.out + answer.err
        return answer.out, answer.err

    run.start = start
    return run


def test_refresh_now_says_what_changed(room) -> None:
    """Business Discovery for the professional, the page for the personal, and each says so."""
    out, _ = room("refresh", "bakery7", "personal.max", "--json")
    shop, person = json.loads(out)
    true = others.make("bakery7", 1)
    assert (shop["source"], shop["account"]["followerCount"]) == ("graph", true.followers_count)
    assert shop["account"]["instagramData"]["approximate"] == []
    assert person["source"] == "page" and "followerCount" in person["changed"]
    assert person["account"]["instagramData"]["approximate"] == ["followersCount"]
    out, _ = room("refresh", "bakery7")
    assert "unchanged" in out


def test_a_newcomer_tries_everything_in_the_sandbox(command, tmp_path) -> None:
    """From a clean folder and without an account: add, import, list, refresh, show, remove; posts,
    engagement and, of the own account, insights; your own accounts are untouched by it."""

    def run(*words: str, code: int = 0) -> tuple[str, str]:
        environ = {"INGATHER_DATA_DIR": str(tmp_path / "data"), "PATH": os.environ["PATH"]}
        answer = command(*words, folder=tmp_path, environ=environ).ended(within=60)
        assert answer.code == code, answer
        return answer.out, answer.err

    (tmp_path / "a.csv").write_text("handle;accountId\n@posts126;7\nghost.one;8\n")
    run("accounts", "import", "a.csv", "--sandbox")
    run("accounts", "add", "sandbox.bakery", "--sandbox")
    out, _ = run("accounts", "list", "--sandbox")
    assert out.count("never") == 3
    out, said = run("refresh", "posts126", "sandbox.bakery", "ghost.one", "--sandbox", code=1)
    assert "@posts126: refreshed from graph" in out and "12 latest posts, 12 of them new" in out
    assert "in 24 hours: reach" in out and "insights of 9 of them" in out
    assert "@ghost.one" in said
    out, _ = run("refresh", "posts126", "--sandbox")
    assert "unchanged" in out and "12 latest posts, 0 of them new" in out
    out, _ = run("accounts", "show", "posts126", "--sandbox")
    assert "engagement:" in out and "hidden" in out and "from graph" in out
    told = json.loads(run("accounts", "show", "sandbox.bakery", "--sandbox", "--json")[0])
    assert len(told["media"]) == 12 and told["instagramData"]["insights"]["reach"] > 0
    assert told["history"][0]["engagement"] == told["instagramData"]["engagement"] > 0
    assert told["log"][0]["missing"] == []
    out, _ = run("accounts", "show", "ghost.one", "--sandbox")
    assert "failed" in out and "no account has this name" in out
    run("accounts", "remove", "posts126", "--sandbox")
    out, _ = run("accounts", "list", "--sandbox", "--json")
    assert [each["handle"] for each in json.loads(out)] == ["ghost.one", "sandbox.bakery"]
    _, said = run("accounts", "list")
    assert "no accounts yet" in said


def test_what_is_missing_is_told(room) -> None:
    """Where the limit of insights is reached the refresh is done, and says what it lacks; so does
    the log. What is not wanted is not missing."""
    few = {"INGATHER_REFRESH_INSIGHTS_PER_HOUR": "4"}
    out, said = room("refresh", "sandbox.bakery", **few)
    assert "refreshed from graph" in out
    assert "not told this time: insights of posts: rate_limit" in said
    out, _ = room("accounts", "show", "sandbox.bakery")
    assert "not told: insights of posts: rate_limit" in out
    none = {"INGATHER_REFRESH_MEDIA": "0", "INGATHER_REFRESH_INSIGHTS": "none"}
    out, _ = room("refresh", "bakery7", "--json", **none)
    told = json.loads(out)
    assert told["media"] is None and told["missing"] == []
    assert "engagement" not in told["account"]["instagramData"]


@pytest.mark.parametrize("wanted", ["no", "yes"])
def test_hikerapis_posts_are_asked_for_where_that_is_wanted(room, outside, wanted) -> None:
    """Where only HikerAPI tells an account, its posts cost a call that is off by default."""
    hiker = {
        "INSTAGRAM_ACCESS_TOKEN": "", "INSTAGRAM_WEB_URL": "http://127.0.0.1:1/web",
        "HIKERAPI_KEY": HIKER_KEY, "HIKERAPI_URL": outside.hiker_url,
        "INGATHER_REFRESH_HIKER_MEDIA": wanted,
    }  # fmt: skip
    told = json.loads(room("refresh", "flat120", "--json", **hiker)[0])
    assert (told["source"], told["account"]["followerCount"]) == ("hiker", 120)
    if wanted == "no":
        assert told["media"] is None
    else:
        assert {each["source"] for each in told["media"]} == {"hiker"}
        assert told["account"]["instagramData"]["engagement"] > 0


def test_a_name_that_is_nobodys_is_told_and_not_kept(room) -> None:
    """The exit code is 1, and the account is not added."""
    _, said = room("refresh", "ghost.one", code=1)
    assert "ghost.one" in said
    out, _ = room("accounts", "list", "--json")
    assert json.loads(out) == []


def test_a_failed_refresh_takes_nobody_else_away(room) -> None:
    """A name that is another account's id is refused in words; that account stays."""
    room("accounts", "add", "bakery7", "--id", "ghost.town")
    _, said = room("refresh", "ghost.town", code=2)
    assert "ghost.town" in said and "@bakery7" in said
    out, _ = room("accounts", "list", "--json")
    assert "bakery7" in out


def test_every_name_has_its_turn_though_nobody_answers(room) -> None:
    """Where no source answers each name is told as failed, and none is kept."""
    out, _ = room("refresh", "one.a", "two.b", "--json", code=1, INSTAGRAM_ACCESS_TOKEN="",
                  INSTAGRAM_WEB_URL="http://127.0.0.1:1/web")  # fmt: skip
    told = json.loads(out)
    assert [(each["handle"], each["outcome"]) for each in told] == [
        ("one.a", "failed"), ("two.b", "failed"),
    ]  # fmt: skip
    assert all(each["error"] for each in told)
    out, _ = room("accounts", "list", "--json")
    assert json.loads(out) == []


def test_accounts_from_a_file_are_refreshed_by_the_consumer(room, until, tmp_path) -> None:
    """Import, schedule, consume without Kafka: everybody is fresh, the log says so, a second
    schedule finds nothing due, and SIGTERM ends the consumer with 0."""
    rows = ["accountId,handle", *(f"id{number},shop{number}" for number in range(5)), "x,ghost"]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    room("accounts", "import", "a.csv")
    _, said = room("schedule")
    assert said.startswith("6 accounts")
    _, said = room("schedule")
    assert said.startswith("0 accounts")
    running = room.start("consumer", "--health-port", "0")
    until(lambda: "\n" in running.err)
    address = f"http://127.0.0.1:{json.loads(running.err.splitlines()[0])['health_port']}"
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        end = time.monotonic() + 40
        text = ""
        while 'outcome="refreshed"} 5' not in text and time.monotonic() < end:
            time.sleep(0.2)
            text = opener.open(f"{address}/metrics", timeout=5).read().decode()
        assert 'ingather_refresh_messages_total{outcome="refreshed"} 5.0' in text
        assert opener.open(f"{address}/health", timeout=5).status == 200
        assert opener.open(f"{address}/ready", timeout=5).status == 200
    finally:
        running.send(signal.SIGTERM)
    answer = running.ended(within=40)
    assert answer.code == 0
    said = answer.err
    assert all(json.loads(line)["event"] for line in said.splitlines())
    assert TOKEN not in said
    out, _ = room("accounts", "list", "--json")
    fresh = {each["accountId"] for each in json.loads(out) if each["lastDataRefresh"]}
    assert fresh == {f"id{number}" for number in range(5)}
    out, _ = room("accounts", "show", "ghost", "--json")
    (entry,) = json.loads(out)["log"]
    assert (entry["outcome"], entry["code"]) == ("failed", "not_reachable")


def test_up_keeps_accounts_fresh_without_kafka(room) -> None:
    """`ingather up` schedules and refreshes inside, and ends in good order."""
    room("accounts", "add", "bakery7")
    running = room.start("up", "--port", "0")
    try:
        end = time.monotonic() + 40
        fresh = None
        while fresh is None and time.monotonic() < end:
            out, _ = room("accounts", "show", "bakery7", "--json")
            fresh = json.loads(out)["lastDataRefresh"]
    finally:
        running.send(signal.SIGTERM)
    assert running.ended(within=40).code == 0
    assert fresh is not None


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("accounts", "show", "nobody"), 2, "accounts add nobody"),
        (("accounts", "add", "not a name"), 2, "is not the name of an account"),
        (("accounts", "import", "none.csv"), 2, "cannot be read"),
        (("accounts", "remove", "nobody"), 2, "not among the accounts"),
        (("consumer", "--health-port", "70000"), 2, "65535"),
    ],
)
def test_bad_input_is_one_clear_error(room, words, code, told) -> None:
    """It says what to do, and no traceback."""
    _, said = room(*words, code=code)
    assert told in said and "Traceback" not in said


def test_accounts_are_removed_with_all_that_is_known(room) -> None:
    """Neither posts nor log nor history is left: the name comes back as a new one."""
    room("refresh", "bakery7")
    room("accounts", "remove", "bakery7")
    _, said = room("accounts", "show", "bakery7", code=2)
    assert "not among the accounts" in said
    room("accounts", "add", "bakery7")
    out, _ = room("accounts", "show", "bakery7", "--json")
    told = json.loads(out)
    assert (told["history"], told["log"], told["media"]) == ([], [], [])


@pytest.mark.parametrize(
    ("rows", "line", "told"),
    [
        (["foo1,1", "foo2,1"], 3, ["the id 1", "@foo1 by line 2", "@foo2"]),
        (["foo1,1", "Foo1,2"], 3, ["@foo1", "the id 1 by line 2", "the id 2"]),
        (["fine,5", "esa,77"], 3, ["the id 77", "@nasa already", "@esa"]),
        (["fine,5", "nasa,78"], 3, ["@nasa", "the id 77 already", "the id 78"]),
    ],
)
def test_an_import_drops_no_row_quietly(room, tmp_path, rows, line, told) -> None:
    """An id with two names, or a name with two ids, in the file or against what is kept, is refused
    with the line and both; nothing of the file is added then."""
    room("accounts", "add", "nasa", "--id", "77")
    (tmp_path / "a.csv").write_text("\n".join(["handle,accountId", *rows]))
    _, said = room("accounts", "import", "a.csv", code=2)
    assert f"Line {line}: " in said and "Nothing was added" in said
    assert [each for each in told if each not in said] == []
    out, _ = room("accounts", "list", "--json")
    assert [each["handle"] for each in json.loads(out)] == ["nasa"]


def test_an_account_is_added_once_however_it_is_named(room, tmp_path) -> None:
    """Another name for its id and another id for its name are refused; itself, with its id or
    without, had been there."""
    room("accounts", "add", "nasa", "--id", "77")
    _, said = room("accounts", "add", "esa", "--id", "77", code=2)
    assert "The id 77 belongs to @nasa" in said and "@esa" in said
    _, said = room("accounts", "add", "nasa", "--id", "78", code=2)
    assert "@nasa belongs to the id 77" in said and "78" in said
    (tmp_path / "a.csv").write_text("handle,accountId\nnasa,77\nnasa,\nesa,8\n")
    _, said = room("accounts", "import", "a.csv")
    assert said.startswith("1 account is kept fresh from now on; 2 had been there.")
    out, _ = room("accounts", "list", "--json")
    assert [each["accountId"] for each in json.loads(out)] == ["77", "8"]


def test_a_waiting_consumer_says_what_for(room, until, tmp_path) -> None:
    """The limit is reached: the log says once for what it waits and until when, and so does
    /health for as long as it does."""
    (tmp_path / "a.csv").write_text("\n".join(["handle", *(f"shop{each}" for each in range(5))]))
    room("accounts", "import", "a.csv")
    room("schedule")
    running = room.start("consumer", "--health-port", "0", "--limit", "1")
    until(lambda: "\n" in running.err)
    port = json.loads(running.err.splitlines()[0])["health_port"]
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        address = f"http://127.0.0.1:{port}/health"
        end = time.monotonic() + 40
        told: dict = {"waiting": 0}
        while told["waiting"] < 4 and time.monotonic() < end:
            time.sleep(0.1)
            told = json.load(opener.open(address, timeout=5))
    finally:
        running.send(signal.SIGTERM)
    said = running.ended(within=40).err
    assert (told["status"], told["waiting_for"]) == ("ok", "limit of graph")
    lines = [json.loads(line) for line in said.splitlines()]
    (line,) = [each for each in lines if each["event"] == "waiting"]
    assert line["waiting_for"] == "limit of graph"
    minutes = (datetime.fromisoformat(line["until"]) - datetime.now(UTC)).total_seconds() / 60
    assert 50 < minutes <= 60 and told["until"][:16] == line["until"][:16]


def test_a_kafka_that_is_not_there_is_one_sentence(room) -> None:
    """Ours; the library's own lines are not let through."""
    _, said = room("dlq", "list", code=1, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert said.startswith("Error: The Kafka at 127.0.0.1:1 does not answer")
    assert len(said.splitlines()) == 1
