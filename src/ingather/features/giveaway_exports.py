"""The exports that a giveaway is drawn from: found, owned, complete or said to be not."""

from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct

from ingather import errors
from ingather.domain import filters, receipt
from ingather.domain.job import Job, Target
from ingather.domain.records import Comment
from ingather.ports import Jobs, Rows

KINDS = ("comments", "commenters")


class Kept(Jobs, Rows, Protocol):
    """A store with jobs and their rows."""


class Gathered(Struct, frozen=True):
    """What the exports hold. flaws: why they are not complete, in words. notes: what else has to
    be said of them."""

    jobs: tuple[Job, ...]
    comments: tuple[Comment, ...]
    flaws: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def targets(self) -> list[Target]:
        """The posts, each once."""
        found = {each.target.id: each.target for job in self.jobs for each in job.targets}
        return list(found.values())

    @property
    def declared(self) -> int:
        """`commentCount`: what the posts declared when their exports began, or, where one of them
        did not, the comments that are here."""
        told = [job.target.declared if job.count == 1 else None for job in self.jobs]
        known = [declared for declared in told if declared is not None]
        return sum(known) if len(known) == len(told) else len(self.comments)

    def snapshot(self) -> dict[str, Any]:
        """What is published of the exports with the commitment: no fractions, so that the text is
        the same in every language."""
        return {
            "exports": [_stated(job) for job in self.jobs],
            "comments": len(self.comments),
            "complete": not self.flaws,
            "words": [*self.flaws, *self.notes],
        }


class Exports:
    """The exports of some stores."""

    def __init__(self, stores: Sequence[Kept]) -> None:
        self._stores = stores

    async def gather(
        self, ids: Sequence[str], *, tenant: str | None, accept_incomplete: bool = False
    ) -> Gathered:
        """Every comment of these exports.

        tenant: who asks; None is who runs the installation. Raises ExportNotFound,
        ExportForbidden, ExportNotComplete (unless accepted), ExportHasNoComments, and BadInput for
        a job that holds no comments by its kind.
        """
        found = [await self.find(each, tenant) for each in dict.fromkeys(ids)]
        jobs = {job.id: (job, store) for job, store in found}
        flaws = tuple(flaw for job, _ in jobs.values() for flaw in flaws_of(job))
        if flaws and not accept_incomplete:
            raise errors.ExportNotComplete(
                hint="\n".join(("", *flaws, "--accept-incomplete draws all the same, and says so."))
            )
        comments = [
            row
            for job, store in jobs.values()
            async for batch in store.stream(job.id)
            for row in batch
            if isinstance(row, Comment)
        ]
        if not comments:
            raise errors.ExportHasNoComments
        notes = tuple(note for job, _ in jobs.values() for note in notes_of(job))
        return Gathered(tuple(job for job, _ in jobs.values()), tuple(comments), flaws, notes)

    async def posted(
        self, job_id: str, comment_id: str, commit: str, *, tenant: str | None = None
    ) -> Comment:
        """The comment in which a commitment was posted, as an export made since has it. Raises
        BadInput where it is not there or says something else."""
        job, store = await self.find(job_id, tenant)
        async for batch in store.stream(job.id):
            for row in batch:
                if not isinstance(row, Comment) or row.comment_id != comment_id:
                    continue
                if commit not in (row.text or "").lower():
                    raise errors.BadInput(
                        f"Comment {comment_id} does not hold the hash of this commitment.",
                        hint=f"It has to contain {commit}.",
                    )
                if row.username is None or row.timestamp is None:
                    raise errors.BadInput(
                        f"Of comment {comment_id} the source does not tell who wrote it, or when.",
                        hint="Tell it by hand, with --username and --timestamp.",
                    )
                return row
        raise errors.BadInput(
            f"Comment {comment_id} is not in this export.",
            hint="Export the post again, with its replies, now that the hash is posted.",
        )

    async def find(self, job_id: str, tenant: str | None) -> tuple[Job, Kept]:
        """An export by its id, and the store that has it."""
        for store in self._stores:
            try:
                job = await store.show(job_id)
            except errors.JobNotFound:
                continue
            if tenant not in (None, job.tenant):
                raise errors.ExportForbidden
            if job.kind not in KINDS:
                raise errors.BadInput(
                    f"A giveaway is drawn from comments, and job {job.id} is one of {job.kind}.",
                    hint="Give the job of `ingather export comments` or of"
                    " `ingather extract commenters`.",
                )
            return job, store
        raise errors.ExportNotFound


def flaws_of(job: Job) -> list[str]:
    """Why an export is not complete, a sentence each; nothing where it is, or nobody can tell."""
    post = job.target.permalink or job.target.id
    kept = job.counters.appended
    if job.status != "done":
        state = f"{job.status}: {job.reason}" if job.reason else job.status
        return [f"The export of {post} is not done ({state}); it holds {kept:,} comments so far."]
    said = []
    if job.options.since_job:
        said.append(f"The export of {post} holds only what is newer than {job.options.since_time}.")
    if job.reason in receipt.CUT:
        why = receipt.WHY[job.reason or ""]
        said.append(f"The export of {post} was cut after {kept:,} comments: {why}.")
    elif (missing := receipt.gap(job)) is not None and missing > 0:
        said.append(
            f"{job.target.declared:,} comments of {post} are declared, and {missing:,} of them"
            " were not listed."
        )
    elif receipt.complete(job) is False:
        said.append(f"The export of {post} could not read all that it was to read.")
    return said


def notes_of(job: Job) -> list[str]:
    """What else has to be said of an export."""
    post = job.target.permalink or job.target.id
    said = []
    if not job.options.replies:
        said.append(f"The export of {post} left replies out.")
    if job.counters.filtered:
        told = "; ".join(filters.describe(one) for one in job.options.filters)
        said.append(
            f"A filter of the export of {post} left {job.counters.filtered:,} comments out: {told}."
        )
    missing = receipt.gap(job)
    if missing is None:
        said.append(f"Whether the export of {post} has every comment cannot be told.")
    elif missing < 0:
        said.append(f"{-missing:,} comments more than declared were listed under {post}.")
    return said


def _stated(job: Job) -> dict[str, Any]:
    """The completeness of one export as it is published."""
    told = receipt.stable(job)
    chosen = ("kind", "source", "declared", "kept", "replies", "filtered", "gap", "complete")
    return {
        "id": job.id,
        "posts": [state.target.id for state in job.targets],
        "owner": job.owner.username,
        **{name: told[name] for name in chosen},
        "includes_replies": told["includesReplies"],
        "status": job.status,
        "ended": job.reason,
        "finished_at": job.finished_at,
    }
