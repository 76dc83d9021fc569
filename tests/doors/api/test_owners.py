"""Nobody reads, lists, changes, streams or deletes what belongs to another owner."""

import pytest


@pytest.fixture
def anns(ann, oracle) -> dict[str, str]:
    """An export and an extraction of Ann's."""
    export = ann.post("/api/exports", json={"mediaId": oracle.flat(7)}).json()
    body = {"kind": "followers", "targets": ["flat5000"], "max": 5}
    extraction = ann.post("/api/extractions", json=body)
    assert extraction.status_code == 201, extraction.text
    return {"exports": export["exportId"], "extractions": extraction.json()["id"]}


WAYS = [
    ("GET", ""),
    ("DELETE", ""),
    ("POST", "/pause"),
    ("POST", "/resume"),
    ("POST", "/resume?budgetMs=1"),
    ("POST", "/cancel"),
    ("GET", "/{rows}"),
    ("GET", "/receipt"),
    ("GET", "/file"),
    ("HEAD", "/file"),
    ("GET", "/events"),
    ("GET", "/webhook"),
]


@pytest.mark.parametrize("room", ["exports", "extractions"])
def test_another_owners_job_is_as_if_it_were_not_there(ann, bob, anns, room):
    """On every route the answer is that of an id that never was, and the job stands as before."""
    rows = {"exports": "comments", "extractions": "records"}[room]
    before = ann.get(f"/api/{room}/{anns[room]}").json()
    for method, way in WAYS:
        way = way.format(rows=rows)
        foreign = bob.request(method, f"/api/{room}/{anns[room]}{way}")
        never = bob.request(method, f"/api/{room}/00000000-0000-4000-8000-000000000000{way}")
        assert foreign.status_code == never.status_code == 404, (method, way)
        assert foreign.content == never.content
    assert ann.get(f"/api/{room}/{anns[room]}").json() == before


def test_the_routes_of_a_job_are_all_in_this_matrix(nobody):
    """A route that comes later is tested here, too."""
    paths = nobody.get("/openapi.json").json()["paths"]
    named = {(method, way.partition("?")[0].format(rows="records")) for method, way in WAYS}
    there = {
        (method.upper(), path.removeprefix("/api/extractions/{id}"))
        for path, methods in paths.items()
        if path.startswith("/api/extractions/{id}")
        for method in methods
    }
    assert there == named


@pytest.mark.parametrize("room", ["exports", "extractions"])
def test_lists_hold_what_is_the_owners_own(ann, bob, anns, room):
    """Another owner's list is empty, and an id of another's is no cursor."""
    assert bob.get(f"/api/{room}").json()[room] == []
    assert len(ann.get(f"/api/{room}").json()[room]) == 1
    foreign = bob.get(f"/api/{room}", params={"cursor": anns[room]})
    never = bob.get(f"/api/{room}", params={"cursor": "never"})
    assert foreign.status_code == never.status_code == 400
    assert foreign.content == never.content


def test_the_same_post_is_another_job_for_another_owner(ann, bob, oracle):
    """Nobody goes on with a foreign job by asking for the same."""
    body = {"mediaId": oracle.flat(7)}
    first = ann.post("/api/exports", json=body).json()
    assert bob.post("/api/exports", json=body).json()["exportId"] != first["exportId"]


def test_an_idempotency_key_is_the_owners_own(ann, bob, oracle):
    """The same Idempotency-Key of two owners names two requests."""
    named = {"Idempotency-Key": "one"}
    body = {"mediaId": oracle.flat(7)}
    first = ann.post("/api/exports", json=body, headers=named)
    second = bob.post("/api/exports", json=body, headers=named)
    assert second.status_code == 201
    assert second.json()["exportId"] != first.json()["exportId"]


def test_a_filter_takes_names_from_the_owners_own_jobs_alone(ann, bob, anns):
    """`user=job:ID` of a foreign job is one of no job."""
    for job in (anns["exports"], "never"):
        body = {"kind": "followers", "targets": ["flat5000"], "filters": [f"user=job:{job}"]}
        answer = bob.post("/api/extractions", json=body)
        assert answer.status_code == 400
        assert "There is no job" in answer.json()["detail"]


def test_files_of_the_server_cannot_be_named(ann, tmp_path):
    """Neither as a filter's list, nor as an archive."""
    (tmp_path / "names.txt").write_text("ann")
    body = {
        "kind": "followers",
        "targets": ["flat5000"],
        "filters": [f"user=@{tmp_path}/names.txt"],
    }
    assert ann.post("/api/extractions", json=body).json()["code"] == "bad_input"
    body = {"targets": [f"{tmp_path}/a.zip"]}
    for kind in ({"kind": "followers", "source": "archive"}, {"kind": "liked"}):
        assert ann.post("/api/extractions", json=body | kind).json()["code"] == "bad_input"


def test_an_export_is_no_extraction(ann, anns):
    """Each room holds its own kind of job, though both may rest in one table."""
    assert ann.get(f"/api/extractions/{anns['exports']}").status_code == 404
    assert ann.get(f"/api/exports/{anns['extractions']}").status_code == 404


def test_the_cheapest_source_is_asked_first(ann):
    """Reels come of the Graph API where it can reach the account, of HikerAPI when it is named; one
    that cannot tell a kind is refused."""
    body = {"kind": "reels", "targets": ["flat70", "flat130"]}
    assert ann.post("/api/extractions", json=body).json()["source"] == "graph"
    body |= {"source": "hiker"}
    assert ann.post("/api/extractions", json=body).json()["source"] == "hiker"
    body |= {"kind": "followers", "source": "graph"}
    assert ann.post("/api/extractions", json=body).json()["code"] == "bad_input"
