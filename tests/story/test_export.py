"""Somebody exports the comments of a post."""

import csv
import gzip
import hashlib
import io
import json
import time
from datetime import datetime

import pytest


def parsed(name: str, data: bytes) -> list[dict]:
    """The rows of a file, however it is written, as id, parent and text."""
    if name.endswith(".gz"):
        data, name = gzip.decompress(data), name[:-3]
    if name.endswith(".csv"):
        assert data.startswith(b"\xef\xbb\xbf")
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
        return [{"id": row["commentId"], "parent": row["parentCommentId"] or None} for row in rows]
    if name.endswith(".jsonl"):
        rows = [json.loads(line) for line in data.decode().splitlines()]
    elif name.endswith(".json"):
        rows = json.loads(data)
        rows = rows.get("comments") or rows.get("rows") or rows["data"]
    elif name.endswith(".xlsx"):
        import openpyxl

        sheet = openpyxl.load_workbook(io.BytesIO(data), read_only=True).worksheets[0]
        lines = sheet.iter_rows(values_only=True)
        head = next(lines)
        rows = [dict(zip(head, line, strict=True)) for line in lines]
    else:
        from pyarrow import parquet

        rows = parquet.read_table(io.BytesIO(data)).to_pylist()
    return [{"id": row["commentId"], "parent": row.get("parentCommentId") or None} for row in rows]


