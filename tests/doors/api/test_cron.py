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
    """One job after the other, of whichever owner, while the budget lasts."""
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
    api = new_api(CRON_SECRET="the-old-one, the-new-one")
    for secret, status in (("the-old-one", 200), ("the-new-one", 200), ("the-old-one,", 401)):
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
