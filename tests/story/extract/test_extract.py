"""`ingather extract` from end to end: the program, its sandbox and its files."""

import hashlib
import json
import zipfile

import pytest

from ingather.sandbox.hiker_world import post_pk


def test_followers_of_an_account_are_a_file(program, outside, people):
    """Every follower, once, in the list's order; a receipt that says that nothing is missing, what
    was billed, and the SHA-256 of the file; and not one call more than that took."""
    said = program("extract", "followers", "@flat230", "--yes", "--json", "-o", "f.csv")
    assert said.code == 0, said.err
    assert program.column("f.csv") == people("flat230")
    receipt = said.receipt
    told = {key: receipt[key] for key in ("kind", "source", "declared", "kept", "gap", "complete")}
    assert told == {"kind": "followers", "source": "hiker", "declared": 230, "kept": 230,
                    "gap": 0, "complete": True}  # fmt: skip
    assert receipt["file"]["sha256"] == hashlib.sha256(program.bytes("f.csv")).hexdigest()
    control = outside.control()
    assert receipt["units"] == control["hiker_billed"] == 6
    assert receipt["calls"] == 6
    beside = json.loads((program.folder / "f.csv.receipt.json").read_text("utf-8"))
    assert beside["file"] == receipt["file"]


@pytest.mark.parametrize(
    "kind", ["following", "likers", "commenters", "posts", "reels", "hashtags"]
)
@pytest.mark.parametrize("ending", ["jsonl", "xlsx"])
def test_every_kind_is_a_file(program, kind, ending):
    """Each kind that HikerAPI lists becomes a file with rows in it, in more than one format."""
    target = post_pk("flat", 60) if kind in ("likers", "commenters") else "flat60"
    said = program("extract", kind, target, "--yes", "--json", "-o", f"rows.{ending}")
    assert said.code == 0, said.err
    assert said.receipt["kept"] == said.receipt["file"]["rows"] > 20
    assert said.json["kind"] == kind.replace("hashtags", "hashtag-clips")


def test_an_archive_needs_no_account(program, outside):
    """A ZIP of the user's own is read without a key, without a question and without a call; what
    it does not know is empty, and the receipt does not call that a number."""
    names = ["ann", "b.o_b", "zoe", "ann"]
    people = [
        {"string_list_data": [{"href": f"https://www.instagram.com/{name}", "value": name,
                               "timestamp": 1_768_003_156}]}
        for name in names
    ]  # fmt: skip
    with zipfile.ZipFile(program.folder / "mine.zip", "w") as archive:
        folder = "connections/followers_and_following"
        archive.writestr(f"{folder}/followers_1.json", json.dumps(people))
    said = program("extract", "followers", "mine.zip", "--json", "-o", "f.csv", HIKERAPI_KEY="")
    assert said.code == 0, said.err
    assert [
        (row["userId"], row["username"], row["isPrivate"]) for row in program.rows("f.csv")
    ] == [
        ("", "ann", ""),
        ("", "b.o_b", ""),
        ("", "zoe", ""),
    ]
    assert (said.receipt["source"], said.receipt["units"]) == ("archive", 0)
    assert (said.receipt["fetched"], said.receipt["duplicates"]) == (4, 1)
    assert outside.control()["calls"]["total"] == 0


BAD = ["missing1", "private5", "not!!a!!name", "ghost", "flat70/../x"]


def test_an_account_called_like_a_post_of_the_sandbox_is_that_account(program, people):
    """`flat5000` is a post of the sandbox too; its followers are those of the account, and `demo`
    stands for a post where posts are asked for, whoever is asked."""
    said = program("extract", "followers", "flat5000", "--sandbox", "--max", "70", "-o", "f.csv")
    assert said.code == 0, said.err
    assert "declared 5,000" in said.out
    assert program.column("f.csv") == people("flat5000")[:70]
    said = program("extract", "commenters", "demo", "--sandbox", "--max", "5", "-o", "c.csv")
    assert (said.code, len(program.rows("c.csv"))) == (0, 5)
    said = program("extract", "likers", "demo", "--sandbox", "--max", "5", "-o", "l.csv")
    assert (said.code, len(program.rows("l.csv"))) == (0, 5), said.err


def test_bad_names_among_good_ones_are_named(program, people):
    """Targets that do not exist, are private or are no names at all are each named in the receipt
    with the reason; the good ones are read to their end, and that is a success, unless --strict
    asks for more."""
    names = [BAD[0], "flat60", *BAD[1:3], "flat120", *BAD[3:]]
    program.write("names.txt", "\n# people\n\nflat60 # again\n" + "\n".join(names))
    words = ("extract", "followers", "--from", "names.txt", "--yes", "--json", "-o", "f.csv")
    said = program(*words)
    assert said.code == 0, said.err
    assert program.column("f.csv") == [*people("flat60"), *people("flat120")]
    assert (said.json["status"], said.receipt["ended"]) == ("done", "mixed")
    assert said.receipt["complete"] is False
    targets = {each["name"]: each for each in said.receipt["targets"]}
    assert list(targets) == ["flat60", *(name for name in names if name != "flat60")]
    for name, each in targets.items():
        assert (each["ended"] == "unreachable") == (name in BAD)
        assert bool(each["error"]) == (name in BAD)
    for name in BAD[:5]:
        assert name in said.err
    assert program(*words, "--strict").code == 1


