"""Webhooks: signed, tried again, and never sent where they must not go."""

import asyncio
import importlib.util
import ipaddress
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ingather import errors
from ingather.domain.access import PAUSES, signed
from ingather.domain.addresses import check_address, public
from ingather.features import webhooks
from ingather.providers.callback import Callback, _Judging

SECRET = "a secret of sixteen letters"


def verifier():
    """deploy/verify_webhook.py, as a receiver would use it."""
    path = Path(__file__).parents[3] / "deploy" / "verify_webhook.py"
    spec = importlib.util.spec_from_file_location("verify_webhook", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.genuine


@pytest.fixture
def receiver():
    """A server that notes what it is sent, and answers with the statuses it is told to."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            names = {name.lower(): value for name, value in self.headers.items()}
            self.server.got.append((self.path, names, body))
            status = self.server.answers.pop(0) if self.server.answers else 200
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{self.server.url}/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.answers = [], []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_api(new_api, monkeypatch):
    """A server that may send to this machine, and looks for what is due all the time."""
    monkeypatch.setattr(webhooks, "LOOK", 0.02)
    return new_api(INGATHER_WEBHOOK_PRIVATE="yes")


def ended(api, oracle, url: str) -> tuple[str, str]:
    """A finished export with a webhook: its id, and where it stands."""
    body = {"mediaId": oracle.flat(7), "webhookUrl": url, "webhookSecret": SECRET}
    with api.client("ann") as ann:
        job_id = ann.post("/api/exports", json=body).json()["exportId"]
    api.run(job_id)
    return job_id, f"/api/exports/{job_id}/webhook"


def stands(api, where: str, *, tried: int = 0, state: str = "") -> dict:
    """The webhook, once it stands so."""
    end = time.monotonic() + 15
    with api.client("ann") as ann:
        while time.monotonic() < end:
            hook = ann.get(where).json()
            if hook["attempts"] >= tried and state in ("", hook["state"]):
                return hook
            time.sleep(0.05)
    raise AssertionError(hook)


def due_now(api) -> None:
    """Time passes: whatever waits is due."""
    api.call(api.world.sql.run("UPDATE webhooks SET due = 0 WHERE state = 'waiting'"))


def test_it_brings_the_receipt_with_a_signature(open_api, receiver, oracle):
    """One request with the whole receipt, which the published example verifies."""
    job_id, where = ended(open_api, oracle, f"{receiver.url}/hook")
    hook = stands(open_api, where, state="delivered")
    ((path, headers, body),) = receiver.got
    told = json.loads(body)
    assert (path, told["id"], told["status"]) == ("/hook", job_id, "done")
    assert told["receipt"]["kept"] == 7
    assert headers["webhook-id"] == hook["id"]
    genuine = verifier()
    assert genuine(SECRET, headers, body)
    assert not genuine("another secret here", headers, body)
    assert not genuine(SECRET, headers, body + b" ")
    assert not genuine(SECRET, headers | {"webhook-timestamp": "1"}, body)
    assert SECRET not in json.dumps(hook)


def test_it_is_tried_again_till_it_arrives(open_api, receiver, oracle):
    """After a refusal, with the same id; where it was told to go instead, nobody goes."""
    receiver.answers = [500, 302]
    _, where = ended(open_api, oracle, receiver.url)
    for tried, words in ((1, "It answered 500."), (2, "It answered 302.")):
        hook = stands(open_api, where, tried=tried)
        assert (hook["state"], hook["error"]) == ("waiting", words)
        due_now(open_api)
    assert stands(open_api, where, state="delivered")["attempts"] == 3
    assert [path for path, _, _ in receiver.got] == ["/"] * 3
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 1


def test_the_one_named_last_is_told(open_api, receiver, oracle):
    """A creation that goes on with an unfinished job and names another address replaces it, with
    its secret."""
    body = {"mediaId": oracle.flat(7), "webhookUrl": f"{receiver.url}/old", "webhookSecret": SECRET}
    with open_api.client("ann") as ann:
        job_id = ann.post("/api/exports", json=body).json()["exportId"]
        body |= {"webhookUrl": f"{receiver.url}/new", "webhookSecret": "another secret here"}
        assert ann.post("/api/exports", json=body).json()["exportId"] == job_id
    open_api.run(job_id)
    stands(open_api, f"/api/exports/{job_id}/webhook", state="delivered")
    ((path, headers, sent),) = receiver.got
    assert path == "/new"
    assert verifier()("another secret here", headers, sent)


def test_it_gives_up_at_410_and_after_two_days(open_api, receiver, oracle):
    """410 at once; else after eleven tries, with growing pauses."""
    receiver.answers = [410]
    _, where = ended(open_api, oracle, receiver.url)
    assert stands(open_api, where, state="failed")["attempts"] == 1
    assert len(PAUSES) == 10 and 40 < sum(PAUSES) / 3_600 < 60
    assert sorted(PAUSES) == list(PAUSES)


def test_whoever_looks_at_the_job_sees_that_it_was_given_up(open_api, receiver, oracle, tmp_path):
    """The API's job, its events and `jobs show` tell how the webhook stands; a job without one, and
    a list, say nothing of any."""
    receiver.answers = [410]
    job_id, where = ended(open_api, oracle, receiver.url)
    stands(open_api, where, state="failed")
    with open_api.client("ann") as ann:
        at = where.removesuffix("/webhook")
        assert ann.get(at).json()["webhook"] == "failed"
        assert '"webhook":"failed"' in ann.get(f"{at}/events").text
        assert "webhook" not in ann.get("/api/exports").json()["exports"][0]
        bare = ann.post("/api/exports", json={"mediaId": oracle.flat(3)}).json()["exportId"]
        assert "webhook" not in ann.get(f"/api/exports/{bare}").json()
        body = {"kind": "followers", "targets": ["ingather.demo"], "webhookUrl": receiver.url}
        asked = ann.post("/api/extractions", json=body | {"webhookSecret": SECRET}).json()
        assert ann.get(f"/api/extractions/{asked['id']}").json()["webhook"] == "waiting"

    def shown(*more: str) -> subprocess.CompletedProcess:
        words = [sys.executable, "-m", "ingather", "jobs", "show", job_id, *more]
        environ = os.environ | {"INGATHER_DATA_DIR": str(tmp_path / "data")}
        return subprocess.run(words, env=environ, capture_output=True, text=True)

    assert "Its webhook was given up after 1 attempt: It answered 410" in shown().stderr
    assert json.loads(shown("--json").stdout)["webhook"] == "failed"


def test_it_rests_encrypted_and_outlives_a_restart(new_api, receiver, oracle, tmp_path):
    """A server that is gone delivers nothing; the next one does, and no file holds the secret."""
    first = new_api(INGATHER_WEBHOOK_PRIVATE="yes")
    body = {"mediaId": oracle.flat(7), "webhookUrl": receiver.url, "webhookSecret": SECRET}
    with first.client("ann") as ann:
        job_id = ann.post("/api/exports", json=body).json()["exportId"]
    first.end()
    first.end = lambda: None
    rested = b"".join(file.read_bytes() for file in (tmp_path / "data").glob("ingather.db*"))
    assert SECRET.encode() not in rested
    second = new_api(INGATHER_WEBHOOK_PRIVATE="yes")
    second.run(job_id)
    stands(second, f"/api/exports/{job_id}/webhook", state="delivered")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://[::ffff:10.0.0.1]/hook",
        "https://[64:ff9b::7f00:1]/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://ann:secret@example.com/",
        "ftp://example.com/",
        "https://",
        "nothing",
    ],
)
def test_an_address_of_this_machine_or_none_is_refused_at_once(ann, oracle, url):
    """400 before anything is begun; the operator alone can allow it."""
    body = {"mediaId": oracle.flat(7), "webhookUrl": url, "webhookSecret": SECRET}
    answer = ann.post("/api/exports", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_input")
    assert "secret@" not in answer.text
    assert ann.get("/api/exports").json()["exports"] == []


def test_an_address_without_a_secret_is_refused(ann, oracle):
    """Nobody gets unsigned messages."""
    body = {"mediaId": oracle.flat(7), "webhookUrl": "https://example.com/"}
    assert ann.post("/api/exports", json=body).status_code == 400


@pytest.mark.parametrize(
    "host",
    ["0", "2130706433", "0x7f.1", "0x7f000001", "127.1", "0177.0.0.1", "127.0.0.1.", "8.8.2056"],
)
def test_a_number_in_disguise_is_no_host(host):
    """It is refused at once and in words, wherever it leads and whatever the operator allows."""
    for private in (False, True):
        with pytest.raises(errors.BadInput, match="number"):
            check_address(f"https://{host}/", private=private)
    check_address("https://8.8.8.8/", private=False)
    check_address("https://web1.3com.example1/", private=False)


def test_a_disguised_address_makes_no_job(ann, oracle):
    """The request is refused, and no export was begun."""
    for host in ("0", "2130706433", "0x7f.1"):
        body = {
            "mediaId": oracle.flat(7),
            "webhookUrl": f"https://{host}/",
            "webhookSecret": "s" * 32,
        }
        answer = ann.post("/api/exports", json=body)
        assert answer.status_code == 400 and "number" in answer.text
    assert ann.get("/api/exports").json()["exports"] == []


@pytest.mark.parametrize("name", ["localhost", "127.1", "0x7f.1", "2130706433", "localhost."])
async def test_a_name_is_judged_by_what_it_stands_for(name):
    """Whatever it is called: the look-up decides, at the moment of the connection. A number in
    disguise (and was taken before that was refused) is not even looked up."""
    with pytest.raises((errors.Refused, errors.Transient, errors.BadInput)):
        await Callback().post(f"https://{name}:9/", b"", {})
    if name == "localhost":
        with pytest.raises(errors.Refused):
            await _Judging(private=False).resolve(name, 9)
        assert await _Judging(private=True).resolve(name, 9)


async def test_the_connection_goes_to_what_was_judged(receiver, monkeypatch):
    """A name that changes its mind between two look-ups is looked up once."""
    answers = ["127.0.0.1", "10.0.0.1"]
    loop = asyncio.get_running_loop()

    async def lookup(host, port, **kinds):
        return [(2, 1, 6, "", (answers.pop(0), port))]

    monkeypatch.setattr(loop, "getaddrinfo", lookup)
    url = f"http://changing.example:{receiver.server_port}/"
    assert await Callback(private=True).post(url, b"{}", {}) == 200
    assert answers == ["10.0.0.1"]
    assert receiver.got[0][1]["host"].startswith("changing.example")


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07::1", True),
        ("64:ff9b::5db8:d70e", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::127.0.0.1", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::a00:1", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
    ],
)
def test_what_is_on_the_open_internet(address, wanted):
    """Private, link-local, shared, multicast and wrapped addresses are not."""
    assert public(ipaddress.ip_address(address)) is wanted


def test_the_signature_is_that_of_the_specification():
    """The example of standardwebhooks.com, its secret in base64."""
    headers = signed(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
