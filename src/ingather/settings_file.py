"""The file `.env` of a folder, which sets what the environment does not."""

import codecs
from pathlib import Path

from ingather import errors


def text(folder: Path) -> str:
    """What the file `.env` of a folder says; nothing where there is none, or a folder of that name.
    PowerShell writes UTF-16. Raises BadSetting where it cannot be read."""
    path = folder / ".env"
    try:
        raw = path.read_bytes()
        utf_16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return raw.decode("utf-16" if utf_16 else "utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        return ""
    except (OSError, UnicodeDecodeError) as failure:
        why = failure.strerror if isinstance(failure, OSError) else "it is no text in UTF-8"
        raise errors.BadSetting(f"{path} cannot be read: {why}.") from None


def read(folder: Path) -> dict[str, str]:
    """NAME=value lines; `export`, comments and matching quotes are understood."""
    try:
        lines = text(folder).splitlines()
    except errors.BadSetting:  # which `ingather doctor` tells; it may be no file of ours
        return {}
    found = {}
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or name.startswith("#"):
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        else:
            value = value.partition(" #")[0].strip()
        found[name.strip()] = value
    return found
