"""Real worker processes for the crash tests, run as a script: everything is imported once, then
each worker is a fork of this warm process, which has neither threads nor an event loop.

It reads one JSON object from standard input, whose `play` names a function here, and prints one
JSON object a line. Stores and the source come from the environment, as for any door.
"""

import asyncio
import contextlib
import gc
import hashlib
import io
import json
import multiprocessing
import os
import random
import signal
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import redis.asyncio  # noqa: F401
import yarl  # noqa: F401

from ingather import errors, points
from ingather.assembly import SystemClock, World
from ingather.domain import receipt
from ingather.domain.job import Job
from ingather.engine import lease, quota
from ingather.engine.stop import Stop
from ingather.engine.watch import Unwatched
from ingather.exports import columns, csv_file, files  # noqa: F401
from ingather.features.comments import Wanted
from ingather.ports import Clock
from ingather.providers import graph as _graph  # noqa: F401
from ingather.providers import http  # noqa: F401
from ingather.settings import load
from ingather.stores import pg_cache, pg_jobs, sql_cache, sql_jobs  # noqa: F401
from ingather.workshop import Quiet, Workshop

FORMATS = ("csv", "json", "jsonl")


def say(**words: object) -> None:
    print(json.dumps(words), flush=True)


class Fork:
    """A worker: a fork that does one thing and tells its result as JSON."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._pipe, end = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(end)
            return
        code = 70
        try:
            os.close(self._pipe)
            with os.fdopen(end, "w") as pipe:
                json.dump(work(), pipe)
            code = 0
        except errors.IngatherError as failure:
            print(f"worker {os.getpid()}: {failure}", file=sys.stderr)
            code = 1
        finally:
            os._exit(code)

    def ended(self, *, reap: bool) -> int:
        """Wait for its end; the number of the signal that ended it, or its exit code negated.
        Without `reap` it stays behind as a zombie, as in a container without an init."""
        keep = 0 if reap else os.WNOWAIT
        info = os.waitid(os.P_PID, self.pid, os.WEXITED | keep)
        assert info is not None
        return info.si_status if info.si_code != os.CLD_EXITED else -info.si_status

    def reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def told(self) -> object:
        with os.fdopen(self._pipe) as pipe:
            text = pipe.read()
        return json.loads(text) if text else None

    def frozen(self) -> None:
        """Wait until it has stopped itself."""
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)


async def export(post: str, path: str, clock: Clock | None = None) -> dict[str, object]:
    """What `ingather export comments POST -o FILE` does, then its rows in three formats."""
    async with World(load(os.environ), clock=clock) as here:
        fetcher = here.comments.fetcher()
        wanted = Wanted(post=post, path=path, cap=here.settings.comments_cap)
        job = await here.comments.start(wanted, fetcher)
        job = await here.comments.run(job, fetcher, stop=Stop(), watch=Unwatched())
        hashes = {}
        for kind in FORMATS:  # streamed, because a synced file of each would take most of the time
            out = io.BytesIO()
            await files.pour(
                out,
                files.format_of("-", kind),
                here.comments.stream(job),
                columns=columns.COMMENTS,
                envelope={"receipt": receipt.stable(job)},
            )
            hashes[kind] = hashlib.sha256(out.getvalue()).hexdigest()
        return {
            "status": job.status,
            "reason": job.reason,
            "fence": job.fence,
            "attempts": job.attempts,
            "counters": {
                name: getattr(job.counters, name)
                for name in ("fetched", "appended", "skipped_dupes", "replies", "pages",
                             "filtered", "refused", "uniq_users")
            },
            "held": job.holder is not None,
            "hash": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
            "hashes": hashes,
            "id": job.id,
        }  # fmt: skip


def pairs(posts: list[str], folder: str) -> None:
    """For each post: first a run that nothing disturbs; then, for each plan that the test makes
    of it, one that is killed by it, and the same command again. Every other time the dead one is
    not reaped before its successor ends."""
    path = str(Path(folder) / "post.csv")
    for post in posts:
        whole = Fork(lambda post=post: asyncio.run(export(post, path)))  # type: ignore[misc]
        whole.ended(reap=True)
        say(whole=whole.told(), post=post)
        _cut_and_resumed(post, folder, path, json.loads(sys.stdin.readline()))
        say(over=post)


def _cut_and_resumed(post: str, folder: str, path: str, plans: list[str]) -> None:
    for number, plan in enumerate(plans):

        def cut(plan: str = plan) -> object:
            if plan.startswith("heartbeat"):
                lease.BEAT = 0.0  # its first beat comes before the job is over, however short
            points.arm(plan)
            return asyncio.run(export(post, path))

        for old in Path(folder).glob("post.csv*"):
            old.unlink()
        first = Fork(cut)
        ended = first.ended(reap=number % 2 == 0)
        told = first.told()
        if ended != signal.SIGKILL:
            say(plan=plan, ended=ended, told=told)
            first.reap()
            continue
        partial = Path(path).exists()
        since = time.monotonic()
        second = Fork(lambda: asyncio.run(export(post, path)))
        code = second.ended(reap=True)
        took = time.monotonic() - since
        first.reap()
        left = [each.name for each in Path(folder).iterdir() if each.name.endswith(".part")]
        say(plan=plan, ended=ended, code=code, took=took, told=second.told(), left=left,
            whole_file=partial)  # fmt: skip


async def work_all(ids: list[str], seed: int) -> int:
    """Run whichever jobs can be run, in an order of one's own, until none is unfinished."""
    order = random.Random(seed)
    revived = 0
    async with World(load(os.environ)) as here:
        while True:
            jobs = [await here.store.show(each) for each in ids]
            left = [job for job in jobs if job.status != "done"]
            if not left:
                return revived
            order.shuffle(left)
            for job in left:
                revived += job.status == "failed"
                with contextlib.suppress(errors.JobBusy, errors.LeaseLost, errors.BadInput):
                    await here.comments.run(
                        job, here.comments.fetcher(), stop=Stop(), watch=Unwatched()
                    )
            await asyncio.sleep(0.01)


