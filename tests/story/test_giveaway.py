"""Somebody runs a giveaway."""

import json
import signal

import pytest

ROUNDS = [
    {
        "round": 123,
        "signature": "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482"
        "e26cd02df835d3546d23c4b13e0dfc92",
    },
    {
        "round": 657413,
        "signature": "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be"
        "41076862b98fad56e91a6b85b89cd97b",
    },
]
FILE = ("--beacon", "file:rounds.json", "--round", "657413")


@pytest.fixture
def job(cli, oracle) -> str:
    """A finished export of 120 comments and replies, and two public rounds in a file."""
    (cli.folder / "rounds.json").write_text(json.dumps(ROUNDS))
    return cli("export", "comments", oracle.mixed(120), "-o", "a.csv", "--json").json["id"]


def test_a_newcomer_draws_and_verifies_without_an_account(cli):
    """export, draw, verify: the draw waits for a round of the sandbox's beacon, and its receipt is
    true, if not provable, since anybody can foresee that beacon."""
    exported = cli("export", "comments", "small", "--sandbox", "-o", "a.csv", "--json").json
    drawn = cli(
        *("draw", exported["id"][:8], "--winners", "2", "--alternates", "1"),
        *("--delay", "2s", "-o", "receipt.json"),
    )
    assert "7 comments, of which" in drawn.err
    assert "Publish this before" in drawn.err
    assert "time-stamped" in drawn.err
    assert drawn.out.startswith("Winners:\n    1  @")
    receipt = json.loads((cli.folder / "receipt.json").read_bytes())
    assert receipt["commit"] in drawn.err
    verdict = cli("verify", "receipt.json", "--sandbox", "--commit", receipt["commit"], code=4)
    assert "NOT PROVABLE" in verdict.out
    text = (cli.folder / "receipt.json").read_text()
    (cli.folder / "forged.json").write_text(text.replace('"winners":2', '"winners":1', 1))
    assert "FALSE" in cli("verify", "forged.json", "--sandbox", code=1).out


def test_nothing_is_drawn_for_a_receipt_that_cannot_be_written(cli, job):
    """A draw stands, and to run it again would be another: so a file that cannot be made is refused
    before anything is drawn, committed or taken away, by either protocol."""
    for path in ("no/such/r.json", ".", "/dev/null"):
        for protocol in (("--protocol", "1"), FILE):
            cli("draw", job, "--winners", "1", *protocol, "-o", path, code=2)
    assert json.loads(cli("giveaways", "list", "--json").out) == []
    drawn = cli("draw", job, "--winners", "1", *FILE, "-o", "r.json", "--json").json
    taken = ("giveaways", "disqualify", drawn["giveawayId"], "1", "--reason", "a bot")
    cli(*taken, "-o", "no/such/r.json", code=2)
    shown = cli("giveaways", "show", drawn["giveawayId"], "--json").json
    assert [each["status"] for each in shown["winners"]] == ["active"]


def test_a_rehearsal_from_commitment_to_disqualification(cli, job):
    """A round of the past from a file: drawn at once, and the receipt says not provable. A place
    is taken away, an entrant is shown their entry, all of it is told afterwards."""
    drawn = cli("draw", job, "--winners", "2", *FILE, "-o", "r.json", "--json")
    record = drawn.json
    assert (record["protocol"], record["exportId"]) == (2, job)
    assert record["receipt"] == str(cli.folder / "r.json")
    assert "This is a rehearsal" in drawn.err
    assert "not" in cli("verify", "r.json", "--json", code=4).json["verdict"]
    first, second = record["winners"]
    name = first["participant"]["username"]
    opened = json.loads(cli("giveaways", "opening", record["giveawayId"][:8], f"@{name}").out)
    assert opened["entry"]["id"] == first["participant"]["commentId"]
    again = cli(
        *("giveaways", "disqualify", record["giveawayId"], name, "--reason", "a bot"),
        *("-o", "r.json", "--json"),
    ).json
    assert [each["status"] for each in again["winners"]] == ["deprecated", "active", "active"]
    assert again["winners"][1]["participant"] == second["participant"]
    cli("giveaways", "page", "r.json", "-o", "public", "--masked")
    page = (cli.folder / "public" / "index.html").read_text("utf-8")
    assert record["commit"] in page and name not in page
    shown = cli("giveaways", "show", record["giveawayId"]).out
    assert f"@{name}" in shown and "was passed over: a bot" in shown
    (item,) = json.loads(cli("giveaways", "list", "--json").out)
    assert (item["activeWinnerCount"], item["protocol"]) == (2, 2)


def test_ctrl_c_during_the_wait_loses_nothing(cli, job, until):
    """The wait ends with 130 and the command to go on; the same words go on with the commitment
    that they made, and so does reveal."""
    words = ("draw", job, "--winners", "1", "--beacon", "file:rounds.json", "--delay", "1h")
    running = cli.start(*words)
    listed: list[dict] = []

    def committed() -> bool:
        listed[:] = json.loads(cli("giveaways", "list", "--json").out)
        return bool(listed)

    until(committed)
    running.send(signal.SIGINT)
    stopped = running.ended()
    assert stopped.code == 130, stopped
    short = listed[0]["giveawayId"][:8]
    assert f"giveaways reveal {short} --beacon file:rounds.json" in stopped.err
    early = cli("giveaways", "reveal", short, "--beacon", "file:rounds.json", "--no-wait", code=3)
    assert "is due at" in early.err
    running = cli.start(*words[:-1], "2h")
    until(lambda: "Going on with giveaway" in running.err)
    until(lambda: "the delay of 7200 s is ignored" in running.err)
    running.send(signal.SIGINT)
    assert running.ended().code == 130
    assert len(json.loads(cli("giveaways", "list", "--json").out)) == 1


