"""A job of thousands of targets: a page costs what it costs with one, and what is told stays
short."""

from itertools import groupby
from types import SimpleNamespace

import pytest
from msgspec import structs

from ingather import errors
from ingather.cli import bar, show
from ingather.domain import receipt
from ingather.domain.job import MAX_ATTEMPTS, Counters, Failure, Target, TargetState
from ingather.domain.overview import Overview
from ingather.domain.page import Page
from ingather.domain.records import User
from ingather.engine.backoff import Fetcher, Policy
from ingather.engine.quota import Gate
from ingather.engine.stop import Stop
from ingather.engine.watch import Unwatched
from ingather.engine.worker import Worker
from ingather.ports import Batch
from ingather.stores.memory import MemoryLimiter, MemoryStore
from ingather.stores.sql_jobs import SqlStore
from ingather.stores.sql_link import SqliteLink


def named(count: int) -> tuple[TargetState, ...]:
    return tuple(TargetState(target=Target(id=""), words=f"name{n}") for n in range(count))


class Lists:
    """A source of short lists: those whose number is odd cannot be read, and one is cut."""

    name = route = limit_key = "scripted"

    def under(self, turns):
        return self

    def take_units(self):
        return 0

    async def resolve(self, words):
        number = int(words.removeprefix("name"))
        if number % 2:
            raise errors.NotReachable(f"There is no {words}.")
        return Target(id=str(number))

    async def fetch(self, target, cursor, *, replies, limit=None):
        rows = [User(user_id=f"{target.id}{n}", username="u") for n in range(2)]
        if target.id == "4":
            return Page([] if cursor else rows, "again")  # the cursor that it was asked with
        return Page(rows, None if cursor else f"more of {target.id}")


class Forgetful(Lists):
    """Knows no cursor of the first list any more."""

    async def fetch(self, target, cursor, **words):
        if target.id == "0" and cursor:
            raise errors.DeadCursor("It forgot where we were.")
        return await super().fetch(target, cursor, **words)


class Turns(Unwatched):
    """Notes whose turn it was."""

    def __init__(self):
        self.seen = []

    def target(self, place, state):
        self.seen.append((place, state.words))


async def run(store, clock, job, watch, claim=None, source=Lists):
    fetcher = Fetcher(source(), Gate(MemoryLimiter(clock), clock), clock, policy=Policy())

    async def finish(job):
        return None

    worker = Worker(store, store, store, clock)
    return await worker.run(job, fetcher, finish, stop=Stop(), watch=watch, claim=claim)


async def test_every_target_has_its_turn(make, clock) -> None:
    """Whoever watches is told of each target as its turn comes; the job ends in all their ways."""
    store, watch = MemoryStore(clock), Turns()
    job = await run(store, clock, await store.create(make.job(targets=named(8))), watch)
    assert watch.seen == [(n, f"name{n}") for n in range(8)]
    assert (job.status, job.reason) == ("done", "mixed")
    ended = {"end_of_list": 3, "unreachable": 4, "cursor_loop": 1}
    assert job.overview == Overview(count=8, ended=ended)


async def test_targets_that_end_alike_name_that_ending(make, clock) -> None:
    """Nor does it matter whether some of them ended in an earlier run."""
    over = structs.replace(named(1)[0], ended="unreachable", error=Failure("gone"))
    for first, targets in ((over, named(4)[1::2]), (named(4)[1], named(4)[3:])):
        store, watch = MemoryStore(clock), Turns()
        job = await store.create(make.job(targets=(first, *targets)))
        assert (await run(store, clock, job, watch)).reason == "unreachable"
        assert watch.seen[0][0] == (1 if first.ended else 0)


async def test_a_list_that_is_forgotten_holds_up_no_other(make, clock) -> None:
    """A target whose cursor dies in every pass ends with that reason and the rows it gave, and the
    others are read, in passes of their own."""
    store = MemoryStore(clock)
    job = await store.create(make.job(targets=named(3), kind="followers"))
    job = await run(store, clock, job, Unwatched(), source=Forgetful)
    assert (job.status, job.reason) == ("done", "mixed")
    first, _, third = job.targets
    assert (first.ended, first.error.code, first.passes) == ("unreachable", "dead_cursor", 2)
    assert (third.ended, third.passes) == ("end_of_list", 1)
    assert job.counters.appended == 4
    assert receipt.complete(job) is False
    told = show.unread_lines(job, 5)
    assert told[0] == "name0 was not read to its end: It forgot where we were."
    assert told[1].startswith("name1 was not read: ")


