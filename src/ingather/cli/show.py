"""Jobs in words: the receipt when one ends, the list of all."""

import json
import re
from typing import Any

from ingather.cli import standing
from ingather.cli.texts import many
from ingather.domain import receipt
from ingather.domain.access import Webhook
from ingather.domain.instants import iso
from ingather.domain.job import Job, TargetState
from ingather.domain.kinds import OF_POSTS


def as_json(job: Job, hook: Webhook | None = None) -> str:
    """A job's own output: its id, status, receipt and file; and how its webhook stands, where it
    has one."""
    told = summary(job) | ({"webhook": hook.state} if hook else {})
    return json.dumps(told, ensure_ascii=False)


def summary(job: Job) -> dict[str, Any]:
    """A job as one object for programs."""
    return {
        "id": job.id,
        "kind": job.kind,
        "status": job.status,
        "reason": job.reason,
        "queued": job.due is not None,
        "dueAt": iso(job.due) if job.due else None,
        "alive": standing.alive(job),
        "tenant": job.tenant,
        "priority": job.priority,
        "target": job.target.permalink or job.target.shortcode or job.target.id,
        "owner": job.owner.username,
        "rows": job.counters.appended,
        "createdAt": job.created_at,
        "finishedAt": job.finished_at,
        "expiresAt": job.expires_at,
        "error": {"message": job.error.message, "code": job.error.code} if job.error else None,
        "file": job.file.path if job.file else None,
        "receipt": receipt.full(job),
    }


_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")

MOST_NAMED = 5
"""Targets that could not be read, named at the end of a run; the receipt names all."""

MOST_SHOWN = 20
"""The same where somebody asks for the job."""


def noun(job: Job) -> str:
    """What a job's rows are called."""
    return "comments" if job.kind == "comments" else "rows"


def of(job: Job) -> str:
    """What was collected from."""
    if job.count > 1:
        return f"{job.count:,} targets"
    target, words = job.target, job.targets[0].words
    if job.kind == "comments":
        return target.permalink or target.id
    who = f"@{target.username}" if target.username else target.permalink or words or target.id
    if job.kind in OF_POSTS and target.permalink:
        who = target.permalink  # and not the account whose post it is
    return f"{job.kind} of {_in_line(who)}"


def name(job: Job) -> str:
    """The shortest name of what was collected from; of several targets, how many are over."""
    state = job.targets[0]
    if job.count > 1:
        over = f"{job.overview.over:,} of " if job.unfinished and job.sequence else ""
        return f"{over}{job.count:,} targets"
    if job.kind == "comments":
        return state.target.shortcode or state.target.id
    target = state.target
    first = target.shortcode if job.kind in OF_POSTS else None
    return _in_line(first or target.username or target.shortcode or state.words or target.id)


def _in_line(named: str) -> str:
    """What somebody wrote, or the parts of an archive, in one line; nothing in it moves the
    terminal."""
    return _CONTROLS.sub("\ufffd", named.replace("\n", ", "))


def named(state: TargetState) -> str:
    """One of several targets, as it was called."""
    return _in_line(state.words or state.target.username or state.target.id)


def target_lines(job: Job) -> list[str]:
    """Of a job of several targets: how many are over and how, and where it is."""
    if job.count == 1:
        return []
    overview = job.overview
    ended = [f"{count:,} {ending}" for ending, count in overview.ended.items()]
    left = overview.count - overview.over
    lines = [f"  targets {' · '.join([*ended, *([f'{left:,} to be read'] if left else [])])}"]
    at = next((state for state in job.targets if state.ended is None), None)
    if left and at is not None and job.unfinished:
        lines.append(f"  at {named(at)}")
    return lines


def unread_lines(job: Job, most: int) -> list[str]:
    """The targets that could not be read, the first so many, and why."""
    unread = [state for state in job.targets if state.error]
    lines = [
        f"{named(state)} was not read{' to its end' if state.depth or state.deepest else ''}:"
        f" {_in_line(state.error.message)}"
        for state in unread[:most]
        if state.error
    ]
    if len(unread) > most:
        lines.append(f"And {len(unread) - most:,} more were not read; the receipt names each.")
    return lines


def webhook_line(hook: Webhook) -> str:
    """How a job's webhook stands."""
    why = f": {hook.error}" if hook.error else ""
    times = many(hook.attempts, "attempts")
    if hook.state == "delivered":
        return "Its webhook was delivered."
    if hook.state == "failed":
        return f"Its webhook was given up after {times}{why}"
    if hook.attempts:
        return f"Its webhook did not arrive in {times}, and is sent again{why}"
    return "Its webhook is sent when it has ended."


