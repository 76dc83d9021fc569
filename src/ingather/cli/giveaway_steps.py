"""The steps that `draw` does in one go and `giveaways` does one by one."""

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ingather.cli.run import INTERRUPTED, PAUSED, program, say, stoppable, world

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.domain.giveaway import GiveawayRecord
    from ingather.domain.giveaway_draw import Draw
    from ingather.features.giveaway_plan import Plan


async def sandboxed(jobs: Sequence[str], beacon: str | None, *, sandbox: bool) -> bool:
    """Whether Instagram and the beacon are to be played: as asked, or as the export was made."""
    from ingather import errors
    from ingather.cli.finding import find

    if sandbox or beacon is not None:
        return sandbox or beacon == "sandbox"
    async with world() as here:
        try:
            return bool((await find(here, jobs[0])).options.sandbox)
        except errors.JobNotFound:
            return False


async def make_commitment(
    here: "World",
    plan: "Plan",
    *,
    delay: float,
    beacon: str | None,
    number: int | None,
    anchor: str | None,
) -> "GiveawayRecord":
    """Commit, print what is to be published, and have it time-stamped where that can be."""
    from ingather import errors
    from ingather.cli import giveaway_show

    if anchor not in (None, "tsa", "none"):
        raise errors.BadInput(
            f"There is no anchor {anchor!r}.",
            hint="It is tsa or none; a posted comment is told by `ingather giveaways anchor`.",
        )
    if anchor == "tsa" and here.time_stamps is None:
        raise errors.BadSetting(
            "There is no time-stamp authority to ask.", hint="Set TSA_URL to one."
        )
    chain = here.beacon(beacon).chain
    recorded = beacon is not None and beacon.startswith("file:")
    chosen = here.drawing.round(chain, delay=delay, number=number, recorded=recorded)
    draw = await here.drawing.commit(plan, chain, chosen)
    record = await here.drawn.show(draw.giveaway_id)
    past = draw.due_at <= record.created_at
    giveaway_show.tell_commitment(draw, record, chain, past=past)
    await _tell_others(here, draw)
    if anchor != "none" and here.time_stamps is not None and not past:
        await _stamped(here, draw, must=anchor == "tsa")
    return record


async def _tell_others(here: "World", draw: "Draw") -> None:
    """Other commitments to the same post are no secret: the receipt lists them."""
    history = await here.drawn.history(draw)
    if len(history) > 1:
        say(
            f"Note: this is commitment {len(history)} of this post; the receipt lists all of them,"
            " drawn or not."
        )


async def _stamped(here: "World", draw: "Draw", *, must: bool) -> None:
    from ingather import errors

    try:
        await stamp(here, draw)
    except errors.IngatherError as failure:
        if must:
            raise
        say(f"Note: there is no time stamp. {failure}")


async def stamp(here: "World", draw: "Draw") -> "Draw":
    """Ask the time-stamp authority for its word on a commitment, and keep it."""
    from ingather import errors
    from ingather.domain import draw_receipt

    if here.time_stamps is None:
        raise errors.BadSetting(
            "There is no time-stamp authority to ask.", hint="Set TSA_URL to one."
        )
    answer = await here.time_stamps.stamp(bytes.fromhex(draw.commit))
    draw = await here.drawn.anchor(draw, draw_receipt.stamp(answer))
    say("The commitment is time-stamped.")
    return draw


async def finish(
    here: "World",
    record: "GiveawayRecord",
    beacon: str | None,
    *,
    output: str | None,
    as_json: bool,
) -> int:
    """Wait for the round, draw, write the receipt, name the winners; the exit code."""
    from ingather.cli import giveaway_show
    from ingather.engine.stop import Stopped

    number = record.giveaway_id
    countdown = giveaway_show.Countdown()
    recorded = beacon is not None and beacon.startswith("file:")
    async with stoppable() as stop:
        try:
            await stop.within(
                here.drawn.wait(number, here.beacon(beacon), patient=not recorded, tell=countdown)
            )
        except Stopped:
            countdown.clear()
            say("The commitment stands, and its round cannot be missed. To go on:")
            say(f"  {program()} giveaways reveal {number[:8]}{_again(beacon)}")
            return INTERRUPTED if stop.signal == signal.SIGINT else PAUSED
        finally:
            countdown.clear()
    return await hand_over(here, number, output=output, as_json=as_json)


def _again(beacon: str | None) -> str:
    return f" --beacon {beacon}" if beacon else ""


async def hand_over(here: "World", giveaway_id: str, *, output: str | None, as_json: bool) -> int:
    """Write the receipt of a draw, and name the winners."""
    from ingather.cli import giveaway_show

    record = await here.drawn.show(giveaway_id)
    path = output or f"giveaway-{giveaway_id[:8]}.receipt.json"
    if not as_json and path != "-":
        giveaway_show.tell_winners(record)
    write_drawn(record, path, await here.drawn.receipt(giveaway_id))
    if as_json:
        named = None if path == "-" else str(Path.cwd() / path)
        print(giveaway_show.as_json(record, receipt=named))
    if path != "-":
        giveaway_show.tell_receipt(Path(path), record)
    return 0


def check(path: str | None) -> None:
    """Raise for a receipt that cannot be written, before winners are drawn: a draw stands, and to
    run it again would be another one. None: the name that a receipt gets by itself."""
    from ingather.exports import aside

    if path != "-":
        aside.probe(Path(path or "giveaway.receipt.json").expanduser().absolute())


def write_drawn(record: "GiveawayRecord", path: str, data: bytes) -> None:
    """The receipt of a draw that stands; where it cannot be written, how to have it later."""
    from ingather import errors

    try:
        write(path, data)
    except (errors.StorageFull, errors.UnwritablePath, errors.StoreError) as failure:
        later = f"{program()} giveaways show {record.giveaway_id[:8]} -o FILE"
        raise type(failure)(
            failure.message, hint=f"The draw stands. Its receipt: {later}"
        ) from None


def write(path: str, data: bytes) -> None:
    """A file that is whole or not there; - is standard output."""
    import sys

    from ingather.exports import aside

    if path == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    with aside.written(Path(path).expanduser().absolute()) as out:
        out.write(data)


def read(path: Path) -> bytes:
    """A file's bytes; raises BadInput."""
    from ingather import errors

    try:
        return path.expanduser().read_bytes()
    except OSError as failure:
        raise errors.BadInput(f"{path} cannot be read: {failure.strerror}.") from None


def folder(path: Path) -> None:
    """Make a folder where there is none; raises UnwritablePath."""
    from ingather import errors

    try:
        path.expanduser().mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise errors.UnwritablePath(f"{path} cannot be made: {failure.strerror}.") from None