class Mute(Quiet):
    """A report that keeps what nobody should ever see."""

    def failed(self, job: Job, error: Exception) -> None:
        if not isinstance(error, errors.IngatherError):
            traceback.print_exception(error)


async def crew_all(ids: list[str], room: int) -> int:
    """Run a crew until all of these jobs are done. One that failed, because it was killed three
    times before it had a page, is queued again, as somebody would."""
    async with World(load(os.environ)) as here:
        crew = Workshop(here).crew(room=room, report=Mute())

        async def until_done() -> None:
            left = list(ids)
            while left:
                await asyncio.sleep(0.3)
                while left and (job := await here.store.show(left[-1])).status == "done":
                    left.pop()
                if left and job.status == "failed":
                    with contextlib.suppress(errors.BadInput):  # the other crew was faster
                        await here.queue_of(job).enqueue(job.id)
            crew.drain()

        await asyncio.gather(crew.work(), until_done())
    return 0


async def begin(posts: list[str], folder: str, queued: bool = False) -> list[str]:
    async with World(load(os.environ)) as here:
        return [(await _begun(here, post, folder, queued)).id for post in posts]


async def _begun(here: World, post: str, folder: str, queued: bool = False) -> Job:
    path = str(Path(folder) / f"{post}.csv")
    wanted = Wanted(post=post, path=path, cap=here.settings.comments_cap, queued=queued)
    return await here.comments.start(wanted, here.comments.fetcher())


async def stand(ids: list[str]) -> list[dict[str, object]]:
    async with World(load(os.environ)) as here:
        found = []
        for each in ids:
            job = await here.store.show(each)
            rows = [row async for batch in here.store.stream(each) for row in batch]
            file = Path(job.file.path).read_bytes() if job.file else b""
            found.append(
                {
                    "status": job.status,
                    "reason": job.reason,
                    "ids": [row.comment_id for row in rows],
                    "appended": job.counters.appended,
                    "pages": job.counters.pages,
                    "sha256": job.file.sha256 if job.file else None,
                    "hash": hashlib.sha256(file).hexdigest(),
                }
            )
        return found