def _status(job: Job) -> str:
    """How a job stands, in a word or some."""
    if job.status == "running" and not standing.alive(job):
        return "Stopped in the middle"
    state = {"done": "Done", "csv_pending": "All rows are in, the file is not yet written"}
    return state.get(job.status, job.status.capitalize())


def receipt_lines(job: Job) -> list[str]:
    """The receipt in words."""
    full = receipt.full(job)
    counters = job.counters
    replies = f" ({counters.replies:,} of them replies)" if job.kind == "comments" else ""
    filtered = f" filtered {counters.filtered:,} ·" if job.options.filters else ""
    units = f" · units {counters.units:,}" if counters.units else ""
    lines = [
        f"{_status(job)}: {many(counters.appended, noun(job))}{replies} of {of(job)}",
        f"  declared {_number(full['declared'])} · fetched {counters.fetched:,} ·{filtered}"
        f" kept {counters.appended:,} · duplicates {counters.skipped_dupes:,} ·"
        f" {'writers' if job.kind == 'comments' else 'users'} {_number(full['uniqueUsers'])}",
        f"  gap {_gap(job)}",
        *target_lines(job),
    ]
    if job.reason:
        how = job.status if job.status in ("paused", "failed") else "ended"
        lines.append(f"  {how} {job.reason}: {full['why'] or job.reason}")
    limited = f", {many(counters.parks, 'times')} for a limit" if counters.parks else ""
    lines.append(
        f"  calls {counters.calls:,} · retries {counters.retries:,} · waited {counters.waited:,} s"
        f"{limited}{units} · source {job.source} {job.route}"
    )
    if job.options.since_job and job.reason == "up_to_date" and job.options.replies:
        lines.append(f"  not looked for: new replies under comments from before {_far(job)}")
    if counters.repaired:
        lines.append(f"  {counters.repaired:,} texts held broken characters, now U+FFFD")
    if job.file:
        lines.append(f"  file {job.file.path} ({_size(job.file.size_bytes)})")
        lines.append(f"  sha256 {job.file.sha256}")
        lines.append(f"  receipt {job.file.path}.receipt.json")
    lines.append(f"  job {job.id}")
    return lines


def warnings(job: Job) -> list[str]:
    """What somebody who reads only one more line should know."""
    found = unread_lines(job, MOST_NAMED)
    if job.reason == "cap":
        found.append(
            f"Cut at the cap of {job.options.cap:,} comments: there were more. `--cap N` raises it."
        )
    elif job.reason == "limit":
        found.append(
            f"Stopped at the {many(job.options.limit or 0, noun(job))} that --max asked for."
        )
    if job.kind == "comments":
        found += _about_post(job)
    elif job.counters.appended == 0 and job.status == "done":
        reason = "no row passed the filters" if job.counters.filtered else "the list is empty"
        if job.reason == "unreachable":
            reason = "nothing could be read"
        found.append(f"The file has only its header: {reason}.")
    return found


def _about_post(job: Job) -> list[str]:
    missing = receipt.gap(job)
    if job.target.comments_enabled is False:
        return ["Comments are turned off on this post."]
    if job.reason == "source_ended_early":
        return [
            "Instagram counts comments on this post and listed none: the app may be in"
            " development mode or lack Advanced Access to comments."
        ]
    if job.reason == "end_of_list" and missing is not None and missing > 0:
        return [
            f"{missing:,} comments are counted by Instagram and not listed: those of restricted"
            " accounts, and those deleted while the list was read."
        ]
    if missed := receipt.unaccounted(job):
        return [
            f"Instagram counts {receipt.grown(job):,} more than at the last export, and"
            f" {job.counters.appended:,} are new here: at least {missed:,} are not listed, or are"
            f" replies under comments from before {_far(job)}, which were not read again."
            " `--look-back 30d` reads those of the last 30 days."
        ]
    if job.counters.appended == 0 and job.status == "done" and not job.target.declared:
        return ["This post has no comments; the file has only its header."]
    return []


def _far(job: Job) -> str | None:
    """The moment before which comments were not read again."""
    return min(filter(None, (job.options.since_time, job.down_to)), default=None)


def _gap(job: Job) -> str:
    missing = receipt.gap(job)
    if missing is None:
        if receipt.stable(job)["declared"] is None:
            return "cannot be told (it is not declared how many there are)"
        return "cannot be told (the declared number counts what this export leaves out)"
    if missing < 0:
        return f"none ({-missing:,} more came than were declared)"
    return f"{missing:,} ({receipt.gap_percent(job):g} %)"


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _size(size: int) -> str:
    amount = float(size)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
