"""A reel that two sources tell of, and a list that a second one fills."""

from collections.abc import Sequence

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain import merging
from ingather.domain.job import Owner, Target
from ingather.domain.merging import Filled
from ingather.domain.page import Page
from ingather.domain.records import Media
from ingather.engine.backoff import Fetcher, Policy
from ingather.engine.quota import Gate
from ingather.features import filling
from ingather.features.filling import Filling
from ingather.ports import Turns
from ingather.stores.memory import MemoryLimiter

GRAPH = Media(media_id="180", shortcode="AbC", like_count=7, comment_count=0, likes_hidden=False)
HIKER = Media(
    media_id="37",
    shortcode="AbC",
    like_count=9,
    comment_count=4,
    play_count=500,
    plays_from="hiker.play_count",
    duration=12.5,
    is_pinned=False,
    coauthors=(),
)
TARGET = Target(id="1784", username="lamps")


def test_gaps_are_filled_and_numbers_stand() -> None:
    """What the first source tells stands, 0 included; what it does not tell says who told it."""
    found = merging.filled(GRAPH, HIKER, "hiker")
    assert (found.media_id, found.like_count, found.comment_count) == ("180", 7, 0)
    assert (found.play_count, found.plays_from, found.duration) == (500, "hiker.play_count", 12.5)
    assert found.filled_from == tuple(
        f"{name}=hiker" for name in ("playCount", "duration", "isPinned", "coauthors")
    )
    assert merging.origins(found, "graph") == {
        "like_count": "graph",
        "comment_count": "graph",
        "play_count": "hiker",
        "duration": "hiker",
    }


def test_nothing_is_invented() -> None:
    """Where the other one knows nothing either, nothing changes; hidden likes stay hidden."""
    bare = Media(media_id="37", shortcode="AbC")
    assert merging.filled(GRAPH, bare, "hiker") is GRAPH
    assert merging.origins(bare, "graph") == {}
    hidden = structs.replace(GRAPH, like_count=None, likes_hidden=True)
    found = merging.filled(hidden, HIKER, "hiker")
    assert found.like_count is None
    assert not merging.lacks(found)


def reel(number: int, **told: object) -> Media:
    day = f"2026-{12 - number // 28:02}-{28 - number % 28:02}T00:00:00Z"
    return Media(media_id=str(number), shortcode=f"code{number}", timestamp=day, **told)


class Pages:
    """A source of pages; answers with an error where a page is one."""

    route, limit_key = "media", "key"

    def __init__(self, name: str, pages: Sequence[Sequence[Media] | Exception]) -> None:
        self.name = name
        self.pages = list(pages)
        self.asked: list[str | None] = []
        self.looked_up = 0
        self._units = 0
        self._turns: Turns | None = None

    def under(self, turns: Turns) -> "Pages":
        self._turns = turns
        return self

    async def _turn(self) -> None:
        if self._turns is not None:
            await self._turns.take((self.limit_key,))

    async def owner(self, target: Target | None = None) -> Owner:
        return Owner("", "")

    async def resolve(self, words: str) -> Target:
        await self._turn()
        self.looked_up += 1
        return Target(id="4", username=words)

    async def fetch(self, target: Target, cursor: str | None, **_: object) -> Page:
        await self._turn()
        self.asked.append(cursor)
        self._units += self.name == "hiker"
        place = int(cursor or 0)
        page = self.pages[place]
        if isinstance(page, Exception):
            raise page
        last = place + 1 >= len(self.pages)
        return Page(page, None if last else str(place + 1), units=self.take_units())

    def take_units(self) -> int:
        units, self._units = self._units, 0
        return units


class Pair:
    """Two sources and what they told."""

    def __init__(self, clock, first: Sequence, second: Sequence) -> None:
        self.first, self.second = Pages("graph", first), Pages("hiker", second)
        self.told = Filled("hiker")
        self._clock = clock

    def source(self, **policy: float) -> Filling:
        def tell(filled: Filled) -> None:
            self.told = filled

        gate = Gate(MemoryLimiter(self._clock), self._clock)
        patience = Policy(**policy) if policy else filling.PATIENCE
        return Filling(
            self.first,
            lambda: Fetcher(self.second, gate, self._clock, policy=patience),
            so_far=self.told,
            tell=tell,
        )

    async def pages(self, source: Filling, cursor: str | None = None, most: int = 99) -> list[Page]:
        found: list[Page] = []
        while most and (not found or cursor is not None):
            found.append(await source.fetch(TARGET, cursor, replies=False))
            cursor, most = found[-1].next, most - 1
        return found


def lengths(pages: Sequence[Page]) -> list[float | None]:
    return [one.duration for page in pages for one in page.records]


async def test_a_list_is_filled_as_far_as_its_gaps_reach(clock) -> None:
    """The second list is read no further than the page of the first needs, pinned reels or not, and
    every call of it is counted."""
    second = [reel(number, duration=float(number)) for number in range(60)]
    pinned = structs.replace(second[55], is_pinned=True)
    pair = Pair(
        clock,
        [[reel(number) for number in range(20)], [reel(number) for number in range(20, 30)]],
        [[pinned, *second[:12]], second[12:24], second[24:36], second[36:48]],
    )
    source = pair.source()
    (page,) = await pair.pages(source, most=1)
    assert lengths([page]) == [float(number) for number in range(20)]
    assert pair.second.asked == [None, "1"]
    assert (page.more_calls, page.units) == (3, 2)
    (last,) = await pair.pages(source, page.next)
    assert lengths([last]) == [float(number) for number in range(20, 30)]
    assert (pair.told.calls, pair.told.units, pair.told.reels) == (4, 3, 30)
    assert pair.told.stopped is None


