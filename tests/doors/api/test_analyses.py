"""/api/analyses: begin, follow, read, report."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest


def begin(client: httpx.Client, username: str = "reels60", **fields: object) -> dict:
    answer = client.post("/api/analyses", json={"username": username} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_analysis_is_begun_at_once_and_read_when_done(api, ann) -> None:
    """An id before anybody has looked the name up; pending, then completed at 100 with the profile
    and the reels, paged."""
    made = begin(ann, "@reels120")
    assert (made["status"], made["progress"], made["profile"]) == ("pending", 0, None)
    where = f"/api/analyses/{made['analysisId']}"
    api.run(made["analysisId"])
    done = ann.get(where).json()
    assert (done["status"], done["progress"], done["reelCount"]) == ("completed", 100, 120)
    assert done["profile"]["username"] == "reels120"
    assert len(done["reels"]) == 100
    page = ann.get(f"{where}/reels?offset=100&limit=50").json()
    assert len(page["reels"]) == 20
    ids = {reel["mediaId"] for reel in done["reels"] + page["reels"]}
    assert len(ids) == 120
    assert ann.get("/api/analyses").json()["analyses"][0]["analysisId"] == made["analysisId"]


def test_a_name_that_cannot_be_read_fails_in_words(api, ann) -> None:
    """failed, with the reason that a person needs; bad names are refused before any job."""
    made = begin(ann, "ghost")
    with pytest.raises(Exception, match="no business or creator account"):
        api.run(made["analysisId"])
    failed = ann.get(f"/api/analyses/{made['analysisId']}").json()
    assert failed["status"] == "failed"
    assert "no business or creator account" in failed["message"]
    refused = ann.post("/api/analyses", json={"username": "not a name!"})
    assert refused.status_code == 400
    assert refused.json()["code"] == "unreadable_name"


def test_it_can_be_tried_again(api, ann, outside) -> None:
    """Manual retry: a failed analysis is resumed by its id, and ends."""
    made = begin(ann, "reels40")
    outside.control(faults={"expired": 1.0})
    with pytest.raises(Exception, match="token"):
        api.run(made["analysisId"])
    outside.control(reset=True)
    where = f"/api/analyses/{made['analysisId']}"
    assert ann.get(where).json()["status"] == "processing"
    done = ann.post(f"{where}/resume?budgetMs=20000").json()
    assert (done["status"], done["reelCount"]) == ("completed", 40)


def test_the_report_is_a_page_or_json(api, ann) -> None:
    """The same figures both ways; the page runs nothing."""
    made = begin(ann)
    api.run(made["analysisId"])
    where = f"/api/analyses/{made['analysisId']}/report"
    page = ann.get(where, params={"tz": "Europe/Berlin"})
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    told = ann.get(where, params={"format": "json"}).json()
    assert told["analysis"]["reels"] == len(told["reels"]) == 60
    for wrong in ({"tz": "Mars/Olympus"}, {"format": "docx"}):
        assert ann.get(where, params=wrong).status_code == 400


def test_a_fresh_one_is_given_back(api, ann) -> None:
    """While the profile is fresh the same request gives the same analysis; fresh gives another."""
    made = begin(ann)
    api.run(made["analysisId"])
    assert begin(ann)["analysisId"] == made["analysisId"]
    assert begin(ann, fresh=True)["analysisId"] != made["analysisId"]


def test_progress_is_streamed(api, ann) -> None:
    """Server-sent events end with the completed analysis."""
    made = begin(ann)
    api.run(made["analysisId"])
    with ann.stream("GET", f"/api/analyses/{made['analysisId']}/events") as stream:
        text = "".join(stream.iter_text())
    assert "event: end" in text
    assert '"progress":100' in text


def test_nobody_sees_anothers(api, ann, bob) -> None:
    """To another owner there is nothing, whatever is asked."""
    made = begin(ann)
    where = f"/api/analyses/{made['analysisId']}"
    for path in ("", "/reels", "/report", "/receipt", "/file", "/events"):
        assert bob.get(where + path).status_code == 404
    assert bob.delete(where).status_code == 404
    assert bob.get("/api/analyses").json()["analyses"] == []


def test_one_account_has_one_analysis_at_a_time(api, ann, bob) -> None:
    """Who asks twice at once, or before it has ended, is given the same one; another owner has one
    of its own."""
    with ThreadPoolExecutor(4) as pool:
        ids = {made["analysisId"] for made in pool.map(lambda _: begin(ann), range(4))}
    assert len(ids) == 1
    assert begin(ann)["analysisId"] in ids
    theirs = begin(bob)["analysisId"]
    assert theirs not in ids
    api.run(*ids)
    assert begin(bob)["analysisId"] == theirs


def test_what_is_deleted_is_gone(api, ann, tmp_path) -> None:
    """Its rows of the seed's table, its profile and its report with it."""
    made = begin(ann, "reels30")["analysisId"]
    api.run(made)
    (file,) = tmp_path.rglob("ingather.db")
    with closing(sqlite3.connect(file)) as database:
        tables = ("instagram_data", "reel_origins", "analyses", "media")

        def rows() -> list[int]:
            counts = [database.execute(f"SELECT count(*) FROM {name}") for name in tables]
            return [found.fetchone()[0] for found in counts]

        assert rows() == [30, 30, 1, 30]
        assert ann.delete(f"/api/analyses/{made}").status_code == 204
        assert rows() == [0, 0, 0, 0]
    for path in ("", "/reels", "/report"):
        assert ann.get(f"/api/analyses/{made}{path}").status_code == 404
    assert begin(ann, "reels30")["analysisId"] != made


def test_half_an_analysis_says_so(api, ann) -> None:
    """The report of one that is not at its end is there, and says what it is."""
    made = begin(ann, "reels60")["analysisId"]
    report = ann.get(f"/api/analyses/{made}/report", params={"format": "json"}).json()
    assert report["receipt"]["partial"] is True
    assert (report["analysis"]["reels"], report["analysis"]["typical"]) == (0, None)
    assert "This is a part" in ann.get(f"/api/analyses/{made}/report").text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"since": "yesterday"}, "it is no date"),
        ({"filters": ["shoe=5"]}, "nothing is called"),
        ({"filters": ["followers>5"]}, "not told of them"),
        ({"filters": ["user=job:1"]}, "no list of users"),
        ({"source": "archive"}, "no source archive"),
        ({"source": "web"}, "no source web"),
        ({"max": 0}, "max"),
        ({"username": ""}, "username"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_said_before_there_is_a_job(ann, wrong, said) -> None:
    """One sentence about what it is, and nothing is begun."""
    answer = ann.post("/api/analyses", json={"username": "reels9"} | wrong)
    assert answer.status_code in (400, 422), answer.text
    assert said in answer.text
    assert ann.get("/api/analyses").json()["analyses"] == []
