"""Somebody types a name and learns what its reels say."""

import csv
import io
import json
import signal
import sqlite3
import zipfile

import openpyxl
import pytest


@pytest.fixture
def user(cli):
    """Somebody with a token."""
    return cli


def rows(user, columns: str) -> list:
    with sqlite3.connect(user.folder / "data" / "ingather.db") as database:
        return database.execute(f"SELECT {columns} FROM instagram_data ORDER BY id").fetchall()


def test_a_name_gives_an_answer(user) -> None:
    """One command: a summary with its figures, and every reel in the table of the seed."""
    answer = user("analyze", "@reels120", "--tz", "Europe/Berlin")
    assert "@reels120" in answer.out
    assert "120 reels" in answer.out
    assert "Typical views" in answer.out
    told = rows(user, "analysis_status, analysis_progress, profile_username, reel_is_video")
    assert told == [("completed", 100, "reels120", 1)] * 120
    assert len(set(rows(user, "reel_id"))) == 120


def test_hidden_likes_are_no_zero(user) -> None:
    """Reels whose likes the account hides have none in the table, and are counted as hidden."""
    answer = user("analyze", "reels120", "--json").json
    hidden = [row for row in rows(user, "reel_likes") if row[0] is None]
    assert len(hidden) == answer["analysis"]["hiddenLikes"] > 0


def test_standard_output_has_many_names(user) -> None:
    """`-o -` and /dev/stdout write the bytes of the file and nothing else, the summary beside them;
    what cannot be streamed is refused, and no file is called `-`."""
    user("analyze", "reels60", "-o", "reels.csv")
    for name in ("-", "/dev/stdout"):
        answer = user("analyze", "reels60", "-o", name, "--format", "csv")
        assert answer.out == (user.folder / "reels.csv").read_bytes().decode()
        assert "@reels60" in answer.err
    assert "standard output" in user("analyze", "reels60", "-o", "-", "--format", "pdf", code=2).err
    job = user("extract", "reels", "@reels60", "-o", "a.csv", "--json").json["id"]
    saved = user("jobs", "save", job, "-o", "/dev/fd/1")
    assert saved.out == (user.folder / "a.csv").read_bytes().decode()
    assert not (user.folder / "-").exists()


def test_an_analysis_that_was_killed_is_resumed_to_what_it_says(user) -> None:
    """By its id, as the program told its user to go on: the summary and the file that the same
    command would have given, with nothing fetched twice. Workers write no file of it."""
    point = {"INGATHER_TEST_POINT": "committed:1:kill"}
    user("analyze", "reels120", "-o", "a.csv", code=-9, environ=point)
    job = user.job()["id"]
    said = user("jobs", "resume", job, "--no-wait", "-o", "b.csv", code=2)
    assert f"ingather jobs save {job[:8]} -o report.html" in said.err
    user("jobs", "save", job, "-o", "r.html", "--filter", "likes>5", code=2)
    half = user("jobs", "save", job, "-o", "r.html")
    assert "This is partial" in half.err
    page = (user.folder / "r.html").read_text("utf-8")
    piped = user("jobs", "save", job, "-o", "-", "--format", "html").out
    assert "reels120" in page and piped.count("reels120") == page.count("reels120")
    user("jobs", "resume", job, "-o", "b.doc", code=2)
    resumed = user("jobs", "resume", job, "-o", "b.csv")
    whole = user("analyze", "reels120", "-o", "a.csv")
    assert "Reusing" in whole.err
    assert "Typical views" in resumed.out
    assert resumed.out.partition("File:")[0] == whole.out.partition("File:")[0]
    assert (user.folder / "b.csv").read_bytes() == (user.folder / "a.csv").read_bytes()


def test_every_file_says_the_same(user) -> None:
    """CSV, JSON and workbook hold the same reels; the repeat reuses what is fresh and says so."""
    user("analyze", "reels60", "-o", "reels.csv")
    calls = []
    for name in ("reels.json", "reels.xlsx", "raw.csv"):
        answer = user("analyze", "reels60", "-o", name, *(["--raw-csv"] if "raw" in name else []))
        assert "Reusing the analysis" in answer.err
        calls.append(len(user.jobs()))
    assert calls == [1, 1, 1]
    ids = [row[0] for row in rows(user, "reel_id")]
    text = (user.folder / "reels.csv").read_bytes().decode("utf-8-sig")
    head, _, table = text.partition("\r\n\r\n")
    assert "username,reels60" in head.split("\r\n")
    assert [row["reelId"] for row in csv.DictReader(io.StringIO(table))] == ids
    raw = (user.folder / "raw.csv").read_bytes()
    assert raw.startswith(b"reelId,")
    told = json.loads((user.folder / "reels.json").read_bytes())
    assert [reel["reelId"] for reel in told["reels"]] == ids
    assert told["profile"]["username"] == "reels60"
    assert told["receipt"]["fetched"] == 60
    book = openpyxl.load_workbook(user.folder / "reels.xlsx")
    assert book.sheetnames == ["Summary", "Reels", "Hashtags"]
    assert [row[0].value for row in book["Reels"].iter_rows(min_row=2)] == ids
    with zipfile.ZipFile(user.folder / "reels.xlsx") as parts:
        assert any(name.startswith("xl/charts/") for name in parts.namelist())


