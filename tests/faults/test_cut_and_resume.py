"""However a run is cut, and whatever its source says twice, it ends like the run nobody cut.

A state machine over random sources: pages that overlap, repeat, lie empty and lead back. It is
stopped, killed, robbed of answers, and then compared with an uncut run in a fresh store.
"""

import asyncio
import contextlib
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec import structs

from ingather import errors
from ingather.domain.job import Job, Options, Owner, Target, TargetState
from ingather.domain.page import Page
from ingather.domain.records import Comment
from ingather.engine.backoff import Fetcher, Policy
from ingather.engine.quota import Gate
from ingather.engine.stop import Stop
from ingather.engine.watch import Unwatched
from ingather.engine.worker import Worker


class Scripted:
    """A source that reads its pages from a list: (numbers of rows, where the next page is, whether
    it belongs to a thread). A cursor says which page, and where wanted how many came before."""

    name, route, limit_key = "scripted", "pages", "one"

    def __init__(self, pages, fresh, tells):
        self.pages = pages
        self.tells = tells  # where the list goes on, before its rows are read
        self.fresh = fresh  # cursors never repeat, although pages do
        self.calls = 0

    def take_units(self):
        return 0

    def under(self, turns):
        self.turns = turns
        return self

    async def fetch(self, target, cursor, *, replies, limit=None):
        self.calls += 1
        at, turn = (0, 0) if cursor is None else map(int, cursor.split("/"))
        numbers, to, within = self.pages[at]
        rows = [
            Comment(comment_id=str(n), user_id=str(n % 7), username=None, timestamp=None,
                    like_count=None, parent_comment_id=None, text=None)
            for n in numbers
        ]  # fmt: skip
        then = to % (len(self.pages) + 1)
        onward = None if then == len(self.pages) else f"{then}/{turn + 1 if self.fresh else 0}"
        if self.tells and onward:
            await self.turns.heard(cursor, onward, None)
        return Page(rows, onward, within="thread" if within and at else None)


class Killed(BaseException):
    """The process is gone: nothing after this is run."""


class Cut:
    """A store that does something to the run at a given commit: before it, after it, or both."""

    def __init__(self, store, at, what):
        self._store = store
        self._left = at
        self._what = what

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def commit(self, *words):
        self._left -= 1
        if self._left == 0 and self._what == "killed before":
            raise Killed
        if self._left == 0 and self._what == "failed":
            raise errors.StoreUnavailable
        outcome = await self._store.commit(*words)
        if self._left == 0 and self._what == "killed after":
            raise Killed
        if self._left == 0 and self._what == "answer lost":
            raise errors.StoreUnavailable
        if self._left == 0 and self._what == "paused":
            return structs.replace(outcome, wish="pause")
        return outcome


CUTS = ("killed before", "killed after", "failed", "answer lost", "paused")
NUMBERS = strategies.lists(strategies.integers(0, 40), max_size=5)
PAGES = strategies.lists(
    strategies.tuples(NUMBERS, strategies.integers(0, 12), strategies.booleans()),
    min_size=1,
    max_size=12,
)
# Mostly a list that goes on: every page but some lead to the one after it.
_LIST = strategies.tuples(NUMBERS, strategies.booleans())
ONWARD = strategies.lists(_LIST, min_size=2, max_size=30).map(
    lambda pages: [(rows, at + 1, within) for at, (rows, within) in enumerate(pages)]
)


