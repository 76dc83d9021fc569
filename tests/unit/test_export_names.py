"""A file that cannot be made is refused before anything is fetched for it."""

from pathlib import Path

import pytest
from msgspec import structs

from ingather import errors
from ingather.domain.job import Options
from ingather.features import comments


def wanted(**changes):
    return structs.replace(comments.Wanted(post="demo", cap=5_000), **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "nonsense"},
        {"path": "-", "format": "xlsx"},
        {"path": "-", "format": "parquet"},
        {"path": "/tmp/comments.txt"},
        {"path": "/tmp/comments.csv", "format": "doc"},
    ],
)
def test_an_impossible_file_is_refused_at_once(changes):
    """An unknown format, and a workbook on standard output, are bad input from the start."""
    with pytest.raises(errors.BadInput):
        comments.check(wanted(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"format": "xlsx"},
        {"path": "-"},
        {"path": "-", "format": "json.gz"},
        {"path": "/tmp/comments.txt", "format": "csv"},
    ],
)
def test_a_possible_file_is_let_through(changes):
    """What can be written passes without a word."""
    comments.check(wanted(**changes))


@pytest.mark.parametrize(
    ("format", "ending"), [(None, ".csv"), ("xlsx", ".xlsx"), ("jsonl.gz", ".jsonl.gz")]
)
def test_a_name_of_ours_has_the_ending_of_its_format(make, format, ending):
    """Without -o the file is called by what is in it."""
    job = make.job(options=Options(format=format))
    assert Path(comments.default_path(job)).name.endswith(f"{job.id[:8]}{ending}")
