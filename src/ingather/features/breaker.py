"""A circuit breaker: a source that fails again and again is left alone for a while."""

from ingather.ports import Clock

RUN = 5
"""Failures running after which it opens; for pages, so many shells mean that we are blocked."""
REST = 300.0
LONGEST_REST = 3_600.0
_TRIAL = 10.0
"""Seconds after which others ask again how the one call went that is let through first."""


class Breaker:
    """One source's. After its rest one call is let through: it closes the breaker, or opens it for
    twice as long."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._rest = REST
        self._until = 0.0
        self._trial_until = 0.0

    def enter(self) -> float:
        """0.0 where a call may be made, else seconds to wait before asking again."""
        now = self._clock.monotonic()
        if now < self._until:
            return self._until - now
        if self._failures < RUN:
            return 0.0
        if now < self._trial_until:
            return self._trial_until - now
        self._trial_until = now + _TRIAL
        return 0.0

    @property
    def out_of_order(self) -> bool:
        """Whether nobody was answered since the failure before the last one: it is the source then
        that does not work, and not what it was asked for."""
        return self._failures > 1

    def well(self) -> None:
        """The source answered as it should."""
        self._failures, self._rest, self._until, self._trial_until = 0, REST, 0.0, 0.0

    def failed(self) -> None:
        """It did not."""
        self._failures += 1
        if self._failures == RUN or (self._failures > RUN and self._trial_until):
            self.shut(self._rest)
            self._rest = min(LONGEST_REST, self._rest * 2)

    def shut(self, seconds: float) -> None:
        """Open it for so long at least."""
        self._until = max(self._until, self._clock.monotonic() + seconds)
        self._failures, self._trial_until = max(self._failures, RUN), 0.0
