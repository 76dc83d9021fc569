"""`ingather up` and `ingather keys`, as their users run them."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import httpx
import pytest


@pytest.fixture
def environ(tmp_path, outside):
    """The environment of one user."""
    from ingather.settings import SETTINGS

    names = {each.name for each in SETTINGS}
    return {name: value for name, value in os.environ.items() if name not in names} | {
        "INGATHER_DATA_DIR": str(tmp_path / "data"),
        "INSTAGRAM_GRAPH_URL": outside.graph_url,
        "INSTAGRAM_ACCESS_TOKEN": "sandbox-token",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "NO_PROXY": "*",
        "COLUMNS": "200",
    }


@pytest.fixture
def ingather(tmp_path, environ):
    """The command line of that user: a process, as a shell starts it."""
    begun = []

    def start(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "ingather", *words],
            cwd=tmp_path,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def run(command, tmp_path, environ):
    """Run a command to its end: its two outputs."""

    def run(*words: str, code: int = 0) -> tuple[str, str]:
        answer = command(*words, folder=tmp_path, environ=environ).ended(within=60)
        assert answer.code == code, answer
        return answer.out, answer.err

    return run


def test_keys_are_made_listed_and_revoked(run):
    """A key is printed once, alone on standard output; a list never shows it."""
    out, err = run("keys", "create", "laptop")
    key = out.strip()
    assert re.fullmatch(r"ing_[\w-]{43}", key) and key not in err
    made = json.loads(run("keys", "create", "shop", "--owner", "shop", "--json")[0])
    assert made["owner"] == "shop" and made["key"].startswith("ing_")
    listed, _ = run("keys", "list", "--json")
    assert [one["name"] for one in json.loads(listed)] == ["laptop", "shop"]
    assert key not in listed and made["key"] not in listed
    run("keys", "revoke", made["id"])
    table, _ = run("keys", "list")
    assert made["id"] in table and key not in table
    _, err = run("keys", "revoke", "nothing", code=2)
    assert "keys list" in err
    _, err = run("keys", "create", "x", "--owner", "Not An Owner", code=2)
    assert "small letters" in err


def test_up_serves_and_works_until_it_is_told_to_stop(ingather, run, oracle):
    """What is begun over HTTP is collected by the worker inside; SIGTERM ends both well."""
    key = run("keys", "create", "laptop")[0].strip()
    process = ingather("up", "--port", "0")
    url = None
    for line in process.stderr:
        if found := re.search(r"Listening at (\S+);", line):
            url = found[1]
            break
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=30) as client:
        assert client.get("/readyz").json()["status"] == "ready"
        record = client.post("/api/exports", json={"mediaId": oracle.flat(120)}).json()
        where = f"/api/exports/{record['exportId']}"
        end = time.monotonic() + 30
        while (now := client.get(where).json())["status"] != "done":
            assert time.monotonic() < end, now
            time.sleep(0.1)
        assert now["counters"]["appended"] == 120
        assert client.get(f"{where}/file").content.count(b"\r\n") >= 121
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "Traceback" not in err and key not in err


def test_a_port_that_is_taken_is_one_clear_error(run):
    """Exit 2, and what to do."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        _, err = run("up", "--port", port, "--no-worker", code=2)
    assert "--port" in err and "Traceback" not in err


def test_no_address_is_not_every_address(run):
    """`--host ""`, as of a variable without a value, opens nothing to anybody."""
    out, err = run("up", "--host", "", "--port", "0", code=2)
    assert out == "" and "--host 0.0.0.0 is every one" in err


@pytest.mark.parametrize("words", [(), ("--no-worker",)])
def test_up_says_nothing_before_it_can_listen(run, words):
    """An address that is none of this machine is one error, and no word of work before it."""
    out, err = run("up", "--host", "300.1.1.1", "--port", "0", *words, code=2)
    assert out == "" and err.startswith("Error: Nothing can listen at 300.1.1.1 port 0")
    assert len(err.splitlines()) == 1
