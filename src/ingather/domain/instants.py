"""Moments as text: ISO 8601 in UTC."""

from datetime import UTC, datetime


def iso(seconds: float) -> str:
    """Epoch seconds with milliseconds and a Z, as JavaScript's toISOString writes them."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