async def test_whoever_goes_on_reads_one_page_again(clock) -> None:
    """The cursor holds both places: no look-up, and only the last page of the second list anew."""
    second = [reel(number, duration=1.0) for number in range(60)]
    first = [[reel(number) for number in range(20)], [reel(number) for number in range(20, 40)]]
    pair = Pair(clock, first, [second[:30], second[30:]])
    (page,) = await pair.pages(pair.source(), most=1)
    (last,) = await pair.pages(pair.source(), page.next)
    assert lengths([page, last]) == [1.0] * 40
    assert pair.second.asked == [None, None, "1"]
    assert pair.second.looked_up == 1


async def test_whoever_goes_on_skips_what_the_second_list_has_told(clock) -> None:
    """Of a second list that is far on, only the last page that was read is read again."""
    rows = [reel(number, duration=1.0) for number in range(60)]
    first = [[reel(number) for number in range(start, start + 20)] for start in (0, 20, 40)]
    pair = Pair(clock, first, [rows[:20], rows[20:40], rows[40:]])
    begun = await pair.pages(pair.source(), most=2)
    (last,) = await pair.pages(pair.source(), begun[-1].next)
    assert lengths([*begun, last]) == [1.0] * 60
    assert pair.second.asked == [None, "1", "1", "2"]


async def test_a_reel_that_the_second_list_lacks_is_not_looked_for_beyond_its_age(clock) -> None:
    """Older pages cannot have it, and cost money."""
    rows = [reel(number, duration=1.0) for number in range(60) if number != 5]
    pair = Pair(clock, [[reel(number) for number in range(10)]], [rows[:20], rows[20:]])
    (page,) = await pair.pages(pair.source())
    assert lengths([page]) == [1.0] * 5 + [None] + [1.0] * 4
    assert pair.second.asked == [None]


async def test_a_dead_cursor_of_the_first_list_says_where_to_go_on(clock) -> None:
    """What it says is a cursor of both lists, as every other one."""
    dead = errors.DeadCursor("That is over.", restart="1")
    pair = Pair(clock, [[reel(0)], [reel(1)], dead], [[reel(0, duration=1.0)]])
    source = pair.source()
    pages = await pair.pages(source, most=2)
    with pytest.raises(errors.DeadCursor) as told:
        await source.fetch(TARGET, pages[-1].next, replies=False)
    again = await source.fetch(TARGET, told.value.restart, replies=False)
    assert [row.shortcode for row in again.records] == ["code1"]


async def test_a_page_that_could_not_be_filled_is_not_asked_for_twice(clock) -> None:
    """The calls of the second source could not be counted: the first one's page waits."""
    pair = Pair(clock, [[reel(0)]], [errors.StoreUnavailable("It is away.")])
    source = pair.source()
    with pytest.raises(errors.StoreUnavailable):
        await source.fetch(TARGET, None, replies=False)
    pair.second.pages[0] = [reel(0, duration=1.0)]
    assert lengths([await source.fetch(TARGET, None, replies=False)]) == [1.0]
    assert pair.first.asked == [None]


async def test_whatever_goes_wrong_leaves_gaps(clock) -> None:
    """An empty balance ends filling, which is told; the list is read to its end."""
    second = [reel(number, duration=1.0) for number in range(20)]
    first = [[reel(number) for number in range(20)], [reel(number) for number in range(20, 40)]]
    pair = Pair(clock, first, [second, errors.NoBalance("There is nothing left.")])
    pages = await pair.pages(pair.source())
    assert lengths(pages) == [1.0] * 20 + [None] * 20
    assert pair.told.stopped == "There is nothing left."
    assert pair.first.asked == [None, "1"]
    assert len(pair.second.asked) == 2


async def test_a_source_out_of_order_holds_nothing_up_for_long(clock) -> None:
    """Twenty seconds are all that filling waits for; the first list is not asked twice."""
    pair = Pair(clock, [[reel(0)]], [errors.Transient("It is down.")])
    began = clock.monotonic()
    assert lengths(await pair.pages(pair.source())) == [None]
    assert clock.monotonic() - began <= 20
    assert pair.first.asked == [None]
    assert pair.told.stopped == "It is down."


async def test_filling_never_costs_more_than_it_may(clock, monkeypatch) -> None:
    """What earlier runs have paid counts as well."""
    monkeypatch.setattr(filling, "MOST_UNITS", 3)
    pages = [[reel(number, duration=1.0)] for number in range(9)]
    pair = Pair(clock, [[reel(number)] for number in range(9)], pages)
    pair.told = Filled("hiker", units=1)
    found = lengths(await pair.pages(pair.source()))
    assert found == [1.0] * 2 + [None] * 7
    assert pair.told.units == 3
    assert "3 units are all" in (pair.told.stopped or "")


async def test_without_gaps_nobody_else_is_asked(clock) -> None:
    """A page that lacks no number costs nothing."""
    whole = reel(0, like_count=1, comment_count=1, play_count=1, duration=1.0)
    pair = Pair(clock, [[whole]], [[reel(0, duration=2.0)]])
    assert lengths(await pair.pages(pair.source())) == [1.0]
    assert pair.second.asked == []
    assert pair.second.looked_up == 0