def test_names_that_are_all_bad_leave_an_empty_file(program):
    """Where no target can be read the job ends as unreachable, not as a list without rows."""
    said = program("extract", "reels", "missing1", "missing2", "--yes", "--json", "-o", "f.csv")
    assert (said.json["reason"], said.receipt["kept"]) == ("unreachable", 0)
    assert said.receipt["complete"] is False
    assert program.rows("f.csv") == []


def test_people_of_two_lists_stand_in_the_file_once(program, people):
    """Targets come from the command line, a file and standard input; one that is named twice is
    read once."""
    said = program("extract", "followers", "flat60", "--from", "-", "--yes", "--json",
                   "-o", "f.csv", given="@FLAT60\nhttps://www.instagram.com/flat70/\n")  # fmt: skip
    assert said.code == 0, said.err
    assert [each["name"] for each in said.receipt["targets"]] == ["flat60", "flat70"]
    assert program.column("f.csv") == list(dict.fromkeys(people("flat60") + people("flat70")))


def test_filters_are_counted_in_the_receipt(program):
    """What does not pass is left out of the file and counted; kept and filtered are all there
    were, so that nothing seems to be missing."""
    program("extract", "followers", "flat230", "--yes", "-o", "all.csv")
    passing = [row for row in program.rows("all.csv") if row["isPrivate"] == "false"]
    said = program("extract", "followers", "flat230", "--yes", "--json", "-o", "some.csv",
                   "--filter", "private=no")  # fmt: skip
    assert program.rows("some.csv") == passing
    assert 0 < len(passing) < 230
    assert said.receipt["filtered"] == 230 - said.receipt["kept"] == 230 - len(passing)
    assert (said.receipt["gap"], said.receipt["complete"]) == (0, True)


def test_names_of_a_file_and_of_another_job_filter(program):
    """`user=@FILE` and `user!=job:ID` are lists of names, read when the job begins."""
    first = program("extract", "followers", "flat60", "--yes", "--json", "-o", "a.csv").json
    names = program.column("a.csv", "username")
    program.write("names.txt", f"# some\n@{names[3].upper()}, {names[5]}\nnobody_at_all\n")
    program("extract", "followers", "flat60", "--yes", "-o", "b.csv",
            "--filter", "user=@names.txt")  # fmt: skip
    assert program.column("b.csv", "username") == [names[3], names[5]]
    said = program("extract", "followers", "flat60", "--yes", "-o", "c.csv",
                   "--filter", f"user!=job:{first['id'][:8]}")  # fmt: skip
    assert said.code == 0, said.err
    assert program.rows("c.csv") == []
    program.write("spoilt.txt", "ann\nbob smith?\n")
    for reference in ("@absent.txt", "job:absent", "@spoilt.txt"):
        said = program("extract", "followers", "flat60", "--yes", "--filter", f"user={reference}")
        assert said.code == 2
        assert reference.removeprefix("@").removeprefix("job:") in said.err
    assert len(program.jobs()) == 3


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("private=maybe", "letter 9: the answer is yes or no"),
        ("likez>5", "did you mean likes"),
        ("text=/(/", "letter 7"),
        ("followers~=5", "followers knows"),
        ("", "nothing is called"),
        ("likes>5", "No row of followers can pass"),
    ],
)
def test_a_filter_that_cannot_be_read_or_passed_is_refused(program, outside, words, why):
    """Bad usage, told with the place and the reason, before anything is fetched or kept; so is a
    filter that can let nothing through."""
    said = program("extract", "followers", "flat60", "--yes", "--filter", words)
    assert (said.code, said.out) == (2, "")
    assert why in said.err
    assert outside.control()["calls"]["total"] == 0
    assert program.jobs() == []


def test_a_filter_that_lets_nothing_through_is_no_failure(program):
    """An empty file with its header, and a receipt that counts what was left out."""
    said = program("extract", "followers", "flat60", "--yes", "--json", "-o", "f.csv",
                   "--filter", "user=nobody_at_all")  # fmt: skip
    assert said.code == 0, said.err
    assert program.rows("f.csv") == []
    assert program.bytes("f.csv").startswith(b"\xef\xbb\xbfuserId,")
    assert (said.receipt["filtered"], said.receipt["ended"]) == (60, "end_of_list")


def test_max_ends_the_job(program, people):
    """--max keeps the first N rows of all targets together, and the receipt says that it cut."""
    said = program("extract", "followers", "flat60", "flat230", "--max", 75, "--yes", "--json",
                   "-o", "f.csv")  # fmt: skip
    assert program.column("f.csv") == (people("flat60") + people("flat230"))[:75]
    assert (said.code, said.receipt["ended"], said.receipt["limit"]) == (0, "limit", 75)
    assert said.receipt["complete"] is False


