"""`ingather verify` as it is typed: verdicts, exit codes, bad input, and the file on its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingather.cli import app
from ingather.domain import draw_receipt, verifier

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "draw-receipt.md"


@pytest.fixture
def typed(tmp_path, receipts):
    """Run the command on a receipt; the test authority's root is trusted."""
    root = tmp_path / "root.pem"
    root.write_bytes(receipts.authority.root)

    def run(text: bytes, *words: str):
        path = tmp_path / "receipt.json"
        path.write_bytes(text)
        return CliRunner().invoke(app, ["verify", str(path), "--tsa-root", str(root), *words])

    return run


def test_proven_is_exit_0(typed, receipts):
    """The published hash may be pasted with blanks and in capitals."""
    text = receipts.make()
    commit = json.loads(text)["commit"]
    told = typed(text, "--commit", f" {commit.upper()} ")
    assert told.exit_code == 0 and told.stdout.startswith("PROVEN: ")
    assert "Draw 1 for this post, of 1" in told.stdout
    assert "Not proven" in told.stdout


def test_not_provable_is_exit_4(typed, receipts):
    """And it says what is missing."""
    told = typed(receipts.make())
    assert told.exit_code == 4 and told.stdout.startswith("NOT PROVABLE: ")
    assert "--commit" in told.stdout


def test_false_is_exit_1_and_names_the_check(typed, receipts):
    """In words and as JSON."""
    text = receipts.make().replace(b'"winners":2', b'"winners":1')
    told = typed(text)
    assert told.exit_code == 1 and told.stdout.startswith("FALSE: ")
    assert "“commitment”" in told.stdout
    found = json.loads(typed(text, "--json").stdout)
    assert (found["verdict"], found["check"]) == ("false", "commitment")


def test_the_installation_is_pinned_by_its_fingerprint(typed, receipts):
    """Its own: no change. Another: false."""
    own = draw_receipt.fingerprint(draw_receipt.public_key(receipts.installation))
    assert typed(receipts.make(), "--key", own).exit_code == 4
    assert typed(receipts.make(), "--key", "0" * 64).exit_code == 1


@pytest.mark.parametrize(
    "words",
    [
        ["verify"],
        ["verify", "nowhere.json"],
        ["verify", __file__, "--commit", "abc"],
        ["verify", __file__, "--key", "xyz"],
        ["verify", __file__, "--tsa-root", __file__],
        ["verify", __file__, "--ids", "nowhere.csv"],
    ],
)
def test_bad_input_is_exit_2_in_one_sentence(words):
    """Not a receipt's fault, and never a traceback."""
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 2
    assert told.stderr.startswith("Error: ") and len(told.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["\x1b[31mred", "a\nb", "\u202eevil"])
def test_names_cannot_command_the_terminal(typed, receipts, name):
    """Control characters of a username are shown as replaced."""
    frozen = receipts.frozen(1, [name])
    told = typed(receipts.make(frozen, receipts.committed(frozen, winners=1)))
    assert name not in told.stdout and "\N{REPLACEMENT CHARACTER}" in told.stdout


ROWS = [("10", "u3"), ("01", "u1"), ("02", "u2"), ("09", "u1")]


def record_of_draw_1():
    """A draw/1 of two winners among ROWS."""
    from msgspec import to_builtins

    from ingather.domain import draw1
    from ingather.domain.records import Comment

    comments = [
        Comment(comment_id=i, user_id=u, username=u, timestamp=None, like_count=0, text="=x")
        for i, u in ROWS
    ]
    drawn = draw1.draw(
        comments,
        post_id="1",
        post_date_iso="2025-01-01T00:00:00+0000",
        comment_count=4,
        giveaway_date_iso="2025-01-08T12:00:00.000Z",
        winner_count=2,
    )
    return {
        "createdAt": "2025-01-08T12:00:00.000Z",
        "post": {"mediaId": "1", "postDateIso": "2025-01-01T00:00:00+0000"},
        "commentCount": 4,
        "participantsHash": drawn.participants_hash,
        "filteredParticipantCount": drawn.filtered_participant_count,
        "options": {"uniqueUsers": True, "uniqueWinners": True, "winnerCount": 2},
        "winners": to_builtins(list(drawn.winners)),
    }


