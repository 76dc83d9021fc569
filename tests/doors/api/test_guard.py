"""What every request passes: keys, limits, sizes, sites; and what no answer tells."""

import time

import httpx
import pytest


def test_without_a_key_nothing_is_told(api, nobody):
    """401 with words that say how to make a key, on every route behind one."""
    for method, path in [("GET", "/api/exports"), ("POST", "/api/extractions"), ("GET", "/api/me")]:
        answer = nobody.request(method, path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "ingather keys create" in answer.json()["hint"]


@pytest.mark.parametrize("key", ["ing_wrong", "wrong", "ing_" + "x" * 500, "ing_é"])
def test_a_wrong_key_is_no_key(api, nobody, key):
    """Whatever it looks like."""
    headers = {"Authorization": f"Bearer {key}".encode()}
    assert nobody.get("/api/me", headers=headers).status_code == 401


def test_a_revoked_key_is_worth_nothing_at_once(api, ann):
    """From the next request on."""
    mine = ann.get("/api/me").json()
    assert mine["owner"] == "ann"
    api.call(api.door.keys.revoke(mine["keyId"]))
    assert ann.get("/api/me").status_code == 401


def test_a_key_rests_as_its_digest_alone(api, ann, tmp_path):
    """Nobody who reads the database can use what is in it."""
    key = api.key("ann")
    assert ann.get("/api/me").status_code == 200
    rested = b"".join(file.read_bytes() for file in (tmp_path / "data").glob("ingather.db*"))
    assert key.encode() not in rested and key.removeprefix("ing_").encode() not in rested


def test_one_address_is_limited(new_api):
    """429 with Retry-After, and health checks are not counted."""
    api = new_api(rate=5)
    with api.client("ann") as client:
        answers = [client.get("/api/me") for _ in range(7)]
        codes = [answer.status_code for answer in answers]
        assert codes[:5] == [200] * 5 and codes[-1] == 429
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert answers[-1].json()["code"] == "too_many_requests"
        assert client.get("/healthz").status_code == 200


def test_pages_of_other_sites_cannot_send_anything(ann):
    """A browser that says so is refused where something would change."""
    cross = {"Sec-Fetch-Site": "cross-site"}
    answer = ann.post("/api/exports", json={"mediaId": "1"}, headers=cross)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert ann.get("/api/me", headers=cross).status_code == 200


def test_a_large_body_is_not_read(ann):
    """413, whether its length is declared or it comes in pieces."""
    large = b"x" * (2**20 + 1)
    declared = ann.post("/api/exports", content=large)
    pieces = ann.post(
        "/api/exports", content=(large[at : at + 2**16] for at in range(0, len(large), 2**16))
    )
    for answer in (declared, pieces):
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 422, "invalid"),
        (b"[]", 422, "invalid"),
        (b"[" * 100_000, 422, "invalid"),
        (b'{"mediaId": 5}', 422, "invalid"),
        (b'{"mediaId": "\\ud800"}', 422, "invalid"),
        (b'{"mediaId": "1", "more": 1}', 422, "invalid"),
        (b'{"mediaId": "\\u0000"}', 400, "unreadable_post"),
    ],
)
def test_a_bad_body_is_one_clear_problem(ann, body, status, code):
    """Its code is stable, and its sentence quotes no value."""
    answer = ann.post("/api/exports", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_another_kind_of_body_is_refused(ann):
    """415 says what is read."""
    answer = ann.post("/api/exports", content=b"<a/>", headers={"Content-Type": "text/xml"})
    assert (answer.status_code, answer.json()["code"]) == (415, "wrong_media")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nothing", 404), ("PUT", "/api/me", 405)]
)
def test_unknown_addresses_and_methods_are_problems_too(ann, method, path, status):
    """With a code, and Allow where the method is wrong."""
    answer = ann.request(method, path)
    assert answer.status_code == status and answer.json()["status"] == status
    assert ("allow" in answer.headers) == (status == 405)


def test_a_fault_of_ours_tells_nothing(api, ann, monkeypatch, caplog):
    """500 without details; the log says where, and does not repeat the error's words."""

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret is hunter2")

    monkeypatch.setattr(api.door.keys, "holder", broken)
    answer = ann.get("/api/me")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "hunter2" not in answer.text and "hunter2" not in caplog.text
    assert "RuntimeError" in caplog.text


