"""What a receipt says of a job."""

import pytest

from ingather.domain import receipt
from ingather.domain.job import Job, Options, Owner, Target, TargetState
from ingather.domain.kinds import RECORDS
from ingather.domain.records import Comment


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("replies", [True, False])
def test_replies_are_told_only_where_there_can_be_any(kind, replies):
    """Of accounts and posts neither whether replies were asked for is said, nor that none came."""
    job = Job(
        id="j",
        kind=kind,
        owner=Owner("1", "ann"),
        source="hiker",
        route="r",
        targets=(TargetState(target=Target(id="7")),),
        options=Options(replies=replies),
        created_at="2026-11-21T00:00:00.000Z",
    )
    told = receipt.full(job)
    threads = RECORDS[kind] is Comment
    assert (told["includesReplies"], told["replies"]) == ((replies, 0) if threads else (None, None))