def test_without_a_key_it_says_what_there_is_instead(program):
    """No key: bad usage, told with what to set and what goes without one; no job is left."""
    said = program("extract", "followers", "natgeo", "--yes", HIKERAPI_KEY="")
    assert said.code == 2
    for word in ("HIKERAPI_KEY", "Download your information", "--sandbox"):
        assert word in said.err
    assert program.jobs() == []


def test_a_wrong_key_is_told_and_never_shown(program):
    """A key that the service refuses is called a login that is needed; it is not printed."""
    said = program("extract", "followers", "natgeo", "--yes", HIKERAPI_KEY="hush-hush-key")
    assert said.code == 1
    assert "hush-hush" not in said.err + said.out
    assert "HikerAPI" in said.err or "key" in said.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["friends", "natgeo"], "There is no kind of extraction called friends"),
        (["comments", "natgeo"], "There is no kind of extraction called comments"),
        (["followers"], "There is no target"),
        (["followers", "not!!a!!name"], "is not the name of an account"),
        (["followers", "natgeo", "--source", "graph"], "cannot be had of the Graph API"),
        (["followers", "--from", "absent.txt"], "absent.txt"),
        (["followers", "absent.zip"], "absent.zip"),
        (["followers", "broken.zip"], "broken.zip"),
        (["followers", "empty.zip"], "empty.zip"),
        (["likers", "empty.zip"], "liked"),
        (["followers", "natgeo", "empty.zip", "--yes"], "not all targets are"),
        (["followers", "natgeo", "-o", "f.docx"], "docx"),
        (["followers", "natgeo", "-o", "-", "--format", "xlsx"], "standard output"),
        (["followers", "natgeo"], "--yes"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(program, words, why):
    """What cannot be understood is bad usage: one sentence that names it, and no job is left."""
    program.write("broken.zip", "this is no archive")
    with zipfile.ZipFile(program.folder / "empty.zip", "w") as archive:
        archive.writestr("holiday.txt", "no archive of Instagram's")
    said = program("extract", *words)
    assert (said.code, said.out) == (2, ""), said
    assert why in said.err
    assert program.jobs() == []


@pytest.mark.parametrize(("name", "code"), [("missing1", 1), ("private5", 1)])
def test_a_lone_target_that_cannot_be_read_is_told_at_once(program, name, code):
    """One wrong name is an error, not an empty success."""
    said = program("extract", "followers", name, "--yes", "-o", "f.csv")
    assert said.code == code
    assert name in said.err
    assert not (program.folder / "f.csv").exists()
    assert program.jobs() == []


def test_an_empty_hashtag_is_an_empty_file(program):
    """A list without entries is no failure."""
    said = program("extract", "hashtag-clips", "#empty", "--yes", "--json", "-o", "f.csv")
    assert (said.code, said.receipt["kept"]) == (0, 0)
    assert program.rows("f.csv") == []


def test_a_balance_that_is_briefly_out_of_order_is_asked_again(program, outside):
    """What an extraction costs and what money buys are asked for as patiently as a page is."""
    outside.control(schedule=[{"call": 1, "fault": "unavailable"},
                              {"call": 5, "fault": "unavailable"}])  # fmt: skip
    answer = program("extract", "followers", "flat60", "--max-cost", "1", "--yes", "-o", "a.csv")
    assert "Asking again" in answer.err
    assert "The account has" in answer.err
    # Of the price, of the rate and of the estimate; the first and the last once more.
    assert outside.control()["calls"]["by_kind"]["hiker_balance"] == 5


def test_doctor_asks_every_server_that_is_named(program):
    """`doctor` tells of HikerAPI where there is a key, and of each place where jobs rest, which
    the failure of one does not hide."""
    told = program("doctor")
    assert "ok  HikerAPI: has" in told.out
    told = program("doctor", HIKERAPI_KEY="wrong", REDIS_URL="redis://127.0.0.1:1")
    assert told.code == 1
    assert "no  HikerAPI: HikerAPI does not accept the key" in told.out
    assert "no  comment exports: The Redis at 127.0.0.1:1 cannot be reached" in told.out
    assert "ok  all other jobs: rest in" in told.out


def test_the_estimate_tells_what_the_balance_does_not_suffice_for(program, outside):
    """Somebody who would agree to 20 calls with 12 left is told so; of several targets it is told
    what looking them up takes."""
    outside.control(hiker_requests=12)
    said = program("extract", "followers", "flat2000", "--yes", "--max-calls", "2", "-o", "a.csv")
    assert "about 20 to 40 calls" in said.err and "These do not suffice" in said.err
    outside.control(hiker_requests=None)
    words = ("flat60", "missing1", "--yes", "--max-calls", "1", "-o", "b.csv")
    said = program("extract", "followers", *words)
    assert "2 targets of unknown size: at least 2 calls" in said.err
    assert "do not suffice" not in said.err
