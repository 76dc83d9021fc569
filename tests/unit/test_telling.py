"""The profile of an analysis is stored beside its first page, and before anybody sees that."""

import asyncio

import pytest

from ingather import errors
from ingather.domain.job import Job, Owner, Target, TargetState
from ingather.domain.page import Page
from ingather.domain.records import Profile
from ingather.engine.watch import Unwatched
from ingather.features.introduced import Introduced
from ingather.features.telling import Telling

LAMPS = Profile(user_id="1784", username="lamps")
JOB = Job(
    id="one",
    kind="analysis",
    owner=Owner("", "lamps"),
    source="graph",
    route="media",
    targets=(TargetState(target=Target(id=""), words="lamps"),),
    created_at="2026-11-01T00:00:00Z",
)


class Log:
    """A source and a table that write down what is asked of them."""

    name, route, limit_key = "graph", "media", "key"

    def __init__(self, *, full: bool = False) -> None:
        self.said: list[str] = []
        self._full = full

    async def profile(self, words: str) -> Profile | None:
        if words == JOB.id:  # the table is asked
            return None
        self.said.append("looked up")
        return LAMPS

    async def standing(self, job_id: str) -> None:
        return None

    async def filled(self, job_id: str) -> None:
        return None

    async def fetch(self, *_: object, **__: object) -> Page:
        self.said.append("asked")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.said.append("answered")
        return Page((), None)

    async def begin(self, job_id: str, profile: Profile) -> None:
        if self._full:
            raise errors.StorageFull
        self.said.append(f"stored @{profile.username}")

    async def note(self, job_id: str, standing: object) -> None:
        self.said.append(f"{standing.progress} %")


async def nothing(job_id: str, offset: int) -> list:
    return []


async def page(log: Log, clock, *, found: bool) -> None:
    async with Telling(JOB, log, nothing, Unwatched(), clock) as told:
        source = Introduced(log, told)
        target = Target(id="1784", username="lamps")
        if found:
            target = await source.resolve("lamps")
        await source.fetch(target, None, replies=False)
        log.said.append("seen")
        await source.fetch(target, "more", replies=False)


async def test_the_profile_is_stored_while_the_first_page_is_on_its_way(clock) -> None:
    """The request goes out first, and the page is seen when the profile is there: once."""
    log = Log()
    await page(log, clock, found=True)
    stored = ["10 %", "stored @lamps", "30 %"]
    assert log.said[:2] == ["looked up", "asked"]
    assert sorted(log.said[2 : log.said.index("seen")]) == sorted(["answered", *stored])
    assert log.said.count("stored @lamps") == 1


async def test_a_run_killed_at_its_look_up_has_its_profile_looked_up_again(clock) -> None:
    """Where the target was kept and its profile was not, the next run asks for that first."""
    log = Log()
    await page(log, clock, found=False)
    assert log.said.index("stored @lamps") < log.said.index("seen")


async def test_a_profile_that_cannot_be_stored_holds_its_page_back(clock) -> None:
    """A full disk is told before a page is committed for which there would be no profile."""
    log = Log(full=True)
    with pytest.raises(errors.StorageFull):
        await page(log, clock, found=True)
    assert "seen" not in log.said