class Broken(Lists):
    """Answers everybody but these, or nobody once so many have been answered."""

    def __init__(self, *broken, after=None, error=errors.Transient):
        self.asked, self._broken, self._left, self._error = [], broken, after, error

    async def resolve(self, words):
        return Target(id=words.removeprefix("name"))

    async def fetch(self, target, cursor, **words):
        number = int(target.id)
        self.asked.append(number)
        if number in self._broken or self._left == 0:
            raise self._error("The source is out of order.")
        if self._left is not None:
            self._left -= 1
        return Page([User(user_id=target.id, username="u")], None)

    @property
    def turns(self):
        """Whom it was asked for, in order, however often."""
        return [key for key, _ in groupby(self.asked)]


@pytest.mark.parametrize("error", [errors.Transient, errors.Refused])
async def test_a_target_that_fails_alone_is_put_off_and_then_left(make, clock, error) -> None:
    """The others are read first; asked for once more at the end, it is named with its reason, and
    the job is done. The last one has nobody after it to tell whose fault it is, and is tried again
    in other attempts before that."""
    store, source = MemoryStore(clock), Broken(1, 3, 5, error=error)
    job = await store.create(make.job(targets=named(6), kind="followers"))
    runs = 0
    while job.unfinished:
        runs += 1
        try:
            job = await run(store, clock, job, Unwatched(), source=lambda: source)
        except error:
            job = await store.show(job.id)
            assert job.overview.ended == {"end_of_list": 3, "unreachable": 2}
            if job.status == "failed":
                job = await store.create(structs.replace(job, status="pending"))
    assert source.turns[:9] == [0, 1, 2, 3, 4, 5, 1, 3, 5]
    assert runs == 1 + MAX_ATTEMPTS  # in the first of them others were read
    assert (job.status, job.reason) == ("done", "mixed")
    assert job.overview.ended == {"end_of_list": 3, "unreachable": 3}
    assert [one.error and one.error.message for one in job.targets] == [
        None, "The source is out of order.",
    ] * 3  # fmt: skip
    assert job.counters.appended == 3


class Late(Broken):
    """Has a second page for the first target, and gives it once the third was asked for, which has
    the second one's only row."""

    async def fetch(self, target, cursor, **words):
        if target.id != "0":
            self.asked.append(int(target.id))
            return Page([User(user_id="1", username="u")], None)
        self.asked.append((0, cursor))
        if cursor and 2 not in self.asked:
            raise errors.Transient("The source is out of order.")
        return Page([User(user_id=f"0{cursor}", username="u")], None if cursor else "more")


async def test_a_target_that_was_put_off_may_be_read_after_all(make, clock) -> None:
    """What was out of order for a while costs no target: it is read on from where it was, and the
    pages of others, whatever was new in them, are none of its own."""
    store, source = MemoryStore(clock), Late()
    job = await store.create(make.job(targets=named(3), kind="followers"))
    job = await run(store, clock, job, Unwatched(), source=lambda: source)
    assert source.turns == [(0, None), (0, "more"), 1, 2, (0, "more")]
    assert (job.status, job.reason) == ("done", "end_of_list")
    assert [row.user_id for row in await store.slice(job.id, 0, 9)] == ["0None", "1", "0more"]
    assert job.targets[0].idle == 0


@pytest.mark.parametrize("last", [0, 1])
async def test_the_last_page_counts_for_its_own_target(make, clock, tmp_path, last) -> None:
    """Of two lists that a killed run left half read, the one whose page was the last goes on with
    that page counted as idle; the other, of whose last page nobody can tell any more, with none:
    rather a page too many than a list called read out too early."""
    kept = SqliteLink(tmp_path / "ingather.db")
    for store in (MemoryStore(clock), SqlStore(kept)):
        halves = tuple(
            TargetState(target=Target(id=f"{n}"), cursor="more", depth=7, idle=5) for n in (0, 2)
        )
        job = await store.create(make.job(targets=halves, kind="followers"))
        claim = await store.claim(job.id, make.holder)
        for sequence, n in enumerate((1 - last, last), 1):
            state = structs.replace(halves[n], depth=8)
            page = batch(rows=[User(user_id="1", username="u")], target=n, state=state)
            await store.commit(job.id, claim.fence, sequence, page)
        claim = await store.claim(job.id, make.holder, dead=claim.fence)
        job = await run(store, clock, claim.job, Unwatched(), claim)
        assert [state.idle for state in job.targets] == ([6, 0] if last == 0 else [0, 6])
    await kept.close()