def test_every_answer_is_guarded(api, ann, nobody):
    """Headers that keep browsers from guessing, framing and keeping; no word of the server."""
    for answer in (ann.get("/api/me"), nobody.get("/nothing"), nobody.get("/docs")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


def test_the_docs_load_nothing_from_elsewhere(api, nobody):
    """One page without a script, from this server alone."""
    page = nobody.get("/docs")
    assert page.status_code == 200 and "/api/exports/{id}/file" in page.text
    assert "<script" not in page.text and "http://" not in page.text
    assert "https://" not in page.text and "src=" not in page.text


def test_health_says_whether_it_can_work(api, nobody):
    """/healthz while it serves, /readyz while the stores answer, by the code alone when not."""
    assert nobody.get("/healthz").json() == {"status": "ok"}
    ready = nobody.get("/readyz")
    assert ready.status_code == 200 and set(ready.json()["checks"].values()) == {"ok"}


def test_a_store_that_is_away_makes_it_unready(new_api, start_valkey):
    """503 and which one; it serves on."""
    valkey = start_valkey()
    api = new_api(REDIS_URL=valkey.url)
    with httpx.Client(base_url=api.url, trust_env=False) as client:
        assert client.get("/readyz").status_code == 200
        valkey.kill()
        answer = client.get("/readyz", timeout=20)
        assert answer.status_code == 503
        assert answer.json()["checks"]["exports"] != "ok"
        assert answer.json()["checks"]["database"] == "ok"
        assert client.get("/healthz").status_code == 200
    with api.client("local") as operator:  # whose numbers are wanted all the more
        assert "ingather_stores_away 1.0" in operator.get("/metrics", timeout=20).text


def test_metrics_are_the_operators(api, ann, oracle):
    """They count jobs by kind and status, requests by route, and hold no id and no name."""
    made = ann.post("/api/exports", json={"mediaId": oracle.flat(7)}).json()
    ann.get(f"/api/exports/{made['exportId']}")
    ann.get("/nothing/of/the/kind")
    assert ann.get("/metrics").status_code == 403
    with api.client("local") as operator:
        said = operator.get("/metrics").text
    assert 'ingather_jobs{kind="comments",status="pending"} 1.0' in said
    assert 'route="/api/exports/{id}"' in said
    assert made["exportId"] not in said and "nothing" not in said and "ann" not in said


def test_the_server_ends_while_a_stream_is_open(new_api, oracle):
    """An event stream does not keep it: it is ended, and the server with it."""
    api = new_api()
    client = api.client("ann")
    made = client.post("/api/exports", json={"mediaId": oracle.flat(7)}).json()
    with client.stream("GET", f"/api/exports/{made['exportId']}/events") as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry")
        began = time.monotonic()
        api.end()
        assert time.monotonic() - began < 5
    client.close()
    api.end = lambda: None


def test_idempotent_creation(ann, oracle):
    """The same key and body give the first answer again; another body is refused."""
    named = {"Idempotency-Key": "a-key-of-mine"}
    body = {"mediaId": oracle.flat(7), "fresh": True}
    first = ann.post("/api/exports", json=body, headers=named)
    again = ann.post("/api/exports", json=body, headers=named)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert len(ann.get("/api/exports").json()["exports"]) == 1
    other = ann.post("/api/exports", json=body | {"max": 1}, headers=named)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_creation_that_failed_may_be_sent_again(ann, oracle, outside):
    """An error is no answer to keep: the same key then begins what it could not before."""
    named = {"Idempotency-Key": "again"}
    body = {"kind": "followers", "targets": ["missing1"]}
    assert ann.post("/api/extractions", json=body, headers=named).status_code == 400
    body = {"kind": "followers", "targets": ["flat5000"]}
    assert ann.post("/api/extractions", json=body, headers=named).status_code == 201


def test_what_cannot_be_reached_may_be_an_account(ann):
    """The title of not_reachable speaks of accounts as of posts."""
    problem = ann.post("/api/extractions", json={"kind": "followers", "targets": ["missing1"]})
    assert problem.json()["code"] == "not_reachable"
    assert "no such post or account" in problem.json()["title"]


def test_a_trusted_proxy_tells_whose_request_it_is(new_api):
    """Its clients are counted one by one; whoever is not trusted cannot choose an address."""
    for trusted, last in (("127.0.0.1", 200), ("192.0.2.1", 429)):
        api = new_api(rate=3, INGATHER_TRUSTED_PROXIES=trusted)
        with api.client("ann") as client:
            codes = [
                client.get("/api/me", headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code
                for n in range(6)
            ]
        assert codes[-1] == last
