"""Text that a command is given in a file or on its standard input."""

import io

import pytest

from ingather import errors
from ingather.cli.texts import text_of


def test_the_mark_of_a_spreadsheet_is_no_text(tmp_path, monkeypatch):
    """Excel's “CSV UTF-8” begins with a mark; its first column's name does not, from wherever."""
    marked = b"\xef\xbb\xbfhandle\nnasa\n"
    (tmp_path / "a.csv").write_bytes(marked)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(marked)))
    assert text_of(tmp_path / "a.csv") == text_of("-") == "handle\nnasa\n"


@pytest.mark.parametrize("given", [b"\xff\xfeh\x00", "naïve".encode("latin-1")])
def test_what_is_not_utf_8_says_what_to_do(tmp_path, given):
    """Where it ceases to be text, and how to save it; nothing of the interpreter's own words."""
    (tmp_path / "a.csv").write_bytes(given)
    with pytest.raises(errors.BadInput, match="not UTF-8") as refused:
        text_of(str(tmp_path / "a.csv"))
    assert "CSV UTF-8" in str(refused.value) and "codec" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    """One sentence, without the interpreter's numbers."""
    with pytest.raises(errors.BadInput, match=r"nothing cannot be read: No such file") as refused:
        text_of(tmp_path / "nothing")
    assert "Errno" not in str(refused.value)
