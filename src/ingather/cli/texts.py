"""Text that a command is given in a file or on its standard input, and numbers in what it says."""

import sys
from pathlib import Path


def text_of(path: Path | str) -> str:
    """All of a file's text, without the mark that spreadsheets put before it; - is standard input.
    Raises BadInput where it cannot be read."""
    from ingather import errors

    try:
        if str(path) == "-":
            return sys.stdin.buffer.read().decode("utf-8-sig")
        return Path(path).expanduser().read_text("utf-8-sig")
    except OSError as failure:
        raise errors.BadInput(f"{path} cannot be read: {failure.strerror}.") from None
    except UnicodeDecodeError as failure:
        raise errors.BadInput(
            f"{path} cannot be read: from byte {failure.start + 1} on it is not UTF-8.",
            hint="Save it as text in UTF-8, or as “CSV UTF-8” in a spreadsheet.",
        ) from None


def many(least: int, nouns: str, most: int | None = None) -> str:
    """A number, or from one to another, and what it counts, named in the plural: 1 call, 2 to 5
    calls."""
    most = least if most is None else most
    number = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return f"{number} {nouns if most != 1 else nouns.removesuffix('s')}"
