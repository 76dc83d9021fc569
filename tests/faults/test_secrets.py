"""Canaries: a token, an app secret and a password go through every flow and come out nowhere.

The goal G9 of the reliability plan: logs at DEBUG, tracebacks, the database, Redis, files,
receipts, both outputs, and the addresses that the other side saw.
"""

import hashlib
import hmac
import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request

import pytest

APP_SECRET = "canary0app0secret0f00dfeed"
KEY = "canary-secret-key-5f3759df"
NOISY = """
import logging, sys, warnings
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
logging.debug("as talkative as it can be")
logging.captureWarnings(True)
warnings.simplefilter("default")
"""
MAIN = "from ingather.__main__ import main; main()"
PASSING = ["unavailable", "unknown", "html502", "html200", "error200", "truncated", "reset",
           "badgateway", "localised", "errordata_string"]  # fmt: skip


def minted(outside) -> str:
    """A token as the login gives it: long, and looking like one."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect())
    back = "http://127.0.0.1:1/back"
    ask = urllib.parse.urlencode({"client_id": "sandbox-app", "redirect_uri": back})
    try:
        opener.open(f"{outside.login_url}?{ask}")
        raise AssertionError("the dialog answers by a redirect")
    except urllib.error.HTTPError as answer:
        where = urllib.parse.urlsplit(answer.headers["location"])
    code = urllib.parse.parse_qs(where.query)["code"][0]
    ask = urllib.parse.urlencode({"client_id": "sandbox-app", "client_secret": "sandbox-secret",
                                  "redirect_uri": back, "code": code})  # fmt: skip
    with opener.open(f"{outside.graph_url}/oauth/access_token?{ask}") as answer:
        return json.load(answer)["access_token"]


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Flow:
    """`ingather`, as talkative as it can be made."""

    def __init__(self, command, folder, environ):
        self.command = command
        self.folder = folder
        self.environ = environ
        self.said = ""

    def __call__(self, *words, code=None, **changes):
        environ = self.environ | changes
        running = self.command(*words, folder=self.folder, environ=environ, before=NOISY)
        done = running.ended(within=60)
        assert code is None or done.code == code, done
        self.said += done.out + done.err

    def crash(self, *words, **changes):
        """In an interpreter of its own, whose last words are as many as it has."""
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-c", NOISY + MAIN, *words],
            cwd=self.folder,
            env=self.environ | changes,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "Traceback" in done.stderr
        self.said += done.stdout + done.stderr


@pytest.mark.slow
def test_no_secret_is_found_anywhere_after_every_flow(command, outside, durable, oracle, ram, dump):
    """Success, pause, refusals, outages, a dead token, an unknown token, a crash with a traceback:
    none of it leaves the token, its percent-encoding or what it proves in anything written."""
    token = minted(outside)
    unknown = "EAAcanaryUnknownToken0123456789abcdefXYZ"
    proof = hmac.new(APP_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()
    ours = ("INSTAGRAM_", "INGATHER_", "FACEBOOK_", "PYTHONDONT")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    flow = Flow(command, ram, clean | durable | {
        "INSTAGRAM_GRAPH_URL": outside.graph_url,
        "INSTAGRAM_ACCESS_TOKEN": token,
        "INGATHER_SECRET_KEY": KEY,
        "NO_PROXY": "*",
    })  # fmt: skip
    post = oracle.mixed(230)

    def fail(*faults: str, first: int = 4) -> None:
        outside.control(
            schedule=[],
            in_calls=[{"call": first + 2 * at, "fault": f} for at, f in enumerate(faults)],
        )

    fail("unavailable", "html200", "truncated", "reset")
    flow("export", "comments", post, "-o", "a.json", code=0)
    assert "DEBUG" in flow.said, "logging is not as talkative as it should be"
    flow("export", "comments", post, "-o", "a.csv", "--json", code=0)
    flow("export", "comments", post, "-o", "-", code=0)
    fail("password")
    flow("export", "comments", post, "-o", "b.csv", code=3)
    outside.control(heal=True)
    # A crash: the interpreter's own words, with every frame.
    flow.crash("export", "comments", post, "-o", "b.csv", INGATHER_TEST_POINT="parsed:1:raise")
    flow("export", "comments", post, "-o", "b.csv", code=0)
    flow("export", "comments", post, INSTAGRAM_ACCESS_TOKEN=unknown, code=1)
    flow("export", "comments", post, FACEBOOK_APP_SECRET=APP_SECRET, code=1)
    flow("export", "comments", "17895695668004550", code=1)
    nobody = {"INSTAGRAM_GRAPH_URL": "http://127.0.0.1:1/v26.0"}
    flow("export", "comments", post, "--budget", "0.5", **nobody)
    outside.control(without=["instagram_manage_comments", "instagram_basic"])
    flow("posts", "--json")
    flow("doctor")
    flow("jobs", "list")
    secrets = [token, unknown, proof, APP_SECRET, KEY]
    secrets += [urllib.parse.quote(each, safe="") for each in secrets]
    places = {"what was said": flow.said.encode(), "calls": json.dumps(outside.calls()).encode()}
    places |= {str(each): each.read_bytes() for each in ram.rglob("*") if each.is_file()}
    if "REDIS_URL" in durable:
        import redis

        with redis.Redis.from_url(durable["REDIS_URL"]) as client:
            for key in client.scan_iter(count=1_000):
                places[repr(key)] = key + client.dump(key)
    if "DATABASE_URL" in durable:
        places["tables"] = json.dumps(dump(durable["DATABASE_URL"])).encode()
        secrets.append("canary-password")
    assert len(places) > 8
    found = [(place, each[:9]) for place, data in places.items() for each in secrets
             if each.encode() in data]  # fmt: skip
    assert found == []
    assert not any(call["token_in_query"] for call in outside.calls())


@pytest.mark.parametrize("fault", PASSING)
async def test_an_error_of_the_platform_carries_no_secret(bench, oracle, fault, caplog):
    """Whatever the platform answers, the error's words, its causes and its frames' arguments name
    neither the token nor an address with one."""
    from ingather import errors
    from ingather.engine.backoff import Policy

    caplog.set_level("DEBUG")
    job = await bench.begin(oracle.flat(60))
    schedule = [{"call": call, "fault": fault} for call in range(1, 100)]
    bench.played.control(in_calls=schedule)
    feature = bench.comments(policy=Policy(deadline=5.0))
    with pytest.raises(errors.SourceError) as caught:
        await bench.go_on(job, feature=feature)
    error: BaseException | None = caught.value
    while error is not None:
        assert "sandbox-token" not in repr(error) + str(error)
        error = error.__cause__ or error.__context__
    assert "sandbox-token" not in caplog.text
    assert "sandbox-token" not in repr(await bench.store.show(job.id))
