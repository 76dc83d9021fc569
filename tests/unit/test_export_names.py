"""A file that cannot be made is refused before anything is fetched for it."""

from pathlib import Path

import pytest

from ingather import errors
from ingather.domain.job import Options
from ingather.features import collection


@pytest.mark.parametrize(
    ("path", "format"),
    [
        (None, "nonsense"),
        ("-", "xlsx"),
        ("-", "parquet"),
        ("/tmp/comments.txt", None),
        ("/tmp/comments.csv", "doc"),
    ],
)
def test_an_impossible_file_is_refused_at_once(path, format):
    """An unknown format, and a workbook on standard output, are bad input from the start."""
    with pytest.raises(errors.BadInput):
        collection.check_file(path, format)


@pytest.mark.parametrize(
    ("path", "format"),
    [
        (None, None),
        (None, "xlsx"),
        ("-", None),
        ("-", "json.gz"),
        ("/tmp/comments.txt", "csv"),
    ],
)
def test_a_possible_file_is_let_through(path, format):
    """What can be written passes without a word."""
    collection.check_file(path, format)


@pytest.mark.parametrize(
    ("format", "ending"), [(None, ".csv"), ("xlsx", ".xlsx"), ("jsonl.gz", ".jsonl.gz")]
)
def test_a_name_of_ours_has_the_ending_of_its_format(make, format, ending):
    """Without -o the file is called by what is in it."""
    job = make.job(options=Options(format=format))
    assert Path(collection.default_path(job)).name.endswith(f"{job.id[:8]}{ending}")