def storm(
    posts: list[str],
    folder: str,
    seconds: float,
    seed: int,
    workers: int,
    shortest: float,
    room: int = 0,
) -> None:
    """Workers that are killed at random for so many seconds, each at once replaced; then peace.
    room: of a crew, where the jobs are queued; 0: each runs one job after the other."""
    chance = random.Random(seed)
    first = Fork(lambda: asyncio.run(begin(posts, folder, queued=bool(room))))
    ids = first.told()
    first.reap()
    assert isinstance(ids, list)
    say(began=ids)

    def start() -> Fork:
        own = chance.random()
        if room:
            return Fork(lambda: asyncio.run(crew_all(ids, room)))
        return Fork(lambda: asyncio.run(work_all(ids, int(own * 1e9))))

    crew = [start() for _ in range(workers)]
    kills, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(chance.uniform(shortest, shortest * 10))
        number = chance.randrange(workers)
        victim = crew[number]
        if os.waitid(os.P_PID, victim.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            break  # everything is done already
        os.kill(victim.pid, signal.SIGKILL)
        victim.reap()
        kills += 1
        crew[number] = start()
    since = time.monotonic()
    codes = [one.ended(reap=True) for one in crew]
    took = time.monotonic() - since
    last = Fork(lambda: asyncio.run(stand(ids)))
    say(kills=kills, codes=codes, took=took, jobs=last.told())
    last.reap()


def race(posts: list[str], folder: str, workers: int) -> None:
    """Processes that all open the store at the same moment, and then begin and claim the same
    jobs, one after the other."""
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(workers)

    async def claim_all(number: int) -> list[int]:
        won = []
        gate.wait(30)
        async with World(load(os.environ)) as here:
            await here.store.list()
            for at, post in enumerate(posts):
                job = await _begun(here, post, folder)
                gate.wait(30)
                try:
                    await lease.take(job, here.store, here.store)
                    won.append(at)
                except errors.JobBusy:
                    pass
        gate.wait(30)  # nobody dies while another may still try: a dead holder would be replaced
        return won

    crew = [
        Fork(lambda number=number: asyncio.run(claim_all(number)))  # type: ignore[misc]
        for number in range(workers)
    ]
    codes = [one.ended(reap=True) for one in crew]
    say(codes=codes, won=[one.told() for one in crew])


def takers(posts: list[str], folder: str, workers: int) -> None:
    """Processes that take what is queued, as fast as they can, until nothing is left."""
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(workers)
    first = Fork(lambda: asyncio.run(begin(posts, folder, queued=True)))
    ids = first.told()
    first.reap()

    async def take_all() -> list[object]:
        async with World(load(os.environ)) as here:
            me, queue = lease.this_process(), here.queues[-1]
            await here.store.list()
            gate.wait(30)
            taken, times = [], []
            while True:
                since = time.perf_counter()
                claim = await queue.next(me, sources=["graph"])
                times.append(time.perf_counter() - since)
                if claim is None:
                    return [taken, statistics.median(times)]
                taken.append(claim.job.id)

    crew = [Fork(lambda: asyncio.run(take_all())) for _ in range(workers)]
    codes = [one.ended(reap=True) for one in crew]
    say(ids=ids, codes=codes, taken=[one.told() for one in crew])


class Skewed(SystemClock):
    """A clock that is wrong by so many seconds, which may be changed from another process."""

    def __init__(self, skew: float) -> None:
        self.skew = multiprocessing.get_context("fork").Value("d", skew, lock=False)

    def now(self) -> float:
        return time.time() + self.skew.value

    def monotonic(self) -> float:
        return time.monotonic() + self.skew.value


def callers(post: str, calls: int, window: float, seconds: float, skews: list[float]) -> None:
    """Processes whose clocks go wrong and who call as fast as one limit lets them; each tells how
    many calls it made."""

    async def call(skew: float) -> int:
        made = 0
        async with World(load(os.environ), clock=Skewed(skew)) as here:
            source = here.graph
            target = await source.resolve(post)
            limits = quota.fixed(quota.Limit("shared", calls, window))
            gate = quota.Gate(here.limiter, here.clock, limits=limits)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                try:
                    _, wait = await gate.enter(("shared",))
                except errors.StoreUnavailable:
                    wait = 0.05
                if wait > 0:
                    await asyncio.sleep(min(wait, 0.2))
                    continue
                await source.fetch(target, None, replies=False, limit=1)
                made += 1
        return made

    crew = [Fork(lambda skew=skew: asyncio.run(call(skew))) for skew in skews]  # type: ignore[misc]
    say(begun=True)
    codes = [one.ended(reap=True) for one in crew]
    say(codes=codes, made=[one.told() for one in crew])


async def run_out() -> None:
    """Let the lease of the only job end now."""
    async with World(load(os.environ)) as here:
        (job,) = await here.store.list()
        await here.store.beat(job.id, job.fence, lease=-1.0)


def freeze(post: str, folder: str, plan: str) -> None:
    """One worker is frozen at a point, and another is refused; once the lease has run out it takes
    over and ends the job, then the first thaws. The last lines tell of the world before and after
    that. Nobody waits for the lease: what tells the time is put forward, in the store and for the
    first worker."""
    path = str(Path(folder) / "post.csv")
    clock = Skewed(0.0)

    def slow() -> object:
        if plan.startswith("heartbeat"):
            lease.BEAT = 0.1  # its first beat comes before the job is over, however short
        points.arm(plan)
        return asyncio.run(export(post, path, clock))

    sleeper = Fork(slow)
    sleeper.frozen()
    early = Fork(lambda: asyncio.run(export(post, path)))
    refused = early.ended(reap=True)
    Fork(lambda: asyncio.run(run_out())).ended(reap=True)
    clock.skew.value = 2 * lease.LEASE
    other = Fork(lambda: asyncio.run(export(post, path)))
    assert other.ended(reap=True) == 0
    told = other.told()
    Path(path).rename(Path(folder) / "moved.csv")  # as its owner may do once it is there
    say(told=told, refused=refused)
    sys.stdin.readline()  # the test looks around
    os.kill(sleeper.pid, signal.SIGCONT)
    say(thawed=sleeper.ended(reap=True), told=sleeper.told(), back=Path(path).exists())


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Not even a thread beside us, or the forks would be unsafe."""
    assert psutil.Process().num_threads() == 1
    yield


if __name__ == "__main__":
    plan = json.loads(sys.stdin.readline())
    plays = {"pairs": pairs, "storm": storm, "race": race, "freeze": freeze,
             "takers": takers, "callers": callers}  # fmt: skip
    gc.freeze()  # or every fork would copy what the collector touches
    with alone():
        plays[plan.pop("play")](**plan)