def test_a_record_of_draw_1_is_verified_from_the_export(tmp_path):
    """The CSV of the export, of which each user's first comment counts; or the bare ids."""
    path, csv, ids = (tmp_path / name for name in ("record.json", "comments.csv", "ids.txt"))
    path.write_text(json.dumps(record_of_draw_1()))
    lines = [f"{i},{u},x" for i, u in ROWS]
    csv.write_text("\ufeffcommentId,userId,text\r\n" + "\r\n".join(lines) + "\r\n", "utf-8")
    ids.write_text("01\n02\n10\n")
    for listed, code in ((csv, 0), (ids, 0), (path, 1)):
        told = CliRunner().invoke(app, ["verify", str(path), "--ids", str(listed)])
        assert told.exit_code == code, told.output
    assert CliRunner().invoke(app, ["verify", str(path)]).exit_code == 4


def test_a_record_of_draw_1_cannot_name_somebody_else(tmp_path):
    """The seed binds the comment and not the name: the export's CSV tells whose comment it is, and
    where bare ids are given the verdict says that nobody has looked."""
    record = record_of_draw_1()
    path, csv, ids = (tmp_path / name for name in ("record.json", "comments.csv", "ids.txt"))
    lines = [f"{i},{u},{u},x" for i, u in ROWS]
    csv.write_text("commentId,userId,username,text\n" + "\n".join(lines) + "\n", "utf-8")
    ids.write_text("01\n02\n10\n")

    def verify(listed):
        path.write_text(json.dumps(record))
        return CliRunner().invoke(app, ["verify", str(path), "--ids", str(listed)])

    assert verify(csv).exit_code == 0 and "whom the record names" not in verify(csv).stdout
    record["winners"][0]["participant"]["username"] = "friend"
    told = verify(csv)
    assert told.exit_code == 1 and "“winners”" in told.stdout
    assert "whom the record names" in verify(ids).stdout


def test_a_larger_export_is_false_only_where_it_cannot_be_the_one(tmp_path):
    """Rules may have left some of its comments out, unless it lacks a winner's comment or the
    record's own figures do not fit."""
    record = record_of_draw_1()
    path, csv = tmp_path / "record.json", tmp_path / "comments.csv"
    path.write_text(json.dumps(record))

    def verify(rows):
        lines = [f"{i},{u},x" for i, u in rows]
        csv.write_text("commentId,userId,text\n" + "\n".join(lines) + "\n", "utf-8")
        return CliRunner().invoke(app, ["verify", str(path), "--ids", str(csv)])

    others = [(str(i), f"u{i}") for i in range(20, 25)]
    told = verify([*ROWS, *others])
    assert (
        told.exit_code == 4 and "the export holds 9 comments, of which 3 took part" in told.stdout
    )
    first = record["winners"][0]["participant"]["commentId"]
    told = verify([*(row for row in ROWS if row[0] != first), *others])
    assert told.exit_code == 1 and "“participants”" in told.stdout


def test_an_export_with_odd_rows_is_read_as_it_was_written(tmp_path):
    """Characters that break a line nowhere but in Python; a comment without a user id, which never
    takes part."""
    path, csv = tmp_path / "record.json", tmp_path / "comments.csv"
    path.write_text(json.dumps(record_of_draw_1()))
    lines = [f"{i},{u},{u},one\u2028two\x85three" for i, u in ROWS] + ["00,,ghost,x"]
    csv.write_text("commentId,userId,username,text\n" + "\n".join(lines) + "\n", "utf-8")
    told = CliRunner().invoke(app, ["verify", str(path), "--ids", str(csv)])
    assert told.exit_code == 0, told.output


