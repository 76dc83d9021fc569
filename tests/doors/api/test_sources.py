"""/api/extractions chooses its source as the command line does."""

import pytest

WHERE = "/api/extractions"


def begun(client, **body):
    answer = client.post(WHERE, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("body", "source"),
    [
        ({"kind": "reels", "targets": ["reels30"]}, "graph"),
        ({"kind": "posts", "targets": ["posts30"], "source": "hiker"}, "hiker"),
        ({"kind": "posts", "targets": ["personal.ann"]}, "hiker"),
        ({"kind": "followers", "targets": ["flat30"]}, "hiker"),
    ],
)
def test_the_free_source_is_asked_first(api, body, source):
    """The Graph API is asked where it can tell, HikerAPI where it cannot or is named."""
    with api.client() as client:
        job = begun(client, fresh=True, **body)
        assert job["source"] == source
        assert api.run(job["id"]).status == "done"


def test_insights_through_the_door(api):
    """Insights of one's own posts come as the command line gets them."""
    with api.client() as client:
        job = begun(client, kind="posts", targets=["sandbox.bakery"], insights=True, max=5)
        api.run(job["id"])
        rows = client.get(f"{WHERE}/{job['id']}/records").json()
        rows = rows["records"] if "records" in rows else rows["items"]
        assert any(row["reach"] is not None for row in rows)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kind": "followers", "targets": ["a"], "source": "graph"}, "Graph API"),
        ({"kind": "followers", "targets": ["a"], "source": "archive"}, "archive"),
        ({"kind": "followers", "targets": ["a"], "source": "web"}, "web"),
        ({"kind": "likers", "targets": ["DRqAYKuAIUx"], "insights": True}, "Insights"),
        ({"kind": "posts", "targets": ["ghost"], "source": "graph"}, "does not tell which"),
    ],
)
def test_what_cannot_be_is_a_problem(api, body, said):
    """A source that cannot tell a kind, and a target it does not reach, are told as problems."""
    with api.client() as client:
        answer = client.post(WHERE, json=body)
        assert 400 <= answer.status_code < 500
        assert said in answer.text
        assert "  " not in answer.json()["title"]


def test_a_long_list_of_targets_is_told_in_part(api):
    """A job and a list of jobs name the first hundred targets and count all; the receipt names
    each. A job that is only looked at is never longer than that."""
    names = [f"no!!name{n}" for n in range(130)]  # no name at all: nobody is asked
    with api.client() as client:
        job = begun(client, kind="followers", targets=names)
        assert (job["targetCount"], job["targetsEnded"]) == (130, {})
        done = api.run(job["id"])
        assert (done.status, done.reason) == ("done", "unreachable")
        shown = client.get(f"{WHERE}/{job['id']}").json()
        assert [each["name"] for each in shown["targets"]] == names[:100]
        assert (shown["targetCount"], shown["targetsEnded"]) == (130, {"unreachable": 130})
        (listed,) = client.get(WHERE).json()["extractions"]
        assert listed == shown
        receipt = client.get(f"{WHERE}/{job['id']}/receipt").json()
        assert [each["name"] for each in receipt["targets"]] == names
