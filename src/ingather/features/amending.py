"""What a person may change of a job that exists, and what no job may be begun with."""

from msgspec import Struct, structs

from ingather import errors
from ingather.domain.job import Job
from ingather.domain.kinds import WITH_INSIGHTS
from ingather.ports import Jobs

_MEASURED = 25
"""Calls of a run that brings a page of posts with their insights: twelve, and those that find the
account, and a metric or two that are refused."""


class Amended(Struct, frozen=True, kw_only=True):
    """What a job goes on with, in the words of `Options`; None: as it is. output: an absolute path
    or -; its ending picks the format, whatever the job was begun with, unless one is named."""

    limit: int | None = None
    cap: int | None = None
    max_calls: int | None = None
    max_units: int | None = None
    output: str | None = None
    format: str | None = None
    raw_csv: bool | None = None


async def amended(jobs: Jobs, job: Job, wanted: Amended) -> Job:
    """The job under what is wanted, from its next run on. Raises BadInput where it is over, or
    could not go on so."""
    given = {name: value for name, value in structs.asdict(wanted).items() if value is not None}
    if not given:
        return job
    if job.count == 1:
        refuse_too_little(job.route, wanted.max_calls, wanted.max_units)
    if wanted.output is not None:
        given["format"] = wanted.format
    return await jobs.amend(job.id, structs.replace(job.options, **given))


def refuse_too_little(route: str, calls: int | None, units: int | None) -> None:
    """Raise where the calls or units allowed to a run would all go into looking up its one target,
    or not suffice for a page: the same command would do no more the next time."""
    if route == WITH_INSIGHTS and calls is not None and calls < _MEASURED:
        raise errors.BadInput(
            "Insights take a call for each post, and a page of posts is kept whole or not at all.",
            hint=f"Allow {_MEASURED} calls at the least.",
        )
    allowed = [most for most in (calls, units) if most is not None]
    if allowed and min(allowed) < 2:
        raise errors.BadInput(
            "That allows one call, which looks the target up and brings no row.",
            hint="Allow two calls, or what they cost, at the least.",
        )
