"""Edges in pages: cursors, next addresses, and the ways in which paging goes wrong on request."""

import base64
import binascii
import random
from collections.abc import Callable, Sequence
from urllib.parse import quote

from msgspec import Struct

from ingather.sandbox import ids
from ingather.sandbox.answers import GraphError, invalid

CYCLES = {"cycle1": 1, "cycle2": 2, "cycle7": 7}
NAMES = (
    "repeat",
    "overlap",
    "reverse",
    "shuffle",
    *CYCLES,
    "samerows",
    "emptyforever",
    "nextwithoutcursor",
)
_OVERLAP = 3
_SHUFFLED = 100  # places shuffled among themselves: two pages of fifty


class View(Struct, frozen=True, kw_only=True):
    """What an answer depends on beside the object: who asks, through which address, and faults.

    granted, insights: the permissions to manage comments, and insights.
    """

    base: str
    token: str
    seed: int
    epoch: int = 0
    faults: dict[str, float] = {}
    granted: bool = True
    insights: bool = True


class Edge(Struct, frozen=True):
    """A list that hangs on an object; `row` renders a place, None where the place shows nothing.

    after_all: cursors are told even of an empty list, as an app in development mode sees it.
    bare: no `next` and no `previous`, as inside business discovery.
    """

    owner: str
    name: str
    size: int
    row: Callable[[int], dict[str, object] | None]
    most: int = 100
    usual: int = 25
    after_all: bool = False
    bare: bool = False


class Ask(Struct, frozen=True):
    """Which page of an edge is asked for, and how its next address repeats the fields."""

    limit: str | None = None
    after: str | None = None
    before: str | None = None
    fields: str | None = None
    embedded: bool = False


class _Step(Struct):
    """One page: places to show, and (place, turn) of the next page; None at the end."""

    start: int
    places: Sequence[int]
    then: tuple[int, int] | None


def cursor(owner: str, place: int, turn: int, epoch: int) -> str:
    """An opaque mark: everything the next page needs, so that the server remembers nothing."""
    text = f"AQH{owner}:{place}:{turn}:{epoch}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str, owner: str, epoch: int) -> tuple[int, int]:
    """(place, turn) of a cursor; GraphError where it is foreign, broken or has died."""
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode()
        whose, place, turn, since = plain.removeprefix("AQH").split(":")
        found = int(place), int(turn)
        alive = whose == owner and int(since) >= epoch and found[0] >= 0
    except (binascii.Error, ValueError):  # UnicodeDecodeError is a ValueError
        alive = False
    if not alive:
        raise GraphError(100, "(#100) The cursor is not valid or has expired", is_transient=False)
    return found


def limit_of(text: str | None, usual: int, most: int) -> int:
    """The page size that a `limit` gets: clamped above, refused where it is no count."""
    if text is None:
        return min(usual, most)
    if not text.isdecimal() or not text.isascii() or int(text) == 0:
        raise invalid("param limit must be a positive integer")
    return min(int(text), most)


def page(edge: Edge, ask: Ask, view: View) -> dict[str, object]:
    """One page of an edge, `{"data": [...], "paging": {...}}`."""
    limit = limit_of(ask.limit, edge.usual, edge.most)
    place = turn = 0
    if ask.after is not None:
        place, turn = read_cursor(ask.after, edge.owner, view.epoch)
    elif ask.before is not None:
        end = read_cursor(ask.before, edge.owner, view.epoch)[0]
        place = max(0, end - limit)
        limit = max(1, end - place)
    step = plan(edge, place, turn, limit, {} if ask.embedded else view.faults, view.seed)
    rows = [row for row in map(edge.row, step.places) if row is not None]
    answer: dict[str, object] = {"data": rows}
    paging = _paging(edge, ask, view, step, limit, turn)
    if paging:
        answer["paging"] = paging
    return answer


def _paging(
    edge: Edge, ask: Ask, view: View, step: _Step, limit: int, turn: int
) -> dict[str, object] | None:
    shown = bool(step.places) or step.then is not None
    if not shown and not edge.after_all:
        return None
    if ask.embedded and not edge.bare and step.then is None:
        return None  # recorded expansions that hold all they have come without paging
    place, then_turn = step.then or (step.start + len(step.places), 0)
    after = cursor(edge.owner, place, then_turn, view.epoch)
    before = cursor(edge.owner, step.start, turn, view.epoch)
    paging: dict[str, object] = {"cursors": {"before": before, "after": after}}
    if edge.bare:  # business discovery tells nothing but cursors, and those only if of use
        cursors = ({"after": after} if step.then else {}) | (
            {"before": before} if step.start else {}
        )
        return {"cursors": cursors} if cursors else None
    if step.then is not None:
        paging["next"] = _address(edge, ask, view, limit) + f"&after={after}"
    if step.start > 0:
        paging["previous"] = _address(edge, ask, view, limit) + f"&before={before}"
    if "nextwithoutcursor" in view.faults and not ask.embedded and step.then is not None:
        del paging["cursors"]
    return paging


def _address(edge: Edge, ask: Ask, view: View, limit: int) -> str:
    fields = f"&fields={quote(ask.fields, safe='')}" if ask.fields else ""
    token = quote(view.token, safe="")
    return (
        f"{view.base}/{edge.owner}/{edge.name}?access_token={token}&pretty=0{fields}&limit={limit}"
    )


def plan(
    edge: Edge, place: int, turn: int, limit: int, faults: dict[str, float], seed: int
) -> _Step:
    """The page at a place, bent by whichever paging faults are on."""
    end = min(place + limit, edge.size)
    step = _Step(place, range(place, end), (end, 0) if end < edge.size else None)
    if not faults:
        return step
    if "emptyforever" in faults and (place or turn):
        return _Step(place, (), (place, turn + 1))
    if "samerows" in faults:
        return _Step(0, range(min(limit, edge.size)), (0, turn + 1))
    if "overlap" in faults and step.then is not None and limit > _OVERLAP:
        step.then = (end - _OVERLAP, 0)
    odds = faults.get("repeat", 0.0)
    if turn == 0 and end > place and ids.chance(seed ^ int(edge.owner), place) < odds:
        # The same rows once more behind a cursor of its own, then on as if nothing had been.
        step.then = (place, 1)
    for name, period in CYCLES.items():
        if name in faults and (end // limit > period or step.then is None):
            step.then = (limit if edge.size > limit else 0, 0)
    if "reverse" in faults:
        step.places = [edge.size - 1 - one for one in step.places]
    if "shuffle" in faults:
        step.places = [_shuffled(edge, one, seed) for one in step.places]
    return step


def _shuffled(edge: Edge, place: int, seed: int) -> int:
    """Where a place's row comes from when each window of places is shuffled within itself."""
    window, within = divmod(place, _SHUFFLED)
    start = window * _SHUFFLED
    order = list(range(start, min(start + _SHUFFLED, edge.size)))
    random.Random(ids.mix(seed ^ int(edge.owner), window)).shuffle(order)
    return order[within]
