"""How far an analysis is, in the words and figures of seeds/reel-analysis.md."""

from typing import Literal

from msgspec import Struct

from ingather.domain.job import Job, Status

SeedStatus = Literal["pending", "processing", "completed", "failed"]

RESOLVED, PROFILED, READ, COMPLETED = 10, 30, 80, 100
"""Per cent: the username is an id, the profile is stored, the reels are read, all is written."""

_WORDS: dict[Status, SeedStatus] = {
    "pending": "pending",
    "running": "processing",
    "paused": "processing",
    "csv_pending": "processing",
    "done": "completed",
    "failed": "failed",
    "cancelled": "failed",
}


class Standing(Struct, frozen=True):
    """progress: per cent. message: what is going on, in words. remaining: seconds, about; None
    where nobody can tell. reels: written so far."""

    progress: int
    message: str
    remaining: float | None = None
    reels: int = 0


def seed_status(status: Status) -> SeedStatus:
    """The seed's word for a job's status."""
    return _WORDS[status]


def across(read: int, expected: int | None) -> int:
    """Per cent while reels are read: from 30 to 80, of as many as there may be at the most.

    How many reels an account has is told nowhere; its posts are an upper bound, so this may jump.
    """
    if not expected:
        return PROFILED
    return min(READ, PROFILED + (READ - PROFILED) * read // expected)


def standing_of(job: Job, told: Standing | None) -> Standing:
    """How far a job is, by its own state and what its run told last."""
    reels = job.counters.appended
    if job.status == "done":
        return Standing(COMPLETED, f"{reels:,} reels analysed.", 0.0, reels)
    if job.status in ("failed", "cancelled"):
        why = job.error.message if job.error else "It was cancelled."
        return Standing(told.progress if told else 0, why, None, reels)
    if job.status == "paused":
        waiting = "Paused; it can be resumed."
        return Standing(told.progress if told else 0, waiting, None, reels)
    if told is None:
        return Standing(0, "Waiting for its turn.")
    return told
