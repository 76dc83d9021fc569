"""Keeping a lease: a beat every ten seconds, and none of the job's work without it."""

import asyncio
import os
import platform
from functools import lru_cache

from ingather import errors, points
from ingather.domain.job import Holder, Job, Wish
from ingather.engine.stop import Stop
from ingather.ports import Claim, Clock, Jobs, Leases

BEAT = 10.0
LEASE = 30.0


class Lease:
    """A lease won; `async with` keeps it and `stop` hears of wishes and of its loss.

    since: on the monotonic clock, from before it was claimed: whoever is frozen right after the
    claim must not take an old lease for a fresh one.
    """

    def __init__(
        self, claim: Claim, leases: Leases, clock: Clock, stop: Stop, *, since: float
    ) -> None:
        self.fence = claim.fence
        self._job_id = claim.job.id
        self._leases = leases
        self._clock = clock
        self._stop = stop
        self._beaten = since
        self._task: asyncio.Task[None] | None = None
        self._heed(claim.job.wish)

    async def __aenter__(self) -> "Lease":
        self._task = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def sure(self) -> None:
        """Raise LeaseLost rather than let a process that was frozen past its lease go on."""
        if self._clock.monotonic() - self._beaten > LEASE - BEAT / 2:
            await self._beat()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            try:
                await self._beat()
            except errors.LeaseLost:
                self._stop.request("lease_lost")
                return
            except errors.StoreError:
                # The store may be back before the lease runs out; a commit tells in any case.
                continue

    async def _beat(self) -> None:
        asked = self._clock.monotonic()
        wish = await self._leases.beat(self._job_id, self.fence, lease=LEASE)
        self._beaten = asked
        points.reach("heartbeat")
        self._heed(wish)

    def _heed(self, wish: Wish | None) -> None:
        if wish is not None:
            self._stop.request("wished")


async def take(job: Job, jobs: Jobs, leases: Leases) -> Claim:
    """Claim a job; one held by a dead process of this host is taken over at once."""
    me = this_process()
    try:
        return await leases.claim(job.id, me, lease=LEASE)
    except errors.JobBusy:
        held = await jobs.show(job.id, targets=0)
        if held.holder is None or not is_dead(held.holder, me):
            raise
        return await leases.claim(job.id, me, lease=LEASE, dead=held.fence)


def abandoned(job: Job) -> bool:
    """Whether a job is held by a process of this host that is dead."""
    return job.holder is not None and is_dead(job.holder, this_process())


def alive(job: Job) -> bool | None:
    """Whether whoever runs a job lives; None where nobody does, or it was given back.

    A process of this host tells by itself, whatever its lease says: it may have died before that
    runs out, or have slept through it with the whole machine. Of any other the lease tells.
    """
    if job.holder is None or job.status not in ("running", "csv_pending"):
        return None
    me = this_process()
    return not is_dead(job.holder, me) if job.holder.host == me.host else job.held


async def release(job: Job, leases: Leases) -> None:
    """Give back the lease that a dead process of this host holds, so that nobody waits for it to
    run out. The job is then paused, unless only its file is due."""
    if not job.unfinished or not abandoned(job):
        return
    try:
        claim = await leases.claim(job.id, this_process(), lease=LEASE, dead=job.fence)
    except (errors.JobBusy, errors.BadInput):
        return  # somebody was faster
    if claim.job.status == "csv_pending":
        await leases.settle(job.id, claim.fence, "csv_pending", error=job.error)
    else:
        await leases.settle(job.id, claim.fence, "paused", reason="asked", error=job.error)


def this_process() -> Holder:
    """Who this process is: its host (within its own pid namespace), pid and start."""
    return _process(os.getpid())


@lru_cache(maxsize=1)
def _process(pid: int) -> Holder:
    """By its pid, for a fork is another one."""
    import psutil

    return Holder(_host(), pid, psutil.Process(pid).create_time())


def is_dead(holder: Holder, me: Holder) -> bool:
    """Whether a holder was a process of this host and is no more; False where nobody can tell."""
    import psutil

    if holder.host != me.host:
        return False
    try:
        process = psutil.Process(holder.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        return abs(float(process.create_time()) - holder.started) > 1.0
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False


def _host() -> str:
    """The machine, and on Linux its boot and pid namespace: a pid means nothing outside these."""
    parts = [platform.node()]
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:  # noqa: PTH123
            parts.append(boot.read(8))
        parts.append(os.readlink("/proc/self/ns/pid").strip("pid:[]"))  # noqa: PTH115
    except OSError:
        pass
    return "/".join(parts)
