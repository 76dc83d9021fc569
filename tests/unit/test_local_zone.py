"""Hours of a computer that nobody told a time zone."""

import time
from datetime import UTC, datetime

import pytest

from ingather.cli.local_zone import Local


@pytest.fixture
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield Local()
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system's zone cannot be set")
def test_summer_and_winter_have_their_own_hours(berlin) -> None:
    """A reel of July has the hour of summer time, whenever it is looked at."""
    for month, hour in ((1, 13), (7, 14)):
        when = datetime(2026, month, 15, 12, tzinfo=UTC)
        assert when.astimezone(berlin).hour == hour
        assert (
            datetime.fromtimestamp(when.timestamp(), berlin)
            .isoformat()
            .endswith(f"T{hour}:00:00+0{hour - 12}:00")
        )
    assert berlin.name == "CET/CEST"
    twice = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # half past two for the second time
    assert twice.astimezone(berlin).isoformat() == "2026-10-25T02:30:00+01:00"
