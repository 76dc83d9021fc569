"""Giveaways over HTTP."""

import time

import pytest

from ingather.domain import verifier


@pytest.fixture
def export(api, ann, oracle) -> str:
    """A finished export of Ann's, of 120 comments and replies."""
    begun = ann.post("/api/exports", json={"mediaId": oracle.mixed(120)}).json()
    api.run(begun["exportId"])
    return begun["exportId"]


@pytest.fixture
def played(api, outside):
    """The sandbox's beacon and its time-stamp authority in the place of the real ones."""
    from ingather.domain.beacon import SANDBOX
    from ingather.providers.beacon import DrandBeacon
    from ingather.providers.tsa import TimeStamps

    api.world.beacon = lambda words=None: DrandBeacon(api.world.http, outside.beacon_url, SANDBOX)
    api.world.time_stamps = TimeStamps(api.world.http, outside.tsa_url)


def test_run_answers_the_winners_as_comments(ann, oracle, export):
    """run, list, get, as the seeds have them: the id and the winning comments, the list newest
    first by post or profile, the record."""
    body = {"exportId": export, "winnerCount": 3, "at": "2026-01-31T18:00:00Z"}
    answer = ann.post("/api/giveaways/run", json=body)
    assert answer.status_code == 201, answer.text
    ran = answer.json()
    assert answer.headers["Location"] == f"/api/giveaways/{ran['giveawayId']}"
    for each in ran["winners"]:
        assert set(each) >= {"commentId", "userId", "username", "timestamp", "likeCount", "text"}
    assert len({each["userId"] for each in ran["winners"]}) == 3
    assert ran["cannotPromise"]
    record = ann.get(answer.headers["Location"]).json()
    assert (record["exportId"], record["createdAt"]) == (export, "2026-01-31T18:00:00.000Z")
    active = [each for each in record["winners"] if each["status"] == "active"]
    assert [each["participant"]["commentId"] for each in active] == [
        each["commentId"] for each in ran["winners"]
    ]
    later = ann.post("/api/giveaways/run", json=body | {"at": "2026-02-01T18:00:00Z"}).json()
    for asked in (
        {},
        {"mediaId": record["post"]["mediaId"]},
        {"profileId": record["profileId"]},
    ):
        page = ann.get("/api/giveaways", params=asked | {"limit": 1}).json()
        assert [each["giveawayId"] for each in page["giveaways"]] == [later["giveawayId"]]
        page = ann.get("/api/giveaways", params=asked | {"offset": page["next"]}).json()
        assert [each["giveawayId"] for each in page["giveaways"]] == [ran["giveawayId"]]
        assert page["next"] is None
    assert page["giveaways"][0]["activeWinnerCount"] == 3


def test_the_same_run_twice_under_one_key_is_one_giveaway(ann, export):
    """An Idempotency-Key keeps a lost answer from becoming a second draw."""
    body = {"exportId": export, "winnerCount": 1}
    key = {"Idempotency-Key": "once"}
    first, again = (ann.post("/api/giveaways/run", json=body, headers=key) for _ in range(2))
    assert first.json() == again.json()
    assert first.headers["Location"] == again.headers["Location"]
    assert len(ann.get("/api/giveaways").json()["giveaways"]) == 1


def test_errors_are_the_seeds_word_for_word(api, ann, bob, oracle, export):
    """In `detail`, with the status that belongs to each."""
    unfinished = ann.post("/api/exports", json={"mediaId": oracle.mixed(60)}).json()["exportId"]
    for client, exported, winners, status, said in (
        (ann, "00000000-0000-4000-8000-000000000000", 1, 404, "Export not found"),
        (bob, export, 1, 403, "Forbidden: You do not own this export"),
        (ann, unfinished, 1, 409, "Export is not complete"),
        (ann, export, 500, 400, "Cannot select 500 winners from"),
    ):
        body = {"exportId": exported, "winnerCount": winners}
        answer = client.post("/api/giveaways/run", json=body)
        assert answer.status_code == status, answer.text
        assert answer.json()["detail"].startswith(said)
    body = {"exportId": export, "winnerCount": 1, "keywords": ["xyzzy"]}
    answer = ann.post("/api/giveaways/run", json=body)
    assert answer.json()["detail"] == "No participants available after filtering"
    assert ann.get("/api/giveaways").json() == {"giveaways": [], "next": None}