def batch(**words) -> Batch:
    return Batch(fetched=1, cursor="more", most=99, most_reason="cap", **words)


@pytest.mark.parametrize("after", [0, 1, 3])
async def test_two_that_fail_in_a_row_are_the_sources_fault(make, clock, after) -> None:
    """Nobody else is asked for then, nor given up: the job waits and goes on where it was."""
    store, source = MemoryStore(clock), Broken(after=after)
    job = await store.create(make.job(targets=named(6), kind="followers"))
    with pytest.raises(errors.Transient):
        await run(store, clock, job, Unwatched(), source=lambda: source)
    assert source.turns == list(range(after + 2))
    job = await store.show(job.id)
    assert (job.status, job.overview.over) == ("pending", after)
    source._left = None
    job = await run(store, clock, job, Unwatched(), source=lambda: source)
    assert (job.status, job.reason, job.counters.appended) == ("done", "end_of_list", 6)


class Killed(BaseException):
    """The process is gone."""


class Cut:
    """A store whose holder is killed once it has written a page: right away, or when it is about
    to write the next."""

    def __init__(self, store, sequence, *, at_once):
        self._store, self._sequence, self._at_once = store, sequence, at_once

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def commit(self, job_id, fence, sequence, batch):
        if sequence > self._sequence + 1:
            raise Killed
        outcome = await self._store.commit(job_id, fence, sequence, batch)
        if sequence > self._sequence and self._at_once:
            raise Killed
        return outcome


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_list_that_is_killed_at_every_page_ends_as_ever(
    tmp_path, make, clock, at_once
) -> None:
    """However often it is killed, the job goes on in the target where it was: same rows in the same
    order, same endings, each target over once."""
    link = SqliteLink(tmp_path / "ingather.db")
    store = SqlStore(link)
    uncut = await run(
        store, clock, await store.create(make.job(targets=named(7), kind="followers")), Unwatched()
    )
    job = await store.create(make.job(targets=named(7), kind="followers"))
    kills, fence = 0, 0
    while True:
        claim = await store.claim(job.id, make.holder, dead=fence)
        fence = claim.fence
        try:
            cut = Cut(store, claim.job.sequence, at_once=at_once)
            done = await run(cut, clock, job, Unwatched(), claim)
        except Killed:
            kills += 1
            continue
        break
    assert kills > 7
    assert (done.status, done.reason, done.overview) == ("done", "mixed", uncut.overview)
    assert done.targets == uncut.targets
    assert done.counters.pages == uncut.counters.pages
    assert await store.slice(job.id, 0, 99) == await store.slice(uncut.id, 0, 99)
    await link.close()


async def test_a_page_costs_the_same_among_thousands(tmp_path, make) -> None:
    """SQLite takes as many steps to commit a page of a job of five thousand targets as of a job of
    one, and so do the beats in between."""
    link = SqliteLink(tmp_path / "ingather.db")
    store = SqlStore(link)
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    async def steps(targets) -> int:
        nonlocal count
        job = await store.create(make.job(targets=targets))
        fence = (await store.claim(job.id, make.holder)).fence
        await link.run(lambda connection: connection.set_progress_handler(step, 1))
        count = 0
        for page in range(4):
            batch = make.batch(job, make.comments(3, start=3 * page), target=len(targets) - 1)
            await store.commit(job.id, fence, page + 1, batch)
            await store.beat(job.id, fence)
        await link.run(lambda connection: connection.set_progress_handler(None, 0))
        return count

    alone = await steps(named(1))
    assert await steps(named(5_000)) < 1.2 * alone
    await link.close()


def many(make, *, read: int, unread: int, left: int):
    """A job of followers that is somewhere among its targets."""
    states = [
        *(structs.replace(state, ended="end_of_list") for state in named(read)),
        *(
            structs.replace(state, ended="unreachable", error=Failure(f"no {state.words} here"))
            for state in named(unread)
        ),
        *named(left),
    ]
    counters = Counters(appended=7, calls=9)
    return make.job(kind="followers", targets=tuple(states), counters=counters, status="running")


