"""How far an analysis is, in the seed's words and per cent (seeds/reel-analysis.md)."""

import pytest
from msgspec import structs

from ingather.domain import progress
from ingather.domain.job import Counters, Failure, Job, Options, Owner, Target, TargetState
from ingather.domain.progress import Standing
from ingather.domain.records import Media, Profile
from ingather.engine.watch import Unwatched
from ingather.features.telling import Telling

JOB = Job(
    id="1",
    kind="analysis",
    owner=Owner("", "lamps"),
    source="graph",
    route="media",
    targets=(TargetState(target=Target(id="1784"), words="lamps"),),
    options=Options(),
    created_at="2026-11-01T00:00:00Z",
)
TOLD = Standing(42, "Reading reels: 7 so far.", 3.5, 7)


def at(status: str, **changes) -> Job:
    return structs.replace(JOB, status=status, counters=Counters(appended=7), **changes)


@pytest.mark.parametrize(
    ("read", "expected", "per_cent"),
    [(0, 100, 30), (50, 100, 55), (99, 100, 79), (100, 100, 80), (300, 100, 80), (9, None, 30)],
)
def test_reels_are_read_from_30_to_80(read, expected, per_cent) -> None:
    """Of as many as there may be; where nobody can tell, it stays at 30, and never passes 80."""
    assert progress.across(read, expected) == per_cent


@pytest.mark.parametrize(
    ("status", "word", "per_cent", "said"),
    [
        ("pending", "pending", 42, "7 so far"),
        ("running", "processing", 42, "7 so far"),
        ("paused", "processing", 42, "can be resumed"),
        ("done", "completed", 100, "7 reels analysed"),
        ("failed", "failed", 42, "The token has expired."),
        ("cancelled", "failed", 42, "It was cancelled."),
    ],
)
def test_each_status_has_the_seeds_word(status, word, per_cent, said) -> None:
    """And a message in words; what failed keeps how far it was and says why, only what is done is
    at 100."""
    error = Failure("The token has expired.", "token") if status == "failed" else None
    job = at(status, error=error)
    standing = progress.standing_of(job, TOLD)
    assert progress.seed_status(job.status) == word
    assert standing.progress == per_cent
    assert said in standing.message


def test_what_nobody_has_taken_up_waits() -> None:
    """Nothing is told before a run tells something."""
    waits = progress.standing_of(JOB, None)
    assert (waits.progress, waits.message) == (0, "Waiting for its turn.")


class Noted:
    """A table that keeps what is told of the progress."""

    def __init__(self) -> None:
        self.standings: list[Standing] = []

    async def profile(self, job_id: str) -> Profile:
        return Profile(user_id="1784", username="lamps", media_count=200)

    async def standing(self, job_id: str) -> None: ...

    async def filled(self, job_id: str) -> None: ...

    async def add(self, job_id: str, reels: list[Media], source: str) -> None: ...

    async def note(self, job_id: str, standing: Standing) -> None:
        self.standings.append(standing)


async def nothing(job_id: str, offset: int) -> list[Media]:
    return []


@pytest.mark.parametrize(("limit", "per_cent", "left"), [(None, 42, 15.0), (100, 55, 5.0)])
async def test_what_remains_goes_by_the_pace_so_far(clock, limit, per_cent, left) -> None:
    """50 posts in five seconds, of 200 or of as many as were asked for."""
    table = Noted()
    job = structs.replace(JOB, options=Options(limit=limit))
    async with Telling(job, table, nothing, Unwatched(), clock) as told:
        await clock.sleep(5.0)
        told.page(Counters(fetched=50))
    assert (table.standings[-1].progress, table.standings[-1].remaining) == (per_cent, left)


async def test_waiting_is_told_as_what_goes_on(clock) -> None:
    """Who watches reads why nothing comes, until something does."""
    table = Noted()
    async with Telling(JOB, table, nothing, Unwatched(), clock) as told:
        told.parked(300.0)
    assert table.standings[-1].message == "Waiting 300 s for the platform's limit."
    async with Telling(JOB, table, nothing, Unwatched(), clock) as told:
        told.parked(300.0)
        told.page(Counters(fetched=50))
    assert table.standings[-1].message == "Reading reels: 0 so far."
