"""The time zone of this computer, whose clocks may have been changed since a reel was posted."""

import time
from datetime import UTC, datetime, timedelta, tzinfo


class Local(tzinfo):
    """What this computer's clocks showed at any moment, in winter as in summer.

    `datetime.astimezone()` gives the offset of one moment alone.
    """

    @property
    def name(self) -> str:
        """Its abbreviations, as CET/CEST."""
        return "/".join(dict.fromkeys(time.tzname)) if time.daylight else time.tzname[0]

    def fromutc(self, when: datetime) -> datetime:
        there = when.replace(tzinfo=UTC).astimezone()
        shown = there.replace(tzinfo=None)
        # An hour that the clocks show twice is told apart by its second time.
        again = shown.astimezone().utcoffset() != there.utcoffset()
        return shown.replace(tzinfo=self, fold=int(again))

    def utcoffset(self, when: datetime | None) -> timedelta | None:
        return None if when is None else when.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, when: datetime | None) -> timedelta | None:
        return None

    def tzname(self, when: datetime | None) -> str:
        return self.name