def test_a_job_of_thousands_is_told_in_some_lines(make) -> None:
    """How many ended how, where it is, the first that could not be read, and how many more."""
    job = many(make, read=3_000, unread=1_500, left=2_000)
    lines = show.receipt_lines(job)
    assert "  targets 3,000 end_of_list · 1,500 unreachable · 2,000 to be read" in lines
    assert "  at name0" in lines
    assert len(lines) < 12
    unread = show.unread_lines(job, show.MOST_SHOWN)
    assert unread[0] == "name0 was not read: no name0 here"
    assert unread[-1] == "And 1,480 more were not read; the receipt names each."
    assert len(unread) == show.MOST_SHOWN + 1
    over = show.target_lines(many(make, read=2, unread=1, left=0))
    assert over == ["  targets 2 end_of_list · 1 unreachable"]
    assert show.target_lines(make.job()) == []


def test_a_job_of_a_list_tells_what_it_knows(make) -> None:
    """From a list comes the first target alone: nothing that is told takes it for all there are."""
    whole = many(make, read=3, unread=2, left=0)
    listed = structs.replace(whole, targets=whole.targets[:1], summed=whole.overview)
    assert receipt.complete(structs.replace(listed, reason="mixed")) is False
    told, full = receipt.full(listed), receipt.full(whole)
    assert [each["name"] for each in full.pop("targets")] == [
        state.words for state in whole.targets
    ]
    assert told == full
    assert (told["targetCount"], told["declared"], told["gap"]) == (5, None, None)
    assert told["targetsEnded"] == {"end_of_list": 3, "unreachable": 2}
    assert show.name(listed) == show.of(listed) == "5 targets"
    assert show.name(structs.replace(listed, sequence=1)) == "5 of 5 targets"
    assert show.name(structs.replace(listed, sequence=1, status="done")) == "5 targets"
    assert show.summary(listed)["receipt"] == told


@pytest.fixture
def terminal(monkeypatch):
    """Standard error is a terminal on which nothing is drawn."""
    monkeypatch.setattr(bar, "sys", SimpleNamespace(stderr=SimpleNamespace(isatty=lambda: True)))
    from rich.progress import Progress

    made = Progress(disable=True)
    monkeypatch.setattr(bar, "_progress", lambda: made)
    return made


def test_the_bar_counts_targets(make, terminal) -> None:
    """Of several targets it counts those that are over, and names the one it is at."""
    job = many(make, read=2, unread=1, left=4)
    with bar.Bar(job) as drawn:
        drawn.began(job)
        (task,) = terminal.tasks
        assert (task.description, task.completed, task.total) == ("Targets", 3, 7)
        drawn.target(5, named(6)[5])
        drawn.page(Counters(appended=1_234, calls=56))
        (task,) = terminal.tasks
        assert (task.completed, task.total) == (5, 7)
        assert task.fields["note"] == "name5 · 1,234 rows · 56 calls"


def test_the_bar_counts_rows_of_a_lone_target(make, terminal) -> None:
    """Of one target it counts rows, to what is declared as far as it is wanted."""
    state = structs.replace(named(1)[0], target=Target(id="1", declared=9_000))
    job = make.job(kind="followers", targets=(state,))
    with bar.Bar(job) as drawn:
        drawn.target(0, state)
        drawn.page(Counters(appended=40, calls=2))
        (task,) = terminal.tasks
        assert (task.description, task.completed, task.total) == ("Rows", 40, 5_000)
        assert task.fields["note"] == "2 calls"


def test_a_name_is_no_markup() -> None:
    """A target may be called as if it were a terminal's style: the bar says it as it is."""
    from rich.console import Console

    progress = bar._progress()
    progress.add_task("Targets", total=2, note="[/dim] and [bold]name")
    console = Console(width=200, record=True, quiet=True)
    with console.capture() as captured:
        console.quiet = False
        console.print(progress.get_renderable())
    assert "[/dim] and [bold]name" in captured.get()


def test_a_name_does_not_move_the_terminal(make) -> None:
    """Whoever shows a job is not painted over by what somebody else called its targets."""
    failure = Failure("no\x07 \x1b]0;")
    state = TargetState(target=Target(id=""), words="a\x1b[2J\x9bb\r\u00e9", error=failure)
    job = make.job(targets=(state, *named(1)), status="running")
    (told, at) = show.unread_lines(job, 5)[0], show.target_lines(job)[1]
    assert told == "a\ufffd[2J\ufffdb\ufffd\u00e9 was not read: no\ufffd \ufffd]0;"
    assert at == "  at a\ufffd[2J\ufffdb\ufffd\u00e9"
