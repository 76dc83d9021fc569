"""Downloads and events: they come as they are made, and leave nothing open."""

import json
import threading
import time

import httpx

from ingather.api import events


def lines_of(stream: httpx.Response) -> list[tuple[str, dict]]:
    """The events of a whole stream."""
    found, name = [], ""
    for line in stream.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            found.append((name, json.loads(line.removeprefix("data: "))))
    return found


def until(condition, within: float = 10.0) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def begin(client: httpx.Client, post: str) -> str:
    return client.post("/api/exports", json={"mediaId": post}).json()["exportId"]


def test_progress_is_told_while_the_job_runs(api, ann, oracle, outside):
    """Events come one by one while the job moves, and the last is its end."""
    job_id = begin(ann, oracle.flat(400))
    outside.control(latency_ms=150)
    seen: list[tuple[float, str]] = []
    with ann.stream("GET", f"/api/exports/{job_id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        runner = threading.Thread(target=api.run, args=(job_id,))
        runner.start()
        for line in stream.iter_lines():
            if line.startswith("event: "):
                seen.append((time.monotonic(), line.removeprefix("event: ")))
        runner.join()
    names = [name for _, name in seen]
    assert names[-1] == "end" and names.count("progress") >= 2
    assert seen[-1][0] - seen[0][0] > 0.4, "they came all at once"


def test_who_comes_back_is_told_what_is_new(api, ann, oracle):
    """Last-Event-ID passes over what was heard; after the end there is nothing more to hear."""
    job_id = begin(ann, oracle.flat(7))
    where = f"/api/exports/{job_id}/events"
    with ann.stream("GET", where) as stream:
        lines = stream.iter_lines()
        heard = next(line for line in lines if line.startswith("id: ")).removeprefix("id: ")
    api.run(job_id)
    with ann.stream("GET", where, headers={"Last-Event-ID": heard}) as stream:
        text = "\n".join(stream.iter_lines())
    assert "event: end" in text and f"id: {heard}\n" not in text
    last = text.partition("id: ")[2].partition("\n")[0]
    assert ann.get(where, headers={"Last-Event-ID": last}).status_code == 204


def test_a_revoked_key_hears_no_more(api, ann, oracle, outside, monkeypatch):
    """Its stream ends within the time between two looks at the key, though the job moves on."""
    monkeypatch.setitem(events.follow.__kwdefaults__, "alive", 0.5)
    job_id = begin(ann, oracle.flat(800))
    outside.control(latency_ms=120)
    with ann.stream("GET", f"/api/exports/{job_id}/events") as stream:
        runner = threading.Thread(target=api.run, args=(job_id,))
        runner.start()
        api.call(api.door.keys.revoke(ann.get("/api/me").json()["keyId"]))
        names = [name for name, _ in lines_of(stream)]
        runner.join()
    assert names
    assert "end" not in names


def test_a_deleted_job_ends_its_stream(api, ann, oracle):
    """Its readers are told, and let go."""
    job_id = begin(ann, oracle.flat(7))
    with ann.stream("GET", f"/api/exports/{job_id}/events") as stream:
        lines = stream.iter_lines()
        next(line for line in lines if line.startswith("data: "))
        assert ann.delete(f"/api/exports/{job_id}").status_code == 204
        assert any(line == "event: deleted" for line in lines)


def test_a_reader_who_leaves_in_the_middle_leaves_nothing_open(api, ann, oracle, make, monkeypatch):
    """R-row: the rows are closed, the writing thread ends, and the server goes on."""
    job_id = begin(ann, oracle.flat(7))
    api.run(job_id)  # of one that is not over, no more is sent than it counts
    given, closed = [], threading.Event()

    async def endless(job: str):
        rows = make.comments(1_000)
        try:
            while True:
                given.append(len(rows))
                yield rows
        finally:
            closed.set()

    with monkeypatch.context() as patched:
        patched.setattr(api.world.store, "stream", endless)
        with ann.stream("GET", f"/api/exports/{job_id}/file?format=jsonl") as stream:
            chunks = stream.iter_bytes(1024)  # it is the reader: without it he has left
            assert next(chunks)
            assert api.door.streams == 1
            still = 0
            while still < 5:  # until nothing more fits between the two of us
                before = len(given)
                time.sleep(0.05)
                still = still + 1 if len(given) == before else 0
            assert not closed.is_set()
        assert closed.wait(10)
    until(lambda: api.door.streams == 0 and not api.door.tasks)
    until(lambda: not [one for one in threading.enumerate() if "ingather-file" in one.name])
    with ann.stream("GET", f"/api/exports/{job_id}/events") as stream:
        next(stream.iter_lines())
    until(lambda: api.door.streams == 0)
    assert ann.get(f"/api/exports/{job_id}/file").status_code == 200


def test_the_server_ends_though_a_reader_has_stalled(new_api, oracle, make, monkeypatch):
    """Whoever takes nothing keeps neither the server nor the thread that writes for him."""
    from ingather.api import app

    monkeypatch.setattr(app, "DRAIN", 1)
    api = new_api()
    taken = []

    async def endless(job: str):
        rows = make.comments(5_000)
        while True:
            taken.append(len(rows))
            yield rows

    with api.client("ann") as ann:
        job_id = begin(ann, oracle.flat(7))
        api.run(job_id)
        monkeypatch.setattr(api.world.store, "stream", endless)
        with ann.stream("GET", f"/api/exports/{job_id}/file?format=jsonl") as stream:
            chunks = stream.iter_bytes(1024)
            assert next(chunks)
            before = 0
            while len(taken) > before:
                before = len(taken)
                time.sleep(0.3)
            api.end()
    api.end = lambda: None
    until(lambda: not [one for one in threading.enumerate() if "ingather-file" in one.name])


def test_a_download_that_breaks_is_no_whole_file(api, ann, oracle, monkeypatch):
    """The connection breaks off instead of ending well; an error before the first byte is told."""
    job_id = begin(ann, oracle.flat(2_500))
    api.run(job_id)
    rows = api.world.store.stream

    def breaking(job: str, *, size: int = 1_000, after: int):
        async def some():
            count = 0
            async for batch in rows(job, size=100):
                if count >= after:
                    from ingather import errors

                    raise errors.StateLost
                count += 1
                yield batch

        return some()

    where = f"/api/exports/{job_id}/file?format=jsonl"
    monkeypatch.setattr(api.world.store, "stream", lambda job: breaking(job, after=0))
    assert ann.get(where).json()["code"] == "state_lost"
    monkeypatch.setattr(api.world.store, "stream", lambda job: breaking(job, after=20))
    try:
        ann.get(where)
    except httpx.RemoteProtocolError:
        return
    raise AssertionError("a broken download ended as a whole one")
