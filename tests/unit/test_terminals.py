"""What people and programs see of us through narrow terminals, pipes and other alphabets."""

import io
import json
import sys

import pytest
from msgspec import structs
from rich.console import Console

from ingather import __main__
from ingather.cli import show, tables
from ingather.cli.texts import many
from ingather.domain import receipt
from ingather.domain.job import Counters, TargetState
from ingather.engine import lease

ID = "178900287273912455"


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_pipe_gets_utf_8(monkeypatch, encoding):
    """What programs read is UTF-8, as JSON has to be, whatever the system's alphabet is."""
    bare = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bare, encoding=encoding))
    __main__._any_letter()
    print(json.dumps("Brötchen 🥖", ensure_ascii=False), flush=True)
    assert json.loads(bare.getvalue()) == "Brötchen 🥖"


def test_a_terminal_shows_what_it_can(monkeypatch):
    """A letter that a terminal lacks is a question mark there, and never the end of a command."""
    bare = Terminal()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bare, encoding="latin-1"))
    __main__._any_letter()
    print("Brötchen 🥖…", flush=True)
    assert bare.getvalue().decode("latin-1").strip() == "Brötchen ??"


@pytest.mark.parametrize("width", [20, 40, 60])
def test_an_id_stays_whole_on_a_narrow_terminal(monkeypatch, width):
    """Columns that may not give way are never cut, however narrow the terminal."""
    out = io.StringIO()
    monkeypatch.setattr(tables, "console", lambda: Console(file=out, width=width))
    caption = "a caption that is longer than there is room for"
    tables.table({"id": "", "of": "", "rows": "right", "caption": "cut"},
                 [[ID, "DN3Ls_TlX2G", "1,234", caption]])  # fmt: skip
    head, row = out.getvalue().splitlines()
    assert ID in row and "DN3Ls_TlX2G" in row and "1,234" in row
    assert caption not in row and "…" in row
    assert head.split() == ["id", "of", "rows", "caption"]


@pytest.mark.parametrize(("kept", "known", "told"), [(0, 0, "0"), (9, 0, "unknown"), (9, 7, "7")])
def test_users_that_nothing_tells_of_are_unknown(make, kept, known, told):
    """Nine followers of an archive, which has no ids, are not "0 users"."""
    job = make.job(kind="followers", counters=Counters(appended=kept, uniq_users=known))
    assert receipt.full(job)["uniqueUsers"] == (None if told == "unknown" else known)
    assert f"· users {told}" in "\n".join(show.receipt_lines(job))


def test_what_a_post_gave_is_named_by_the_post(make):
    """Of whichever source the commenters or likers came, it is the post that tells two jobs apart,
    and not the account that has both posts."""
    target = structs.replace(make.job().target, username="shop", shortcode="CtZ", permalink="p/CtZ")
    job = make.job(kind="commenters", targets=(TargetState(target=target),))
    assert (show.of(job), show.name(job)) == ("commenters of p/CtZ", "CtZ")
    job = make.job(kind="reels", targets=(TargetState(target=target),))
    assert (show.of(job), show.name(job)) == ("reels of @shop", "shop")


def test_a_job_that_nobody_runs_is_not_said_to_run(make):
    """Whose process is dead, or has just given up where no store could be told of it."""
    alive = lease.this_process()
    for holder in (None, structs.replace(alive, pid=2**22 + 1)):
        job = make.job(status="running", holder=holder)
        assert show.receipt_lines(job)[0].startswith("Stopped in the middle: ")
    job = make.job(status="running", holder=alive)
    assert show.receipt_lines(job)[0].startswith("Running: ")


def test_an_archive_of_several_parts_is_named_in_a_line(make):
    """The parts of an archive stand in one line, in the receipt and in the list of jobs."""
    state = TargetState(target=make.job().target, words="/a/one.zip\n/a/two.zip")
    target = structs.replace(state.target, permalink=None)
    job = make.job(kind="followers", targets=(structs.replace(state, target=target),))
    assert show.receipt_lines(job)[0].endswith("followers of /a/one.zip, /a/two.zip")
    assert show.name(job) == "/a/one.zip, /a/two.zip"


@pytest.mark.parametrize(
    ("reason", "said"), [("end_of_list", "the list is empty"), ("unreachable", "nothing could be")]
)
def test_what_nobody_could_read_is_not_called_empty(make, reason, said):
    """A file without rows says whether there were none, or nobody could look."""
    job = make.job(kind="followers", status="done", reason=reason)
    assert said in "\n".join(show.warnings(job))


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [(0, None, "0 calls"), (1, None, "1 call"), (2_000, None, "2,000 calls"), (1, 1, "1 call"),
     (1, 3, "1 to 3 calls")],
)  # fmt: skip
def test_one_is_not_many(least, most, said):
    """Nobody reads "1 calls"."""
    assert many(least, "calls", most) == said
