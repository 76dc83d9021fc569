"""What the API tells of a job whose worker is on another machine, and dies."""

import json

import pytest
from msgspec import structs

from ingather.api import events
from ingather.engine import lease
from ingather.stores.states import iso


@pytest.fixture
def claimed(api, ann, make):
    """A job of ann's of this kind, claimed by a worker: its address, and what makes its lease run
    out."""

    def begin(kind: str, holder=make.holder):
        job = make.job(kind=kind, tenant="ann", created_at=iso(1_750_000_000))
        store = api.world.store if kind == "comments" else api.world.sql_store
        api.call(store.create(job))
        fence = api.call(store.claim(job.id, holder)).fence
        room = {"comments": "exports", "analysis": "analyses"}.get(kind, "extractions")

        def die() -> None:
            api.call(store.beat(job.id, fence, lease=0))

        return f"/api/{room}", job.id, die

    return begin


@pytest.mark.parametrize("kind", ["comments", "followers", "analysis"])
def test_whether_its_worker_lives_is_told_with_a_job(ann, claimed, kind):
    """In its own view and in the list: true while its lease runs, false once it has run out, and
    nothing of one that was paused since."""
    room, job_id, die = claimed(kind)

    def alive() -> object:
        shown = ann.get(f"{room}/{job_id}").json()
        (listed,) = ann.get(room).json()[room.rpartition("/")[2]]
        assert shown["status"] == listed["status"]
        assert shown.get("alive") == listed.get("alive")
        return shown.get("alive")

    assert alive() is True
    die()
    assert alive() is False
    paused = ann.post(f"{room}/{job_id}/pause").json()
    assert paused.get("alive") is None
    assert alive() is None


def test_a_job_left_by_a_process_of_this_machine_is_told_at_once(ann, claimed):
    """Though its lease still runs."""
    room, job_id, _ = claimed("followers", structs.replace(lease.this_process(), pid=2**22 + 1))
    assert ann.get(f"{room}/{job_id}").json()["alive"] is False


def test_a_stream_tells_that_its_worker_is_gone(ann, claimed, monkeypatch):
    """Who follows a job hears that nobody runs it any more, though it has not moved."""
    monkeypatch.setitem(events.follow.__kwdefaults__, "alive", 1.0)
    room, job_id, die = claimed("comments")
    told = []
    with ann.stream("GET", f"{room}/{job_id}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                told.append(json.loads(line.removeprefix("data: "))["alive"])
                die()
            elif line == ": still here":
                break
    assert told == [True, False]


def test_metrics_tell_jobs_that_run_from_those_left(api, claimed):
    """A job whose lease has run out is counted as abandoned, and not as running."""
    *_, die = claimed("comments")
    with api.client("local") as operator:
        assert 'kind="comments",status="running"} 1.0' in operator.get("/metrics").text
        die()
        said = operator.get("/metrics").text
    assert 'kind="comments",status="abandoned"} 1.0' in said
    assert 'status="running"' not in said
