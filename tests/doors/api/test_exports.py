"""/api/exports: begin, work on, read, download."""

import json

import httpx
import pytest
from msgspec import json as fast

from ingather.domain.job import Holder


def begin(client: httpx.Client, post: str = "demo", **fields: object) -> dict:
    """A new export of a post of the sandbox."""
    answer = client.post("/api/exports", json={"mediaId": post} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_export_is_begun_worked_on_and_read(api, ann, oracle):
    """As the seed describes: start gives a record, resume works within its budget, comments are
    read by offset and limit."""
    post = oracle.mixed(120)
    record = begin(ann, post)
    assert record["status"] == "pending" and record["post"]["mediaId"] == post
    assert set(record) >= {"exportId", "owner", "igPaging", "counters", "list", "file"}
    done = ann.post(f"/api/exports/{record['exportId']}/resume?budgetMs=20000").json()
    assert done["status"] == "done" and done["counters"]["appended"] == 120
    assert done["file"] == {"csvReady": True}
    page = ann.get(f"/api/exports/{done['exportId']}/comments?offset=100&limit=50").json()
    assert (len(page["comments"]), page["total"], page["more"]) == (20, 120, False)
    assert {row["commentId"] for row in page["comments"]} <= set(oracle.rows(post))
    told = ann.get(f"/api/exports/{done['exportId']}/receipt").json()
    assert told["kept"] == 120 and told["ended"] == "end_of_list"


def test_the_list_is_paged_newest_first(ann, oracle):
    """`next` of one page is the cursor of the following; the last has none."""
    made = [begin(ann, oracle.flat(rows))["exportId"] for rows in (3, 4, 5)]
    first = ann.get("/api/exports?limit=2").json()
    assert [one["exportId"] for one in first["exports"]] == made[:0:-1]
    second = ann.get("/api/exports", params={"limit": 2, "cursor": first["next"]}).json()
    assert [one["exportId"] for one in second["exports"]] == made[:1]
    assert second["next"] is None


def test_rows_are_sorted_and_filtered(api, ann, oracle):
    """A column sorts, with - the largest first; filters are those of the command line."""
    record = begin(ann, oracle.flat(300))
    api.run(record["exportId"])
    where = f"/api/exports/{record['exportId']}/comments"
    everything = ann.get(where, params={"limit": 300}).json()["comments"]
    likes = [row["likeCount"] for row in everything]
    top = ann.get(where, params={"sort": "-likeCount", "limit": 10}).json()
    assert [row["likeCount"] for row in top["comments"]] == sorted(likes, reverse=True)[:10]
    assert top["total"] == 300
    least = sorted(likes)[150]
    found = ann.get(where, params={"filter": f"likes>={least}", "limit": 1000}).json()
    assert len(found["comments"]) == sum(1 for number in likes if number >= least)
    assert found["total"] == len(found["comments"])
    part = ann.get(where, params={"filter": f"likes>={least}", "offset": 5, "limit": 7}).json()
    assert part["comments"] == found["comments"][5:12] and part["total"] is None


def test_the_same_post_goes_on_with_its_unfinished_export(ann, oracle):
    """As on the command line; `fresh` begins another."""
    post = oracle.flat(7)
    assert begin(ann, post)["exportId"] == begin(ann, post)["exportId"]
    assert begin(ann, post)["exportId"] != begin(ann, post, fresh=True)["exportId"]


def test_form_data_is_read_like_json(ann, oracle):
    """The same fields, as a form sends them; what was left empty is absent."""
    form = {"mediaId": oracle.flat(9), "max": "5", "replies": "false", "webhookUrl": ""}
    answer = ann.post("/api/exports", data=form)
    assert answer.status_code == 201, answer.text
    done = ann.post(f"/api/exports/{answer.json()['exportId']}/resume?budgetMs=9000").json()
    assert done["counters"]["appended"] == 5


def test_pause_resume_cancel_delete(ann, oracle):
    """Paused shows as running, cancelled as failed with that code, deleted is gone."""
    where = f"/api/exports/{begin(ann, oracle.flat(7))['exportId']}"
    assert ann.post(f"{where}/pause").json()["status"] == "running"
    assert ann.get(f"{where}/receipt").json()["status"] == "paused"
    assert ann.post(f"{where}/resume").json()["status"] == "pending"
    cancelled = ann.post(f"{where}/cancel").json()
    assert (cancelled["status"], cancelled["error"]["code"]) == ("failed", "cancelled")
    assert ann.delete(where).status_code == 204
    assert ann.get(where).status_code == 404


def test_a_resumed_job_goes_on_under_other_limits(ann, oracle):
    """What the body of `resume` names counts from then on; the rest stays. What is below what the
    job has kept, or no such field, is refused and changes nothing."""
    asked = {"mediaId": oracle.flat(120), "max": 60}
    where = f"/api/exports/{ann.post('/api/exports', json=asked).json()['exportId']}"
    ann.post(f"{where}/pause")
    paused = ann.post(f"{where}/resume?budgetMs=9000", json={"maxCalls": 4}).json()
    assert (paused["counters"]["appended"], paused["status"]) == (50, "running")
    assert ann.get(f"{where}/receipt").json()["ended"] == "budget"
    low = ann.post(f"{where}/resume?budgetMs=9000", json={"max": 20})
    assert (low.status_code, low.json()["code"]) == (400, "bad_input")
    assert ann.post(f"{where}/resume", json={"budgetMs": 5}).status_code == 422
    assert ann.get(where).json()["counters"]["appended"] == 50
    form = {"max": "70", "maxCalls": "9"}
    done = ann.post(f"{where}/resume?budgetMs=9000", data=form).json()
    assert (done["counters"]["appended"], done["status"]) == (70, "done")
    over = ann.post(f"{where}/resume", json={"max": 90})
    assert (over.status_code, "cannot be run again" in over.json()["detail"]) == (400, True)


def test_resume_takes_back_a_pause_that_is_not_yet_granted(api, ann, oracle):
    """Whether it waits for work or not: who asked for a pause and then to go on, has a job that
    goes on in the process that runs it."""
    for more in ("", "?budgetMs=1"):
        number = begin(ann, oracle.flat(7), fresh=True)["exportId"]
        claim = api.call(api.world.store.claim(number, Holder("elsewhere", 4711, 0.0)))
        ann.post(f"/api/exports/{number}/pause")
        ann.post(f"/api/exports/{number}/resume{more}")
        assert api.call(api.world.store.beat(number, claim.fence)) is None


@pytest.mark.parametrize("step", ["pause", "cancel"])
def test_a_body_where_none_is_read_is_refused(ann, oracle, step):
    """Whoever sends a budget in a body is told so, in JSON or a form, and nothing is done; an empty
    body says nothing."""
    export = begin(ann, oracle.flat(7))["exportId"]
    where = f"/api/exports/{export}"
    for body in ({"json": {"budgetMs": 5}}, {"data": {"budgetMs": "5"}}, {"json": [5]}):
        answer = ann.post(f"{where}/{step}", **body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert "address" in answer.json()["hint"]
    assert ann.post(f"{where}/{step}", content=b"budgetMs").status_code == 422
    assert ann.get(where).json()["status"] == "pending"
    assert ann.post(f"{where}/{step}", json={}).status_code == 200


@pytest.mark.parametrize("store", ["sql", "redis", "postgres"])
def test_the_download_is_the_file_of_the_command_line(new_api, request, tmp_path, oracle, store):
    """Every format, byte for byte as `jobs save` writes it, whichever store holds the rows."""
    from ingather.api.files import FORMATS

    where = {"redis": ("REDIS_URL", "valkey"), "postgres": ("DATABASE_URL", "postgres")}
    setting, fixture = where.get(store, ("", ""))
    api = new_api(**({setting: request.getfixturevalue(fixture)} if setting else {}))
    with api.client("ann") as ann:
        record = begin(ann, oracle.mixed(80), fresh=True)
        job = api.run(record["exportId"])
        for form in FORMATS:
            path = tmp_path / f"saved.{form}"
            api.call(api.world.comments.save(job, str(path)))
            answer = ann.get(f"/api/exports/{job.id}/file", params={"format": form})
            assert answer.status_code == 200
            if form == "xlsx":  # its parts carry the time at which it was made
                assert answer.content[:4] == path.read_bytes()[:4]
                continue
            assert answer.content == path.read_bytes(), form
            head = ann.head(f"/api/exports/{job.id}/file", params={"format": form})
            assert head.status_code == 200 and head.content == b""
            for name in ("content-type", "content-disposition"):
                assert head.headers[name] == answer.headers[name]
            assert "content-length" not in head.headers


def test_a_download_may_be_filtered(api, ann, oracle):
    """Filters apply again without fetching, and a .json file names them."""
    record = begin(ann, oracle.flat(50))
    job = api.run(record["exportId"])
    rows = [row for batch in [api.call(api.world.store.slice(job.id, 0, 50))] for row in batch]
    least = sorted(row.like_count for row in rows)[40]
    query = {"format": "json", "filter": f"likes>={least}"}
    answer = ann.get(f"/api/exports/{job.id}/file", params=query).json()
    wanted = [fast.decode(fast.encode(row)) for row in rows if row.like_count >= least]
    assert answer["comments"] == wanted
    assert answer["filters"] == [f"likes>={least}"]


def test_what_is_there_of_an_unfinished_export_is_called_partial(ann, oracle):
    """A partial file says so in a header."""
    where = f"/api/exports/{begin(ann, oracle.flat(7))['exportId']}"
    assert ann.get(f"{where}/file").headers["ingather-partial"] == "true"


def test_an_unreadable_post_is_one_clear_problem(ann):
    """A problem document with a code and a hint."""
    answer = ann.post("/api/exports", json={"mediaId": "https://example.com/nothing"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "unreadable_post" and answer.json()["detail"]
    assert json.dumps(answer.json())
