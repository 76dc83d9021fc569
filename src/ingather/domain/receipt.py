"""What a job can say of its own completeness.

`stable` is what any run over the same data says, cut or uncut; it goes inside a `.json` file, so
that a resumed file equals the uncut one byte for byte. `full` adds what belongs to this run.
"""

from typing import Any

import msgspec

from ingather import __version__
from ingather.domain.job import File, Job, TargetState
from ingather.domain.kinds import RECORDS
from ingather.domain.merging import Filled
from ingather.domain.records import Comment

WHY = {
    "end_of_list": "the source said that this was the last page",
    "cap": "the cap on rows was reached and there was more",
    "limit": "the limit you asked for was reached",
    "cursor_loop": "the source gave a cursor that it had given before",
    "no_progress": "page after page held nothing new",
    "source_ended_early": "the source listed nothing although it declares rows",
    "up_to_date": "rows of the earlier export were reached",
    "unreachable": "it could not be read",
    "mixed": "its targets ended for different reasons, each of which is named",
    "cancelled": "it was cancelled",
    "budget": "the time, calls or money you gave it were spent",
    "rate_limit": "the platform's limit is reached",
    "needs_login": "the access token is no longer valid",
    "no_balance": "the account at the source has no balance left",
    "storage": "there is no room left where rows are stored, or it does not answer",
    "schema_drift": "the source's answers have changed their shape",
    "asked": "you asked for it",
}
"""A named ending or pause in words."""


def why(job: Job) -> str | None:
    """Its ending, pause or failure in words; None where there is none yet."""
    if job.reason in WHY:
        return WHY[job.reason]
    return job.error.message if job.status == "failed" and job.error else None


def gap(job: Job) -> int | None:
    """Rows declared by the platform and not fetched; None where it declares nothing, or where
    replies were left out on purpose (the declared number counts them) or only newer rows asked.

    Negative when more came than were declared, as when people comment meanwhile.
    """
    declared = job.target.declared
    if job.count > 1 or declared is None or not job.options.replies or job.options.since_job:
        return None
    known = job.counters.appended + job.counters.filtered
    return declared - known


def gap_percent(job: Job) -> float | None:
    """The gap as a percentage of what is declared, to two places."""
    missing, declared = gap(job), job.target.declared
    if missing is None or declared is None:
        return None
    return round(100 * missing / declared, 2) if declared else 0.0


def grown(job: Job) -> int | None:
    """How many more the platform declares than at the earlier export; None where it went on from
    none, or the platform did not say. Deletions meanwhile make it less."""
    declared, before = job.target.declared, job.options.since_declared
    return None if declared is None or before is None else declared - before


def unaccounted(job: Job) -> int:
    """Of those, how many at least did not come up in an export that was read to its end."""
    known = grown(job)
    if known is None or job.reason != "up_to_date" or not job.options.replies:
        return 0
    return max(0, known - job.counters.appended)


def unique_users(job: Job) -> int | None:
    """Distinct writers, or accounts; None where no row tells an id of its own, as in an archive."""
    return job.counters.uniq_users or (None if job.counters.appended else 0)


CUT = frozenset({"cap", "limit", "cursor_loop", "no_progress", "source_ended_early"})
"""Endings that leave rows behind."""

LEFT = CUT | {"unreachable"}
"""The same of a target, which may not be there at all."""


def complete(job: Job) -> bool | None:
    """True: every declared row is there. False: rows are missing. None: it cannot be told."""
    if job.reason not in ("end_of_list", "up_to_date", "mixed"):
        return False
    if LEFT & job.overview.ended.keys():
        return False
    if job.count > 1:
        return None
    missing = gap(job)
    return None if missing is None else missing <= 0


def stable(job: Job) -> dict[str, Any]:
    """The part that does not depend on the run. What is told of replies is null where there can be
    none: the rows are accounts or posts."""
    target = job.target
    threads = RECORDS[job.kind] is Comment
    return {
        "kind": job.kind,
        "source": job.source,
        "route": job.route,
        "post": {
            "mediaId": target.id,
            "shortcode": target.shortcode,
            "permalink": target.permalink,
            "timestamp": target.timestamp,
            "username": target.username,
        },
        "includesReplies": job.options.replies if threads else None,
        "declared": target.declared if job.count == 1 else None,
        "kept": job.counters.appended,
        "replies": job.counters.replies if threads else None,
        "filtered": job.counters.filtered,
        "gap": gap(job),
        "gapPercent": gap_percent(job),
        "complete": complete(job),
        "ended": job.reason,
        "cap": job.options.cap if job.reason == "cap" else None,
        "limit": job.options.limit if job.reason == "limit" else None,
        "since": job.options.since_time,
        "lookedBackTo": job.down_to,
        "grownBy": grown(job),
    }


def _target(state: TargetState) -> dict[str, Any]:
    """One of several targets: what it was called, what it is, and how its reading ended."""
    return {
        "name": state.words or state.target.username or state.target.id,
        "id": state.target.id or None,
        "declared": state.target.declared,
        "ended": state.ended,
        "error": state.error.message if state.error else None,
    }


def of_sources(job: Job, filled: Filled | None) -> dict[str, Any]:
    """`full` of an analysis, and what each of its sources was asked and has cost."""
    second = filled or Filled("")
    sources: list[dict[str, Any]] = [
        {
            "source": job.source,
            "calls": job.counters.calls - second.calls,
            "units": job.counters.units - second.units,
        }
    ]
    if filled is not None:
        sources.append(msgspec.to_builtins(filled))
    return {**full(job), "sources": sources}


def full(job: Job, file: File | None = None) -> dict[str, Any]:
    """All of it, as printed and written beside its file; each target where all are at hand."""
    counters = job.counters
    file = file or job.file
    receipt = stable(job)
    if job.count > 1:
        receipt |= {"targetCount": job.count, "targetsEnded": job.overview.ended}
        if job.summed is None:
            receipt["targets"] = [_target(state) for state in job.targets]
    receipt |= {
        "exportId": job.id,
        "status": job.status,
        "partial": job.status not in ("done", "csv_pending"),
        "why": why(job),
        "fetched": counters.fetched,
        "duplicates": counters.skipped_dupes,
        "refusedAtCap": counters.refused,
        "uniqueUsers": unique_users(job),
        "repairedTexts": counters.repaired,
        "pages": counters.pages,
        "calls": counters.calls,
        "units": counters.units,
        "retries": counters.retries,
        "waits": counters.parks,
        "waitedSeconds": counters.waited,
        "passes": job.overview.passes,
        "createdAt": job.created_at,
        "startedAt": job.started_at,
        "finishedAt": job.finished_at,
        "file": {
            "name": file.path.replace("\\", "/").rsplit("/", 1)[-1],
            "format": file.format,
            "rows": file.rows,
            "sizeBytes": file.size_bytes,
            "sha256": file.sha256,
        }
        if file
        else None,
        "program": f"ingather {__version__}",
    }
    return receipt