@pytest.mark.parametrize(
    "name", ["a.csv", "a.xlsx", "a.json", "a.jsonl", "a.parquet", "a.csv.gz", "a.jsonl.gz"]
)
def test_a_post_becomes_a_file_in_the_format_of_its_ending(cli, oracle, name):
    """Every row is in the file; beside it lies a receipt that knows its hash."""
    post = oracle.mixed(230)
    answer = cli("export", "comments", post, "-o", name)
    data = (cli.folder / name).read_bytes()
    rows = parsed(name, data)
    expected = oracle.rows(post)
    assert {row["id"]: row["parent"] for row in rows} == {
        each: parent for each, (_, parent) in expected.items()
    }
    assert len(rows) == len(expected)
    receipt = json.loads((cli.folder / f"{name}.receipt.json").read_bytes())
    assert receipt["file"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert (receipt["kept"], receipt["gap"], receipt["ended"]) == (230, 0, "end_of_list")
    assert receipt["complete"] is True
    assert "Done: 230 comments" in answer.out


def test_a_post_may_be_named_by_id_shortcode_or_address(cli, oracle):
    """However the post is named, it is the same post."""
    media_id = oracle.posts["small"]
    post = oracle._world.post(media_id)
    for number, words in enumerate((media_id, post.shortcode, post.permalink)):
        answer = cli("export", "comments", words, "-o", f"{number}.jsonl", "--json")
        assert answer.json["rows"] == 7, answer
        if words == media_id:
            assert f"Read as the media id {media_id}" in answer.err
    files = {(cli.folder / f"{number}.jsonl").read_bytes() for number in range(3)}
    assert len(files) == 1


def test_standard_output_holds_the_rows_and_nothing_else(cli, oracle):
    """-o - is pure: what is printed is the file, byte for byte."""
    post = oracle.mixed(120)
    cli("export", "comments", post, "-o", "a.jsonl")
    piped = cli("export", "comments", post, "--format", "jsonl", "-o", "-")
    assert piped.raw == (cli.folder / "a.jsonl").read_bytes()
    assert "Done: 120 comments" in piped.err


def test_a_reader_that_has_had_enough_is_no_failure(cli, oracle):
    """`| head` ends the output early, without a word of complaint, of rows or of a table."""
    import os

    reading, writing = os.pipe()
    os.close(reading)
    answer = cli(
        "export", "comments", oracle.flat(3_000), "--format", "jsonl", "-o", "-", out=writing
    )
    assert "BrokenPipe" not in answer.err
    assert cli("jobs", "list", out=writing).err == ""
    os.close(writing)
    assert cli.job()["rows"] == 3_000


def test_json_is_one_object_with_id_and_receipt(cli, oracle):
    """--json prints one object for programs, and the sandbox's line stays out of it."""
    answer = cli("export", "comments", "small", "--sandbox", "--json", "-o", "a.csv")
    told = answer.json
    assert told["status"] == "done"
    assert told["receipt"]["kept"] == told["rows"] == 7
    assert told["file"] == str(cli.folder / "a.csv")
    assert cli.job()["id"] == told["id"]
    assert "Sandbox: Instagram is played by" in answer.err


def test_max_keeps_so_many_and_says_that_it_stopped(cli, oracle):
    """--max N keeps the first N and names the limit."""
    answer = cli("export", "comments", oracle.flat(300), "--max", "70", "-o", "a.csv", "--json")
    assert (answer.json["rows"], answer.json["reason"]) == (70, "limit")
    assert len(parsed("a.csv", (cli.folder / "a.csv").read_bytes())) == 70


def test_without_replies_only_comments_are_kept(cli, oracle):
    """--no-replies leaves replies out, and takes no gap from them."""
    post = oracle.mixed(230)
    answer = cli("export", "comments", post, "--no-replies", "-o", "a.jsonl", "--json")
    tops = {each for each, (_, parent) in oracle.rows(post).items() if parent is None}
    rows = parsed("a.jsonl", (cli.folder / "a.jsonl").read_bytes())
    assert {row["id"] for row in rows} == tops
    assert answer.json["receipt"]["gap"] is None


def test_raw_csv_is_for_machines(cli, oracle):
    """--raw-csv has no BOM."""
    cli("export", "comments", oracle.posts["small"], "--raw-csv", "-o", "a.csv")
    assert (cli.folder / "a.csv").read_bytes().startswith(b"commentId,")


def test_since_last_takes_only_what_is_newer(cli, oracle):
    """Nothing new since the last export: an empty file that says up to date, however often."""
    post = oracle.flat(160)
    cli("export", "comments", post, "-o", "a.jsonl")
    answer = cli("export", "comments", post, "--since-last", "-o", "b.jsonl", "--json")
    assert (answer.json["rows"], answer.json["reason"]) == (0, "up_to_date")
    assert answer.json["receipt"]["pages"] == 2
    assert (cli.folder / "b.jsonl").read_bytes() == b""
    again = cli("export", "comments", post, "--since-last", "-o", "c.jsonl", "--json")
    assert (again.json["rows"], again.json["reason"]) == (0, "up_to_date")


def test_what_was_cut_is_no_ground_to_go_on_from(cli, oracle, outside):
    """--since-last after an export that --max cut brings what that one left behind, too."""
    post = oracle.flat(170)

    def new(*words: str) -> tuple[int, str]:
        said = cli("export", "comments", post, "--since-last", *words, "--json").json
        return said["rows"], said["reason"]

    cli("export", "comments", post, "--max", "20", "-o", "a.jsonl")
    assert new() == (170, "end_of_list")
    outside.control(late={post: [None] * 6})
    assert new("--max", "2") == (2, "limit")
    assert new() == (6, "up_to_date")
    assert new() == (0, "up_to_date")


def test_replies_under_older_comments_are_found_as_far_back_as_one_looks(cli, oracle, outside):
    """--since-last says what it did not look for; --look-back finds new replies so far back, each
    of them once, and says before what it will cost."""
    post = oracle.mixed(1_000)
    place = oracle._world.post(post)
    near, far, oldest = (oracle._world.top_level(place, at) for at in (20, 150, 500))
    cli("export", "comments", post, "-o", "whole.jsonl")
    outside.control(late={post: [near.id, None, far.id, oldest.id, far.id, None]})

    def new(name: str, *words: str) -> tuple[object, list[dict]]:
        answer = cli("export", "comments", post, "--since-last", *words, "-o", name)
        return answer, parsed(name, (cli.folder / name).read_bytes())

    answer, rows = new("first.jsonl")
    assert [row["parent"] for row in rows] == [None, None, near.id]
    assert "not looked for: new replies under comments from before" in answer.out
    assert "counts 6 more than at the last export, and 3 are new here: at least 3" in answer.err
    age = int(time.time() - datetime.fromisoformat(far.timestamp).timestamp()) + 60
    answer, rows = new("second.jsonl", "--look-back", f"{age}s")
    assert [row["parent"] for row in rows] == [far.id, far.id]
    pages = json.loads((cli.folder / "second.jsonl.receipt.json").read_bytes())["pages"]
    assert pages == 9
    assert f"read again for new replies: about {pages} calls" in answer.err
    answer, rows = new("third.jsonl", "--look-back", "900d")
    assert [row["parent"] for row in rows] == [oldest.id]
    _, rows = new("fourth.jsonl", "--look-back", "900d")
    assert rows == []


def test_looking_back_goes_with_what_is_new(cli, oracle, outside):
    """--look-back without --since-last, without replies, or without a unit, is refused before
    anything is asked."""
    export = ("export", "comments", oracle.posts["small"], "--look-back", "7d")
    answer = cli(*export, code=2)
    assert "Add --since-last" in answer.err
    answer = cli(*export, "--since-last", "--no-replies", code=2)
    assert "--no-replies" in answer.err
    answer = cli(*export[:-1], "7", "--since-last", code=2)
    assert "7d for days" in answer.err
    assert outside.calls() == []


def test_a_gap_is_told_and_strict_makes_it_a_failure(cli, oracle):
    """Comments that are counted and not listed: exit 0 with a note, 1 with --strict."""
    post = oracle.posts["restricted"]
    answer = cli("export", "comments", post, "-o", "a.csv")
    assert "20 comments are counted by Instagram and not listed" in answer.err
    assert "gap 20" in answer.out
    cli("export", "comments", post, "-o", "b.csv", "--strict", code=1)


def test_a_finished_export_is_not_reused(cli, oracle):
    """The same command after the end is a new job."""
    post = oracle.posts["small"]
    first = cli("export", "comments", post, "-o", "a.csv", "--json").json["id"]
    second = cli("export", "comments", post, "-o", "a.csv", "--json").json["id"]
    assert first != second
    assert [job["id"] for job in cli.jobs()] == [second, first]
