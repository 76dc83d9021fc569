"""The seeds' ExportRecord: keys, words, and text in pieces."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ingather.domain import export_record
from ingather.domain.job import Counters, Failure, File, TargetState

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
NASTY = '"status":"running" "counters":{"fetched":0,"appended":0} \\" 🪔 []'


def whole(job) -> dict:
    return json.loads(export_record.text(job))


def filled(job, *values) -> bytes:
    """The text in pieces with values in the holes, as redis_commit.lua writes it."""
    pieces = export_record.pieces(export_record.of(job))
    assert len(pieces) == len(export_record.HOLES) + 1
    holes = [str(value).encode() for value in values]
    return b"".join(part for pair in zip(pieces, [*holes, b""], strict=True) for part in pair)


def test_new_record_has_the_seeds_keys(make) -> None:
    """A new record holds what the seed requires; what is not known yet is left out."""
    job = make.job()
    assert whole(job) == {
        "exportId": job.id,
        "status": "pending",
        "owner": {"instagramId": job.owner.instagram_id, "username": "lighthouse"},
        "post": {
            "mediaId": job.target.id,
            "permalink": job.target.permalink,
            "caption": job.target.caption,
        },
        "igPaging": {},
        "counters": {"fetched": 0, "appended": 0, "skippedDupes": 0, "uniqUsers": 0},
        "list": {"key": f"igexp:{job.id}:comments"},
        "file": {"csvReady": False},
        "createdAt": job.created_at,
    }


def test_finished_record_has_the_rest(make) -> None:
    """A finished record tells its file, its times and its counters."""
    job = make.job(
        status="done",
        file=File(path="/c.csv", format="csv", size_bytes=77, rows=3, sha256="00"),
        counters=Counters(fetched=5, appended=3, skipped_dupes=2, uniq_users=1, calls=9),
        started_at="2025-01-01T00:00:00.000Z",
        finished_at="2025-01-01T00:01:00.000Z",
    )
    record = whole(job)
    assert record["file"] == {"csvReady": True, "sizeBytes": 77}
    assert record["counters"] == {
        "fetched": 5, "appended": 3, "skippedDupes": 2, "uniqUsers": 1,
    }  # fmt: skip
    assert (record["startedAt"], record["finishedAt"]) == (job.started_at, job.finished_at)


GONE = Failure("It is gone.", "gone")
CANCELLED = {"message": "Cancelled on request.", "code": "cancelled"}


@pytest.mark.parametrize(
    ("status", "error", "word", "shown"),
    [
        ("pending", None, "pending", None),
        ("running", GONE, "running", None),
        ("paused", None, "running", None),
        ("csv_pending", None, "csv_pending", None),
        ("done", None, "done", None),
        ("failed", GONE, "failed", {"message": "It is gone.", "code": "gone"}),
        ("failed", Failure("It is gone."), "failed", {"message": "It is gone."}),
        ("cancelled", None, "failed", CANCELLED),
    ],
)
def test_status_words(make, status, error, word, shown) -> None:
    """Paused shows as running, cancelled as failed with code `cancelled`, the others as such."""
    record = whole(make.job(status=status, error=error))
    assert (record["status"], record.get("error")) == (word, shown)


def test_unknown_permalink_is_null(make) -> None:
    """A required key whose value is not known is null, an optional one is left out."""
    job = make.job()
    bare = structs.replace(job.target, permalink=None, caption=None)
    post = whole(structs.replace(job, targets=(TargetState(target=bare),)))["post"]
    assert post == {"mediaId": job.target.id, "permalink": None}


@given(caption=st.none() | st.just(NASTY) | TEXT, cursor=st.none() | st.just(NASTY) | TEXT)
def test_pieces_with_values_are_the_record(make, caption, cursor) -> None:
    """Pieces and values joined are byte for byte the record that Python would write, whatever the
    caption and the cursor pretend to be."""
    job = make.job(status="csv_pending", counters=Counters(fetched=40, appended=30, uniq_users=9))
    target = structs.replace(job.target, caption=caption)
    job = structs.replace(job, targets=(TargetState(target=target, cursor=cursor),))
    assert filled(job, "csv_pending", 40, 30, 0, 9) == export_record.text(job)


def test_record_reads_back_as_a_job(make) -> None:
    """What a record says of a job is what the job said."""
    job = make.job(
        status="failed",
        error=Failure("It is gone.", "gone"),
        counters=Counters(fetched=5, appended=3, skipped_dupes=2, uniq_users=1),
    )
    found = export_record.job_of(export_record.of(job))
    assert export_record.text(found) == export_record.text(job)
    assert (found.owner, found.status, found.error) == (job.owner, "failed", job.error)
    assert (
        export_record.job_of(export_record.of(make.job(status="cancelled"))).status == "cancelled"
    )
