"""Text that a command is given in a file or on its standard input."""

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
