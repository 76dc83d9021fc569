"""Giveaways in words: who takes part, what to publish, who has won, the countdown."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingather.cli.run import program, say, say_result
from ingather.cli.tables import table
from ingather.domain import giveaway, giveaway_words
from ingather.domain.draw1 import CANNOT_PROMISE
from ingather.domain.giveaway import GiveawayRecord, GiveawayWinner
from ingather.domain.giveaway_draw import Draw, Note
from ingather.domain.giveaway_rules import REASONS, moment
from ingather.features.giveaway_plan import Plan

if TYPE_CHECKING:
    from ingather.domain.beacon import Chain


_PERIOD = 60.0
"""Seconds within which a round follows the delay that was asked for, on any chain."""


class Countdown:
    """Seconds until the draw, on one line of a terminal; nothing where there is none."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._late = False

    def __call__(self, seconds: float) -> None:
        if not seconds and not self._late:
            self._late = True
            self.clear()
            say("The round is late. The draw waits for it, however long: nothing can replace it.")
        if self._shown and seconds:
            minutes, rest = divmod(round(seconds), 60)
            print(f"\r\033[KThe draw is in {minutes}:{rest:02d}  ", end="", file=sys.stderr)
            sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def tell_plan(plan: Plan) -> None:
    """How many take part, where the others went, and what the exports lack."""
    counts = plan.judged.counts()
    entries = sum(count for _, count in plan.judged.admitted)
    more = f" with {entries:,} entries" if entries != len(plan.judged.admitted) else ""
    say(
        f"{len(plan.judged.fates):,} comments, of which {counts.get('admitted', 0):,} take"
        f" part{more}."
    )
    for reason, count in counts.items():
        if reason != "admitted":
            say(f"  {count:>9,}  {REASONS[reason]}")
    for flaw in plan.gathered.flaws:
        say(f"Not complete: {flaw} The receipt will say so.")
    for note in plan.gathered.notes:
        say(f"Note: {note}")


def tell_fates(plan: Plan, username: str) -> int:
    """Why each comment of an account is in or out; the exit code."""
    name = username.strip().lstrip("@").lower()
    found = plan.judged.of(username)
    if not found:
        say(f"No comment of @{name} is in the export.")
        return 1
    for comment, fate in found:
        state = "in " if fate.admitted else "out"
        print(f"{state}  {comment.comment_id}  {comment.timestamp}  {fate.words}")
    return 0


def tell_commitment(draw: Draw, record: GiveawayRecord, chain: "Chain", *, past: bool) -> None:
    """What is to be published, or that this is no more than a rehearsal."""
    say(f"\nGiveaway {draw.giveaway_id} is committed to.")
    if past:
        say(
            f"This is a rehearsal: round {record.round} has been public since {draw.due_at}, so"
            " that its receipt will not be provable."
        )
        return
    if not chain.trusted:
        say("This is a rehearsal: the sandbox's beacon can be foreseen by anybody.")
    say(f"Publish this before {draw.due_at}:\n")
    say(giveaway_words.publication(record, chain.name) + "\n")


def tell_going_on(record: GiveawayRecord, *, delay: float, number: int | None) -> None:
    """That the commitment of the same words stands, and that its round does too.

    delay: seconds, and number: a round, as they were asked for this time.
    """
    say(f"Going on with giveaway {record.giveaway_id}, which these words committed to.")
    due, made = moment(record.round_time or ""), moment(record.created_at)
    kept = number == record.round
    if number is None:
        kept = 0 <= (due - made).total_seconds() - delay < _PERIOD
    if not kept:
        ignored = "--round" if number else f"the delay of {delay:g} s"
        say(
            f"Its round stays {record.round}, public at {record.round_time}; {ignored} is ignored:"
            " who could still move the round could choose the winners."
        )


def tell_winners(record: GiveawayRecord) -> None:
    """Winners, alternates, and those that were passed over."""
    for title, listed in (("Winners", record.winners), ("Alternates", record.alternates)):
        if not listed:
            continue
        say_result(f"{title}:")
        for each in listed:
            say_result(_line(each))


def _line(winner: GiveawayWinner) -> str:
    person = winner.participant
    name = f"@{person.username}" if person.username else f"user {person.user_id}"
    if winner.status == "active":
        return f"  {winner.winner_number:>3}  {name}  (comment {person.comment_id})"
    why = winner.reason or f"already won, attempt {winner.attempt}"
    return f"    -  {name}  (comment {person.comment_id}) was passed over: {why}"


def tell_unproven() -> None:
    """What draw/1 cannot promise."""
    say("This is protocol 1: anybody can repeat the draw, and its organiser could have steered it:")
    for sentence in CANNOT_PROMISE:
        say(f"  - {sentence}")
    say("Protocol 2, the default, leaves the organiser no such choice.")


def as_json(record: GiveawayRecord, **more: Any) -> str:
    """The GiveawayRecord, and beside it what else there is to say."""
    return json.dumps(json.loads(giveaway.text(record)) | more, ensure_ascii=False)


def items(records: Sequence[GiveawayRecord]) -> None:
    """The list of giveaways, for a terminal or a pipe."""
    columns = {"id": "", "post": "", "protocol": "right", "status": "", "winners": "right"}
    rows = [
        [
            record.giveaway_id[:8],
            record.post.permalink or record.post.media_id,
            str(record.protocol),
            record.status,
            f"{giveaway.item(record).active_winner_count} of {record.options.winner_count}",
            record.created_at[:16].replace("T", " "),
            record.round_time[:16].replace("T", " ") if record.round_time else "",
        ]
        for record in records
    ]
    table(columns | {"created": "", "round": ""}, rows)


def tell_whole(record: GiveawayRecord, draw: Draw | None, notes: Sequence[Note]) -> None:
    """One giveaway: post, rules, commitment, winners, and what was done to it."""
    print(f"Giveaway {record.giveaway_id}, protocol {record.protocol}, {record.status}")
    for post in record.every_post:
        print(f"  of {post.permalink or post.media_id}")
    if draw is not None:
        said = json.loads(draw.text)
        print(f"  commitment {draw.commit}, number {draw.seq} of this installation")
        print(f"  round {record.round}, due at {draw.due_at}")
        for anchor in draw.anchors:
            print(f"  anchor: {_anchor(anchor)}")
        for sentence in said["rules"]["words"] + said["snapshot"]["words"]:
            print(f"  {sentence}")
    tell_winners(record)
    print("Done so far:")
    for note in notes:
        print(f"  {note.at}  {note.action} by {note.who}")


def _anchor(anchor: object) -> str:
    from ingather.domain.draw_receipt import Posted

    if isinstance(anchor, Posted):
        return f"comment {anchor.id} of @{anchor.username}, {anchor.timestamp}"
    return "a time stamp (RFC 3161)"


def tell_receipt(path: Path, record: GiveawayRecord) -> None:
    """Where the receipt is, and how it is verified."""
    say(f"Receipt: {path}")
    sandbox = " --sandbox" if rehearsed(record) else ""
    say(f"To verify it: {program()} verify {path}{sandbox} --commit {record.commit}")


def rehearsed(record: GiveawayRecord) -> bool:
    """Whether it was drawn on the sandbox's own chain."""
    from ingather.domain.beacon import SANDBOX

    return record.chain == SANDBOX.hash