def test_a_draw_that_nobody_can_steer(ann, export, played):
    """commit, anchor, reveal, disqualify, receipt: the receipt is true."""
    body = {"exportIds": [export], "winnerCount": 2, "alternates": 1, "delaySeconds": 2}
    body |= {"bonus": ["1:mentions>=1"]}
    committed = ann.post("/api/giveaways/commit", json=body)
    assert committed.status_code == 201, committed.text
    told = committed.json()
    assert told["commit"] in told["publish"]
    assert sum(told["counts"].values()) == 120
    here = committed.headers["Location"]
    anchored = ann.post(f"{here}/anchor", json={"tsa": True}).json()
    assert [each["type"] for each in anchored["anchors"]] == ["rfc3161"]
    assert ann.post(f"{here}/reveal", json={"round": 1}).status_code == 422, "it reads no body"
    early = ann.post(f"{here}/reveal")
    assert (early.status_code, early.json()["code"]) == (409, "round_not_yet")
    assert 1 <= int(early.headers["Retry-After"]) <= 6
    assert ann.get(f"{here}/receipt").status_code == 400
    end = time.monotonic() + 30
    while (revealed := ann.post(f"{here}/reveal")).status_code == 409:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert ann.post(f"{here}/reveal").json() == revealed.json()
    first, second = revealed.json()["winners"]
    opened = ann.get(f"{here}/opening", params={"who": first["username"]}).json()["openings"]
    assert first["commentId"] in {each["entry"]["id"] for each in opened}
    struck = {"who": first["username"], "reason": "a bot"}
    after = ann.post(f"{here}/disqualify", json=struck).json()
    assert after["winners"][0]["commentId"] == second["commentId"]
    text = ann.get(f"{here}/receipt").content
    verdict = verifier.verify(text, verifier.Asked(published=told["commit"]))
    assert verdict.verdict == verifier.NOT_PROVABLE  # for the sandbox's beacon can be foreseen
    assert ann.get(here).json()["winners"][0]["reason"] == "a bot"


def test_another_owners_giveaway_is_as_if_it_were_not_there(ann, bob, export, played, nobody):
    """On every route the answer is that of an id that never was."""
    body = {"exportIds": [export], "winnerCount": 1, "delaySeconds": 3_600}
    here = ann.post("/api/giveaways/commit", json=body).headers["Location"]
    bodies = {"anchor": {"tsa": True}, "disqualify": {"who": "1", "reason": "mine"}}
    paths = nobody.get("/openapi.json").json()["paths"]
    ways = [
        (method, path.removeprefix("/api/giveaways/{id}"))
        for path, methods in paths.items()
        if path.startswith("/api/giveaways/{id}")
        for method in methods
    ]
    assert len(ways) == 6
    for method, way in ways:
        sent = {"json": bodies.get(way[1:]), "params": {"who": "a"}}
        foreign = bob.request(method.upper(), here + way, **sent)
        gone = "/api/giveaways/00000000-0000-4000-8000-000000000000"
        never = bob.request(method.upper(), gone + way, **sent)
        assert foreign.status_code == never.status_code == 404, (method, way, foreign.text)
        strip = here.rpartition("/")[2], gone.rpartition("/")[2]
        assert foreign.text.replace(strip[0], "ID") == never.text.replace(strip[1], "ID")
    assert bob.get("/api/giveaways").json()["giveaways"] == []
    taken = {"exportIds": [export], "winnerCount": 1, "excludeWinners": [here.rpartition("/")[2]]}
    assert bob.post("/api/giveaways/commit", json=taken).status_code == 403