class CutAndResume(RuleBasedStateMachine):
    """One job, cut as often as the rules like."""

    def open(self, clock):
        raise NotImplementedError

    def run_out(self):
        """Let the lease of the one who was killed run out."""
        raise NotImplementedError

    def close(self):
        pass

    def do(self, work):
        """Run it to its end, and nothing beyond it: who is killed leaves nothing behind."""

        async def whole():
            try:
                return await work
            finally:
                left = asyncio.all_tasks() - {asyncio.current_task()}
                for task in left:
                    task.cancel()
                await asyncio.gather(*left, return_exceptions=True)

        return self.loop.run(whole())

    @initialize(
        pages=PAGES | ONWARD,
        fresh=strategies.booleans(),
        tells=strategies.booleans(),
        cap=strategies.integers(1, 45) | strategies.just(2_000),
    )
    def begin(self, pages, fresh, tells, cap):
        self.clock = Clock()
        self.loop = asyncio.Runner()
        self.id = str(uuid4())
        self.source = Scripted(pages, fresh, tells)
        self.store = self.open(self.clock)
        self.job = self.new(cap)
        self.uncut = self.do(self.whole(cap))
        self.do(self.store.create(self.job))

    def new(self, cap):
        return Job(
            id=self.id, kind="comments", owner=Owner(self.id, "one"), source="scripted",
            route="pages", targets=(TargetState(target=Target(id="post")),),
            options=Options(cap=cap), created_at="2025-01-01T00:00:00.000Z",
        )  # fmt: skip

    async def whole(self, cap):
        from ingather.stores.memory import MemoryStore

        store = MemoryStore(self.clock)
        job = await self.run(store, await store.create(self.new(cap)))
        return job, await store.slice(self.id, 0, 1_000)

    async def run(self, store, job):
        from ingather.stores.memory import MemoryLimiter

        gate = Gate(MemoryLimiter(self.clock), self.clock)
        fetcher = Fetcher(self.source, gate, self.clock, policy=Policy())
        worker = Worker(store, store, store, self.clock)

        async def finish(job):
            return None

        return await worker.run(job, fetcher, finish, stop=Stop(), watch=Unwatched())

    def unfinished(self):
        return self.job.status != "done"

    @precondition(unfinished)
    @rule(at=strategies.integers(1, 4), what=strategies.sampled_from(CUTS))
    def cut(self, at, what):
        store = Cut(self.store, at, what)
        try:
            self.do(self.run(store, self.job))
        except Killed:
            self.run_out()
        except errors.SourceError:
            pass  # killed three times without progress: given up until somebody asks again
        self.job = self.do(self.store.show(self.id))

    @precondition(lambda self: not self.unfinished())
    @rule()
    def rest(self):
        """There is nothing left to cut."""

    @invariant()
    def the_rows_are_a_beginning_of_the_uncut_ones(self):
        if not hasattr(self, "job"):
            return
        rows = self.do(self.store.slice(self.id, 0, 1_000))
        assert rows == list(self.uncut[1])[: len(rows)]

    def teardown(self):
        if not hasattr(self, "job"):
            return
        try:
            for _ in range(3):
                if not self.unfinished():
                    break
                try:
                    self.job = self.do(self.run(self.store, self.job))
                except errors.SourceError:
                    self.job = self.do(self.store.show(self.id))
            uncut, rows = self.uncut
            assert self.do(self.store.slice(self.id, 0, 1_000)) == list(rows)
            assert (self.job.status, self.job.reason) == (uncut.status, uncut.reason)
            for name in ("fetched", "appended", "skipped_dupes", "refused", "uniq_users", "pages"):
                assert getattr(self.job.counters, name) == getattr(uncut.counters, name), name
        finally:
            self.close()
            self.loop.close()


class Clock:
    time = 1_750_000_000.0

    def now(self):
        return self.time

    def monotonic(self):
        return self.time

    async def sleep(self, seconds):
        self.time += seconds


class InMemory(CutAndResume):
    def open(self, clock):
        from ingather.stores.memory import MemoryStore

        return MemoryStore(clock)

    def run_out(self):
        self.clock.time += 31


class InSqlite(CutAndResume):
    def open(self, clock):
        from ingather.stores.sql_jobs import SqlStore
        from ingather.stores.sql_link import SqliteLink

        memory = Path("/dev/shm")
        self.folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        self.link = SqliteLink(Path(self.folder.name) / "ingather.db")
        return SqlStore(self.link)

    def run_out(self):
        self.do(self.link.write(lambda db: db.execute("UPDATE extractions SET lease_until = 0")))

    def close(self):
        self.do(self.link.close())
        self.folder.cleanup()


class OnServer(CutAndResume):
    """Over a server that others use, too."""

    def __init__(self, url):
        super().__init__()
        self.url = url

    def run_out(self):
        async def out():
            job = await self.store.show(self.id)
            with contextlib.suppress(errors.LeaseLost):  # killed before its claim
                await self.store.beat(self.id, job.fence, lease=-1.0)
            await asyncio.sleep(0.002)  # a millisecond is the least that Redis keeps

        self.do(out())

    def close(self):
        self.do(self.link.close())


class InRedis(OnServer):
    def open(self, clock):
        from ingather.stores.redis_jobs import RedisStore
        from ingather.stores.redis_link import RedisLink

        self.link = RedisLink(self.url)
        return RedisStore(self.link)


class InPostgres(OnServer):
    def open(self, clock):
        from ingather.stores.pg_jobs import PgStore
        from ingather.stores.pg_link import PgLink

        self.link = PgLink(self.url)
        return PgStore(self.link)


def _like(examples):
    return settings(
        max_examples=examples,
        stateful_step_count=8,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def _case(machine, examples):
    case = machine.TestCase
    case.settings = _like(examples)
    return pytest.mark.slow(case)


TestInMemory = _case(InMemory, 150)
TestInSqlite = _case(InSqlite, 40)


@pytest.mark.slow
def test_in_redis(valkey, full):
    """The same over Redis: the page is one script, whose answer may be lost."""
    run_state_machine_as_test(lambda: InRedis(valkey), settings=_like(500 if full else 25))


@pytest.mark.slow
def test_in_postgres(postgres, full):
    """The same over PostgreSQL: the page is one statement."""
    run_state_machine_as_test(lambda: InPostgres(postgres), settings=_like(500 if full else 15))
