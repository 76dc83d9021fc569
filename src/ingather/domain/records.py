"""The things that are collected: frozen, typed, unknown is None.

JSON keys are the seeds' camelCase (`NormalizedComment` of data-models.md).
"""

from msgspec import Struct


class Comment(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """A comment or a reply, as `NormalizedComment` in the seeds.

    comment_id: decimal string of 17 or 18 digits.
    user_id: Instagram-scoped id of the writer, None where the source does not tell.
    timestamp: ISO 8601 in UTC with a trailing Z, seconds.
    parent_comment_id: the thread's first comment; None on a top-level comment.
    """

    comment_id: str
    user_id: str | None
    username: str | None
    timestamp: str | None
    like_count: int | None
    parent_comment_id: str | None = None
    text: str | None


Record = Comment


def natural_id(record: Record) -> str:
    """The id by which a record is itself within a job."""
    return record.comment_id