def test_the_report_needs_nothing_beside_itself(user) -> None:
    """The page names no address but those of reels, runs nothing, and shows charts with numbers."""
    user("analyze", "reels60", "--compare", "reels40", "-o", "report.html")
    page = (user.folder / "report.html").read_text("utf-8")
    assert page.count("<svg") == 2 * page.count("<figure>") > 8
    assert page.count("<details>") == page.count("<figure>")
    assert "<script" not in page
    assert "@reels40" in page
    for sign in ('src="http', "url(http", "@import", "<link", "<iframe"):
        assert sign not in page


def test_a_folder_gets_a_name_with_the_time(user) -> None:
    """-o FOLDER makes NAME-TIME.html in it; --fields picks columns, .gz packs them."""
    user("analyze", "reels30", "-o", ".", "--format", "csv.gz", "--fields", "views,reelId")
    (file,) = user.folder.glob("reels30-20*Z.csv.gz")
    import gzip

    assert b"\r\nviews,reelId\r\n" in gzip.decompress(file.read_bytes())


def test_fresh_makes_another(user) -> None:
    """--fresh fetches anew, and says what has changed since the last analysis."""
    user("analyze", "reels30")
    answer = user("analyze", "reels30", "--fresh")
    assert "Since 20" in answer.out
    assert len(user.jobs()) == 2


def test_a_cut_analysis_is_compared_with_none(user) -> None:
    """Reels beyond --max are neither new nor gone, whichever of the two was cut."""
    user("analyze", "reels30", "--max", "5")
    assert "Since 20" not in user("analyze", "reels30").out
    assert "Since 20" not in user("analyze", "reels30", "--max", "6").out
    assert "0 new reels" in user("analyze", "reels30", "--fresh").out


def test_an_account_is_compared_with_others(user) -> None:
    """However its name is written, it stands in the comparison once."""
    answer = user("analyze", "reels30", "--compare", "@reels30", "--compare", "reels9")
    assert answer.out.count("  @reels30 ") == 1
    again = user("analyze", "https://www.instagram.com/reels30/")
    assert "Reusing the analysis of @reels30 made" in again.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["ghost"], 1, "no business or creator account has this name"),
        (["not a name!"], 2, "is not the name of an account"),
        (["reels9", "--tz", "Mars/Olympus"], 2, "no time zone"),
        (["reels9", "--fields", "reelId,shoe"], 2, "no field shoe"),
        (["reels9", "--fields", ""], 2, "no field without a name"),
        (["reels9", "--since", ""], 2, "it is no date"),
        (["reels9", "-o", "reels.docx"], 2, ".docx"),
        (["reels9", "--source", "archive"], 2, "graph or hiker"),
        (["reels9", *["--compare", "reels8"] * 5], 2, "up to 5"),
        (["reels9", "--since", "yesterday"], 2, "Give a day as 2026-01-31"),
        (["reels9", "--fields", "views", "-o", "report.html"], 2, "a report has none"),
        (["reels9", "--source", "hiker"], 2, "takes a key of HikerAPI."),
    ],
)
def test_bad_input_is_told_in_a_sentence(user, words, code, said) -> None:
    """What is wrong, and nothing else happens."""
    answer = user("analyze", *words, code=code)
    assert said in answer.err
    assert answer.out == ""


@pytest.fixture
def paying(outside) -> dict[str, str]:
    """A key of HikerAPI beside the token."""
    return {"HIKERAPI_KEY": "sandbox-key", "HIKERAPI_URL": outside.hiker_url}


def test_a_second_source_fills_gaps(user, outside, paying) -> None:
    """Lengths, of which the Graph API says nothing, come from HikerAPI: each number says who told
    it, the first source's stand, and the receipt tells what each was asked and cost."""
    alone = user("analyze", "reels60", "--no-fill", "-o", "alone.json", environ=paying)
    assert outside.control()["hiker_billed"] == 0
    assert "HikerAPI" not in alone.err
    answer = user("analyze", "reels60", "-o", "both.json", environ=paying)
    assert "for at most 200 paid units" in answer.err
    assert "Reusing" not in answer.err
    alone, both = (
        json.loads((user.folder / f"{name}.json").read_bytes()) for name in ("alone", "both")
    )
    first, second = both["receipt"]["sources"]
    assert (first["source"], first["units"]) == ("graph", 0)
    assert second["units"] == outside.control()["hiker_billed"] > 0
    assert first["calls"] + second["calls"] == both["receipt"]["calls"]
    gaps = 0
    for before, after in zip(alone["reels"], both["reels"], strict=True):
        assert before["duration"] is None
        for name in ("reelId", "views", "likes", "comments", "datePosted", "caption"):
            assert before[name] == after[name]
        told = after["filledFrom"] or ()
        assert ("duration=hiker" in told) == (after["duration"] is not None)
        gaps += after["duration"] is not None
    assert gaps == second["reels"] > 50
    assert both["analysis"]["duration"]["reels"] > alone["analysis"]["duration"]["reels"] == 0
    with sqlite3.connect(user.folder / "data" / "ingather.db") as database:
        told = database.execute(
            "SELECT views_from, duration_from, count(*) FROM reel_origins GROUP BY 1, 2"
        ).fetchall()
    assert ("graph", "hiker", gaps) in told