def test_a_csv_without_the_users_is_bad_input(tmp_path):
    """Who takes part cannot be told from it; the record is not called false for that."""
    path, csv = tmp_path / "record.json", tmp_path / "comments.csv"
    path.write_text(json.dumps(record_of_draw_1()))
    csv.write_text("commentId,text\n01,x\n")
    told = CliRunner().invoke(app, ["verify", str(path), "--ids", str(csv)])
    assert told.exit_code == 2 and "userId" in told.stderr


def test_a_disqualification_is_told_with_its_reason(typed, receipts):
    """Whoever reads the verdict sees who was passed over, and why, and nothing else of it."""
    frozen = receipts.frozen()
    struck = [draw_receipt.Disqualified(1, "no\x1b answer", "2023-09-15T11:06:00.000Z")]
    told = typed(receipts.make(frozen, receipts.committed(frozen), disqualified=struck))
    (line,) = [each for each in told.stdout.splitlines() if each.startswith("Disqualified")]
    assert line.endswith(": no\N{REPLACEMENT CHARACTER} answer") and "rank 1, @u" in line


def test_what_the_export_lacked_is_told(typed, receipts, monkeypatch):
    """A list that was known to be cut is never shown as if it were whole."""
    assert "Known when" not in typed(receipts.make()).stdout
    from ingather.domain import draw2

    whole = draw2.commitment
    snapshot = {"complete": False, "words": ["It was cut after 9 comments."]}
    monkeypatch.setattr(
        draw2, "commitment", lambda **given: whole(**(given | {"snapshot": snapshot}))
    )
    assert "Known when it was committed to: It was cut after" in typed(receipts.make()).stdout
    snapshot.pop("words")
    assert "does not say that its export was complete" in typed(receipts.make()).stdout


def test_the_verifier_runs_as_one_file(tmp_path, receipts):
    """Copied out, in a process that knows nothing of this package: the same verdicts."""
    alone = tmp_path / "verify_draw.py"
    told = CliRunner().invoke(app, ["verify", "--write-standalone", str(alone)])
    assert told.exit_code == 0
    text = receipts.make()
    (tmp_path / "receipt.json").write_bytes(text)
    (tmp_path / "root.pem").write_bytes(receipts.authority.root)
    site = next(path for path in sys.path if path.endswith("site-packages"))
    # Isolated, without the site module: neither PYTHONPATH nor an editable install is looked at.
    code = (
        f"import sys, runpy; sys.path.append({site!r}); sys.argv = sys.argv[1:];"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    run = [sys.executable, "-I", "-S", "-c", code, str(alone), "receipt.json"]
    known = ["--commit", json.loads(text)["commit"], "--tsa-root", "root.pem"]
    (tmp_path / "comments.csv").write_text("\ufeffcommentId,userId\n01,u1\n", "utf-8")
    table = ["--ids", "comments.csv"]
    for words, expected in ((known, 0), ([], 4), (["--commit", "0" * 64], 1), (table, 2)):
        done = subprocess.run(
            [*run, *words],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == expected, done.stdout + done.stderr
    assert "giveaways show ID --ids" in done.stderr
    assert "ingather" not in {
        line.split()[1].partition(".")[0]
        for line in alone.read_text("utf-8").splitlines()
        if line.startswith(("import ", "from "))
    }


def test_every_check_is_in_the_reference():
    """draw-receipt.md has a row for each check, in the verifier's words."""
    page = REFERENCE.read_text("utf-8")
    for name, told in verifier.CHECKS.items():
        assert f"| `{name}` | {told} |" in page
    import base64
    import hashlib

    for name, der in verifier.AUTHORITIES.items():
        fingerprint = hashlib.sha256(base64.b64decode(der)).hexdigest()
        assert f"| {name} | `{fingerprint}` |" in page


def test_every_field_of_a_receipt_is_in_the_reference(receipts):
    """draw-receipt.md has a row for each field of the first level, and of the commitment."""
    page = REFERENCE.read_text("utf-8")
    body = json.loads(receipts.make())
    for name in [*body, *(f"commitment.{each}" for each in body["commitment"] if each != "v")]:
        assert f"| `{name}` |" in page, name
