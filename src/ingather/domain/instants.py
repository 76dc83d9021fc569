"""Moments as text, ISO 8601 in UTC; and spans of time as people write them."""

import re
from datetime import UTC, datetime

from ingather import errors

_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?|\.[0-9]{1,3})\s*([smhd]?)")
_LONGEST = 36_500 * 86_400.0
"""A hundred years: no moment so far away is out of the calendar."""
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def iso(seconds: float) -> str:
    """Epoch seconds with milliseconds and a Z, as JavaScript's toISOString writes them."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def read(words: str) -> float:
    """Epoch seconds of an ISO 8601 moment. One that does not tell its offset from UTC is refused:
    read as UTC it would be hours away from what its writer sees on the clock. Raises BadInput."""
    try:
        found = datetime.fromisoformat(words.strip())
        if found.tzinfo is None:
            raise errors.BadInput(
                f"“{words}” does not say in which time zone.",
                hint="Add Z for UTC, or an offset such as +02:00: 2026-01-31T18:00Z.",
            )
        return found.timestamp()
    except (ValueError, OverflowError):
        raise errors.BadInput(
            f"“{words}” is no time.", hint="Write 2026-01-31T18:00Z, or +02:00 in place of Z."
        ) from None


def span(words: str, *, alone: str | None = None) -> float:
    """Seconds in 90s, 10m, 2h or 1d. alone: the unit of a number without one; None: it is refused,
    since whoever writes 7 may think of days. Raises BadInput."""
    found = _SPAN.fullmatch(words.strip())
    if found is None:
        raise errors.BadInput(f"“{words}” is no span of time.", hint="Write 90s, 10m, 2h or 1d.")
    unit = found[2] or alone
    if unit is None:
        number = found[1]
        raise errors.BadInput(
            f"“{words}” does not say of what.",
            hint=f"Write {number}s for seconds, {number}m for minutes, {number}h for hours or"
            f" {number}d for days.",
        )
    seconds = float(found[1]) * _SECONDS[unit]
    if seconds > _LONGEST:
        raise errors.BadInput(
            f"“{words}” is longer than a hundred years.", hint="Write 36500d at the most."
        )
    return seconds