def test_protocol_1_prints_the_record_and_what_it_cannot_promise(cli, job):
    """The same draw time draws the same winners; the record verifies from the comment ids."""
    words = ("draw", job, "--protocol", "1", "--winners", "3", "--at", "2026-01-31T19:00+01:00")
    first = cli(*words, "-o", "one.json", "--json")
    assert first.json["createdAt"] == "2026-01-31T18:00:00.000Z"
    assert "protocol" not in first.json
    assert "could have steered it" in first.err
    assert cli(*words, "--json").json["winners"] == first.json["winners"]
    assert "PROVEN" in cli("verify", "one.json", "--ids", "a.csv").out


def test_a_draw_1_with_rules_is_verified_from_the_ids_of_those_who_took_part(cli, job, oracle):
    """The whole export does not tell whom the rules left out: not provable, and it names the
    command whose list proves it. A record that was changed is false by either."""
    drawn = cli("draw", job, "--protocol", "1", "--no-replies", "-o", "one.json", "--json").json
    whole = cli("verify", "one.json", "--ids", "a.csv", code=4)
    assert "NOT PROVABLE" in whole.out and "ingather giveaways show ID --ids" in whole.out
    listed = cli("giveaways", "show", drawn["giveawayId"][:8], "--ids").out.split()
    assert len(listed) == drawn["filteredParticipantCount"] and listed == sorted(listed)
    cli("giveaways", "show", drawn["giveawayId"], "--ids", "-o", "ids.txt")
    assert (cli.folder / "ids.txt").read_text().split() == listed
    assert "PROVEN" in cli("verify", "one.json", "--ids", "ids.txt").out
    drawn["winners"][0]["winnerIndex"] += 1
    (cli.folder / "one.json").write_text(json.dumps(drawn))
    for each in ("a.csv", "ids.txt"):
        assert "FALSE" in cli("verify", "one.json", "--ids", each, code=1).out


def test_a_draw_2_has_no_ids_to_show(cli, job):
    """Its receipt alone verifies it; the sentence says how to get that."""
    number = cli("draw", job, *FILE, "-o", "r.json", "--json").json["giveawayId"]
    assert "-o RECEIPT.json" in cli("giveaways", "show", number, "--ids", code=2).err


def test_commit_then_anchor_by_a_comment(cli, job, oracle):
    """A commitment prints its hash alone; a comment that does not hold it is no anchor, one told
    by hand is recorded."""
    commit = cli("giveaways", "commit", job, "--beacon", "file:rounds.json", "--delay", "1h")
    assert len(commit.out.strip()) == 64
    (item,) = json.loads(cli("giveaways", "list", "--json").out)
    number, comment = item["giveawayId"], next(iter(oracle.rows(oracle.mixed(120))))
    words = ("giveaways", "anchor", number, "--comment", comment)
    assert "does not hold the hash" in cli(*words, "--job", job, code=2).err
    by_hand = (*words, "--username", "@shop", "--timestamp")
    assert "older than the commitment" in cli(*by_hand, "2026-01-31T18:00Z", code=2).err
    at = item["createdAt"]
    cli(*by_hand, at)
    shown = cli("giveaways", "show", number).out
    assert f"anchor: comment {comment} of @shop, {at[:19]}" in shown
    assert "Give --tsa or --comment" in cli("giveaways", "anchor", number, code=2).err


def test_what_cannot_be_meant_is_one_clear_sentence(cli, job):
    """Bad input ends with its exit code and a sentence, before anything is committed to."""
    for words, code, said in (
        (("nothing",), 1, "Export not found"),
        ((job, "--winners", "500", *FILE), 1, "Cannot select 500 winners from"),
        ((job, "--keyword", "xyzzy", *FILE), 1, "No participants available after filtering"),
        ((job, "--mentions", "99", *FILE), 1, "comments is out: it mentions too few accounts ("),
        ((job, "--since", "2026-01-31"), 2, "does not say in which time zone"),
        ((job, "--at", "2026-01-31T18:00Z"), 2, "--at is for protocol 1"),
        ((job, "--round", "123"), 2, "has been public since"),
    ):
        assert said in cli("draw", *words, code=code).err
    assert json.loads(cli("giveaways", "list", "--json").out) == []
    assert "There is no giveaway nothing" in cli("giveaways", "show", "nothing", code=2).err


def test_an_export_with_a_gap_is_refused_until_it_is_accepted(cli, oracle):
    """The refusal says what is missing; accepted, the receipt repeats it."""
    (cli.folder / "rounds.json").write_text(json.dumps(ROUNDS))
    post = oracle.posts["restricted"]
    job = cli("export", "comments", post, "-o", "a.csv", "--json").json["id"]
    refused = cli("draw", job, *FILE, code=1)
    assert "Error: Export is not complete" in refused.err
    assert "20 of them were not listed" in refused.err
    cli("draw", job, *FILE, "--accept-incomplete", "-o", "r.json")
    snapshot = json.loads((cli.folder / "r.json").read_bytes())["commitment"]["snapshot"]
    assert "20 of them were not listed" in snapshot["words"][0]
    explained = cli("draw", job, "--accept-incomplete", "--explain", "nobody_at_all", code=1)
    assert "No comment of @nobody_at_all" in explained.err
