"""Queue: the order of any sequence of claims, told by a plain model of whose turn it is."""

import random
from uuid import uuid4

import pytest

from ingather.domain.job import AT_ONCE
from ingather.stores import states

SEEDS = (1, 2)
STEPS = 120


class Turns:
    """Whose turn it is: of tenants who waited ever since they were served, his who was served
    longest ago; before them, in any order, whoever waited for nothing meanwhile and had no later
    turn than they."""

    def __init__(self) -> None:
        self.waiting = {}
        self._served = {}
        self._known = set()

    def next(self) -> set[str]:
        """The jobs that may be taken up next."""
        heads = {}
        for job in sorted(self.waiting.values(), key=lambda job: (-job.priority, states.age(job))):
            heads.setdefault(job.tenant, job.id)
        first = min(heads, key=lambda tenant: self._served.get(tenant, 0), default=None)
        if first in self._known:
            return {heads[first]}
        return {heads[tenant] for tenant in heads.keys() - self._known}

    def took(self, job) -> None:
        self.leave(job.id)
        self._served[job.tenant] = max(self._served.values(), default=0) + 1
        if any(other.tenant == job.tenant for other in self.waiting.values()):
            self._known.add(job.tenant)

    def leave(self, job_id) -> None:
        self.waiting.pop(job_id, None)
        self._known &= {job.tenant for job in self.waiting.values()}


@pytest.mark.parametrize("seed", SEEDS)
async def test_any_sequence_of_claims_follows_the_turns(backing, make, seed) -> None:
    """Whatever is put in, given back, left behind, queued again or taken out, each claim is of the
    tenant whose turn it is, and of its jobs the first; none is lost, and none comes twice."""
    rng, turns, voice = random.Random(seed), Turns(), f"voice-{uuid4()}"
    tenants = [f"t{number}-{uuid4()}" for number in range(4)]
    jobs, held, aside = {}, {}, []

    async def put():
        changes = {"tenant": rng.choice(tenants), "priority": rng.choice([0, 0, 0, 5, -1])}
        job = await backing.jobs.create(make.job(source=voice, due=AT_ONCE, **changes))
        turns.waiting[job.id] = jobs[job.id] = job

    async def take(lease=30.0):
        claim = await backing.queue.next(make.holder, sources=[voice], lease=lease)
        expected = turns.next()
        assert (claim and claim.job.id) in (expected or {None})
        if claim is not None:
            turns.took(jobs[claim.job.id])
        return claim

    async def take_and_hold():
        if claim := await take():
            held[claim.job.id] = claim.fence

    async def take_and_die():
        if claim := await take(lease=0.001):
            await backing.elapse(0.004)
            turns.waiting[claim.job.id] = jobs[claim.job.id]

    async def settle():
        if not held:
            return
        job_id = rng.choice(list(held))
        status, again = rng.choice(
            [
                ("pending", 0.0),
                ("csv_pending", 0.0),
                ("paused", 0.001),
                ("failed", None),
                ("done", None),
            ]
        )
        await backing.leases.settle(job_id, held.pop(job_id), status, again=again)
        if again is not None:
            await backing.elapse(0.004)
            turns.waiting[job_id] = jobs[job_id]
        elif status == "failed":
            aside.append(job_id)

    async def ask():
        if turns.waiting:
            job_id = rng.choice(list(turns.waiting))
            job = await backing.jobs.ask(job_id, rng.choice(["pause", "cancel"]))
            if job.status == "csv_pending":
                return  # only its file is due, which no pause puts off
            turns.leave(job_id)
            if job.unfinished:
                aside.append(job_id)

    async def enqueue():
        if aside:
            job_id = aside.pop(rng.randrange(len(aside)))
            await backing.queue.enqueue(job_id)
            turns.waiting[job_id] = jobs[job_id]

    for _ in range(STEPS):
        await rng.choices(
            [put, take_and_hold, take_and_die, settle, ask, enqueue], [6, 6, 1, 4, 1, 2]
        )[0]()
    while await take() is not None:
        pass
    assert not turns.waiting
