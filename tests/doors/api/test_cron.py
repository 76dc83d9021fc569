"""/api/extractions/process: work in slices for a timer."""

import httpx
import pytest

WHERE = "/api/extractions/process"
SECRET = "timer-secret-of-the-tests"


def timer(url: str, secret: str = SECRET) -> httpx.Client:
    """A timer that sends this secret."""
    headers = {"Authorization": f"Bearer {secret}".encode()}
    return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=30)


def begin(client: httpx.Client, post: str) -> str:
    return client.post("/api/exports", json={"mediaId": post}).json()["exportId"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_works_on_what_is_due_and_says_what_it_did(api, ann, oracle, method):
    """Each job that is due, of whichever owner, in the order they were begun in."""
    first, second = begin(ann, oracle.flat(60)), begin(ann, oracle.flat(70))
    with timer(api.url) as cron:
        said = cron.request(method, WHERE, params={"budgetMs": 20_000}).json()
        assert [(job["id"], job["status"], job["added"]) for job in said["jobs"]] == [
            (first, "done", 60),
            (second, "done", 70),
        ]
        assert said["idle"] is True and said["budgetMs"] == 20_000
        assert cron.request(method, WHERE).json()["jobs"] == []


def test_a_job_that_takes_longer_goes_on_at_the_next_call(api, ann, oracle, outside):
    """A budget of a second after the other collects every row once."""
    job_id = begin(ann, oracle.flat(600))
    outside.control(latency_ms=120)
    calls = 0
    with timer(api.url) as cron:
        while True:
            said = cron.post(WHERE, params={"budgetMs": 500}).json()
            calls += 1
            assert said["spentMs"] < 5_000 and calls < 60
            if said["jobs"] and said["jobs"][0]["status"] == "done":
                break
            if not said["jobs"]:
                assert said["idle"]
                break
            assert said["jobs"][0]["status"] == "pending"
    assert calls > 2
    record = ann.get(f"/api/exports/{job_id}").json()
    assert (record["status"], record["counters"]["appended"]) == ("done", 600)


def test_several_jobs_at_once(api, ann, oracle, outside):
    """Jobs are worked on side by side, as a worker does, and each is told of; one at a time where
    that is asked for."""
    outside.control(latency_ms=150)
    posts = [oracle.flat(200 + number) for number in range(4)]  # five calls each
    ids = [begin(ann, post) for post in posts]
    with timer(api.url) as cron:
        said = cron.post(WHERE, params={"budgetMs": 400, "jobs": 1}).json()
        assert [job["id"] for job in said["jobs"]] == ids[:1]
        before = len(outside.calls())
        said = cron.post(WHERE, params={"budgetMs": 20_000}).json()
    assert {job["id"]: job["status"] for job in said["jobs"]} == dict.fromkeys(ids, "done")
    assert said["idle"] is True
    first = outside.calls()[before:][: len(ids)]
    assert len({call["path"].partition("/comments")[0] for call in first}) == len(ids)


def test_what_went_wrong_is_told_of_each(api, ann, oracle, outside):
    """A job whose source refuses hides neither itself nor the others; one whose record cannot be
    read does not keep the others from being done."""
    wanted = {"kind": "followers", "targets": ["flat103"]}
    paused = ann.post("/api/extractions", json=wanted).json()["id"]
    outside.control(hiker_requests=0)
    damaged, good = begin(ann, oracle.flat(60)), begin(ann, oracle.flat(70))
    spoil = "UPDATE extractions SET progress = '{' WHERE id = ?"
    api.call(api.world.sql.run(spoil, damaged))
    with timer(api.url) as cron:
        said = cron.post(WHERE, params={"budgetMs": 20_000}).json()
    told = {job["id"]: job for job in said["jobs"]}
    assert set(told) == {paused, good}
    assert (told[good]["status"], told[good]["error"]) == ("done", None)
    assert (told[paused]["status"], told[paused]["reason"]) == ("paused", "no_balance")
    assert told[paused]["error"]


@pytest.mark.parametrize("secret", ["", "timer", SECRET + "x", "ä", SECRET.upper()])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_only_the_secret_opens_it(api, method, secret):
    """On both verbs; an API key is no secret of a timer."""
    headers = {"Authorization": f"Bearer {secret}x".encode()[:-1]} if secret else {}
    with httpx.Client(base_url=api.url, trust_env=False) as client:
        answer = client.request(method, WHERE, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    with api.client("local") as owner:
        assert owner.request(method, WHERE).status_code == 401


def test_two_secrets_are_taken_while_they_change(new_api):
    """Each of the two between the comma."""
    api = new_api(CRON_SECRET="the-older-of-two, the-newer-of-two")
    for secret, status in (
        ("the-older-of-two", 200),
        ("the-newer-of-two", 200),
        ("the-older-of-two,", 401),
    ):
        with timer(api.url, secret) as cron:
            assert cron.get(WHERE).status_code == status


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_secret_there_is_nothing_there(new_api, method):
    """The answer is that of any unknown address, whatever is sent."""
    api = new_api(CRON_SECRET="")
    with timer(api.url) as cron:
        said, other = cron.request(method, WHERE), cron.request("GET", "/nothing")
        assert (said.status_code, said.content) == (404, other.content)
        assert "WWW-Authenticate" not in said.headers