def test_reels_are_chosen_by_their_length(user, paying) -> None:
    """--filter duration<=30 keeps what is no longer, by lengths that the second source told; one of
    which nobody tells the length does not pass."""
    words = ("analyze", "reels60", "--filter", "duration<=30", "--filter", "views>=1")
    user(*words, "-o", "short.json", environ=paying)
    told = json.loads((user.folder / "short.json").read_bytes())
    assert 0 < len(told["reels"]) < 60
    assert all(reel["duration"] <= 30 and reel["views"] >= 1 for reel in told["reels"])
    assert told["receipt"]["filtered"] == 60 - len(told["reels"])


def test_filling_that_fails_leaves_an_analysis(user, outside, paying) -> None:
    """Without balance at HikerAPI the analysis is whole but for its gaps, and says why."""
    outside.control(hiker_requests=0)
    answer = user("analyze", "reels30", environ=paying)
    assert "Filling stopped" in answer.out
    assert len(rows(user, "id")) == 30


def test_a_source_that_is_named_is_asked_alone(user, outside, paying) -> None:
    """--source graph asks nobody else, whatever keys there are."""
    user("analyze", "reels30", "--source", "graph", environ=paying)
    assert outside.control()["hiker_billed"] == 0


def test_insights_are_told_of_ones_own(user) -> None:
    """One's own reels come with reach and interactions, where the platform measures them."""
    from ingather.sandbox.world import USERNAME

    answer = user("analyze", USERNAME, "--json").json
    by = {rate["by"]: rate for rate in answer["analysis"]["rates"]}
    assert by["reach"]["reels"] > 10
    others = user("analyze", "reels30", "--json").json
    assert [rate["rate"] for rate in others["analysis"]["rates"] if rate["by"] == "reach"] == [None]


def test_no_reels_is_an_answer(user) -> None:
    """An account without reels is told so in words."""
    answer = user("analyze", "reels0", "-o", "report.html")
    assert "There are no reels to analyse." in answer.out
    page = (user.folder / "report.html").read_text("utf-8")
    assert "There are no reels to analyse." in page
    assert "not enough" not in page


def test_reels_that_all_are_left_out_are_not_none(user) -> None:
    """An account with reels of which none is young enough is not said to have none."""
    answer = user("analyze", "reels30", "--since", "2099-01-01")
    assert "There are no reels" not in answer.out
    assert "none is from --since on and passes every --filter" in answer.out


def test_nobody_to_ask(user) -> None:
    """Without token and key it says what to do."""
    answer = user("analyze", "natgeo", code=2, environ={"INSTAGRAM_ACCESS_TOKEN": ""})
    assert "ingather login" in answer.err


def test_a_kill_loses_nothing(user, until, outside) -> None:
    """kill -9 in the middle; the same command goes on, and no reel is there twice or missing."""
    import psutil

    point = {"INGATHER_TEST_POINT": "committed:2:stop"}
    running = user.start("analyze", "reels300", environ=point)
    until(lambda: psutil.Process(running.pid).status() == psutil.STATUS_STOPPED)
    running.kill()
    outside.control(reset=True)
    answer = user("analyze", "reels300")
    assert "Going on with job" in answer.err
    assert len(rows(user, "id")) == len(set(rows(user, "reel_id"))) == 300
    assert len(user.jobs()) == 1


def test_a_cancelled_analysis_says_nothing_of_half_a_list(user, until) -> None:
    """Cancelled by somebody else in the middle: exit 1, no report and no file that could be taken
    for one of all reels; what was read can be saved."""
    import psutil

    point = {"INGATHER_TEST_POINT": "committed:2:stop"}
    running = user.start("analyze", "reels300", "-o", "r.html", environ=point)
    until(lambda: psutil.Process(running.pid).status() == psutil.STATUS_STOPPED)
    job = user.job()["id"]
    user("jobs", "cancel", job)
    running.send(signal.SIGCONT)
    answer = running.ended(within=20)
    assert (answer.code, answer.out) == (1, ""), answer
    assert f"jobs save {job[:8]} -o FILE" in answer.err
    assert not (user.folder / "r.html").exists()


def test_since_leaves_older_reels_out(user) -> None:
    """--since keeps what was posted from that day on, and the receipt counts the rest."""
    answer = user("analyze", "reels60", "--since", "2026-09-01", "--json").json
    kept = rows(user, "reel_date_posted")
    assert 0 < len(kept) < 60
    assert min(kept)[0] >= "2026-09-01"
    assert answer["receipt"]["filtered"] == 60 - len(kept)
