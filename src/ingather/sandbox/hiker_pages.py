"""HikerAPI's lists in pages: cursors of every sort that it has, and how its lists go wrong."""

import base64
import binascii
import json
from collections.abc import Sequence

from msgspec import Struct

from ingather.sandbox import pager
from ingather.sandbox.hiker_world import Listed
from ingather.sandbox.pager import Edge

OFFSET, TOKEN, NESTED, TAGGED, PAIRED = "offset", "token", "nested", "tagged", "paired"
"""Sorts of cursors: "25"; base64 of a token; base64 of JSON in a JSON string; of a JSON list; and
two numbers with _ between."""


class BadCursor(Exception):
    """A cursor of another way, or none at all."""


class Cut(Struct, frozen=True):
    """A page: the places to show, and the cursor as it is told (None or "" at the end)."""

    places: Sequence[int]
    cursor: str | None


class Ask(Struct, frozen=True):
    """Which page of which list: way: its path; sort: of its cursors; epoch: before it they died."""

    way: str
    sort: str
    size: int
    sent: str | None
    epoch: int = 0
    seed: int = 1
    faults: dict[str, float] = {}


def cut(listed: Listed, ask: Ask) -> Cut:
    """The page that is asked for."""
    place, turn = _read(ask) if ask.sent else (0, 0)
    mood = listed.mood
    if mood == "constant" and ask.sent:
        turn = 0
    edge = Edge(str(listed.id), ask.way, listed.shown, lambda _: None)
    step = pager.plan(edge, place, turn, ask.size, ask.faults, ask.seed)
    places, then = step.places, step.then
    due = (mood == "gap" and place == ask.size) or (mood == "odd" and place > 0)
    if (due and turn == 0) or "emptypage" in ask.faults:
        places, then = (), (place, turn + 1)
    elif mood == "odd" and then is not None and then[0] > place + 3:
        back = 1 + then[0] // ask.size % 3
        then = (then[0] - back, 1 if place else 0)  # turn 1: beyond the gap
    elif mood == "constant":
        then = (ask.size, 0)
    if "constantcursor" in ask.faults and ask.sent:
        return Cut(places, ask.sent)
    if then is None:
        return Cut(places, None if listed.id & 1 else "")
    return Cut(places, _write(ask, then[0], then[1]))


def _write(ask: Ask, place: int, turn: int) -> str:
    plain = f"{place}.{turn}.{ask.epoch}"
    match ask.sort:
        case "offset":
            return str(place) if (turn, ask.epoch) == (0, 0) else plain
        case "paired":
            return f"{place:019d}_{turn}{ask.epoch:05d}"
        case "nested":
            inner = json.dumps({"cached_comments_cursor": plain, "bifilter_token": ask.way})
            return _encode(json.dumps(inner))
        case "tagged":
            return _encode(json.dumps([plain, [ask.way], 1]))
    return _encode(f"AQ{plain}|{ask.way}")


def _read(ask: Ask) -> tuple[int, int]:
    sent = ask.sent or ""
    try:
        if ask.sort == "offset":
            plain, way = sent if "." in sent else f"{sent}.0.0", ask.way
        elif ask.sort == "paired":
            place, _, rest = sent.partition("_")
            plain, way = f"{place}.{rest[:-5]}.{rest[-5:]}", ask.way
        else:
            plain, way = _within(ask.sort, base64.b64decode(sent, validate=True).decode())
        found, turn, epoch = map(int, plain.split("."))
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise BadCursor from None
    if way != ask.way or epoch < ask.epoch or found < 0:
        raise BadCursor
    return found, turn


def _within(sort: str, said: str) -> tuple[str, str]:
    if sort == "nested":
        inner = json.loads(json.loads(said))
        return inner["cached_comments_cursor"], inner["bifilter_token"]
    if sort == "tagged":
        plain, ways, _ = json.loads(said)
        return plain, ways[0]
    plain, _, way = said.removeprefix("AQ").partition("|")
    return plain, way


def _encode(said: str) -> str:
    return base64.b64encode(said.encode()).decode()
