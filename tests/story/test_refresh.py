"""Accounts kept fresh from the command line, against the sandbox and a store of their own."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import ingather
from ingather.sandbox import others
from ingather.sandbox.options import TOKEN


@pytest.fixture
def room(tmp_path, outside):
    """Runs `ingather …` with a data folder of its own; Instagram is the sandbox's process."""
    env = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    env |= {
        "PYTHONPATH": str(Path(ingather.__file__).parents[1]),
        "INGATHER_DATA_DIR": str(tmp_path),
        "INSTAGRAM_GRAPH_URL": outside.graph_url,
        "INSTAGRAM_WEB_URL": outside.web_url,
        "INSTAGRAM_ACCESS_TOKEN": TOKEN,
        "KAFKA_BOOTSTRAP_SERVERS": "",
    }

    def start(*words: str, **other: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "ingather", *words],
            cwd=tmp_path, env=env | other, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(*words: str, code: int = 0, **other: str) -> tuple[str, str]:
        process = start(*words, **other)
        out, said = process.communicate(timeout=60)
        assert process.returncode == code, said
        assert TOKEN not in out + said
        return out, said

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


def test_a_name_that_is_nobodys_is_told_and_not_kept(room) -> None:
    """The exit code is 1, and the account is not added."""
    _, said = room("refresh", "ghost.one", code=1)
    assert "ghost.one" in said
    out, _ = room("accounts", "list", "--json")
    assert json.loads(out) == []


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


def test_accounts_from_a_file_are_refreshed_by_the_consumer(room, tmp_path) -> None:
    """Import, schedule, consume without Kafka: everybody is fresh, the log says so, a second
    schedule finds nothing due, and SIGTERM ends the consumer with 0."""
    rows = ["accountId,handle", *(f"id{number},shop{number}" for number in range(5)), "x,ghost"]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    room("accounts", "import", "a.csv")
    _, said = room("schedule")
    assert said.startswith("6 accounts")
    _, said = room("schedule")
    assert said.startswith("0 accounts")
    process = room.start("consumer", "--health-port", "0")
    try:
        started = json.loads(process.stderr.readline())
        address = f"http://127.0.0.1:{started['health_port']}"
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
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=40)
    assert process.returncode == 0
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
    process = room.start("up", "--port", "0")
    try:
        end = time.monotonic() + 40
        fresh = None
        while fresh is None and time.monotonic() < end:
            out, _ = room("accounts", "show", "bakery7", "--json")
            fresh = json.loads(out)["lastDataRefresh"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=40)
    assert fresh is not None and process.returncode == 0


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
    """Neither log nor history is left, nor the same name under another id."""
    room("refresh", "bakery7")
    room("accounts", "add", "bakery7", "--id", "77")
    room("accounts", "remove", "bakery7")
    _, said = room("accounts", "show", "bakery7", code=2)
    assert "not among the accounts" in said
