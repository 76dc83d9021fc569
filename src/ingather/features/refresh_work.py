"""One message of the refresh, patiently, till it is done or lies among the dead letters.

It is never dropped: limits and stores that do not answer are waited for as long as it takes; what
no waiting can mend is buried, and only then may its offset be committed.
"""

import random
from collections.abc import Callable

from ingather import errors, points
from ingather.domain import refresh
from ingather.domain.refresh import Event, Origin
from ingather.features.refresh import Refresher
from ingather.features.refresh_sources import NotTold, Wait
from ingather.ports import Clock
from ingather.ports.refresh import Events, Watcher

ATTEMPTS = 3
_LONGEST = 60.0
_OUTAGE = 60.0
"""Seconds to the next attempt where a source could not be reached: a network that is gone for a
moment makes no dead letters."""
_HOUR = 3_600.0


class Work:
    """Handles messages; may be called many times at once, and cancelled anywhere."""

    def __init__(
        self,
        refresher: Refresher,
        events: Events,
        clock: Clock,
        watcher: Watcher,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._refresher = refresher
        self._events = events
        self._clock = clock
        self._watcher = watcher
        self._jitter = jitter

    async def do(self, body: bytes | None, origin: Origin) -> str:
        """Handle a message; on return it is done, and its offset may be committed. The outcome:
        refreshed, unchanged, failed, skipped, already or dead."""
        begun = self._clock.monotonic()
        try:
            event = refresh.event(body)
        except errors.BadEvent as failure:
            outcome = await self._bury(origin, body, failure, 1)
        else:
            outcome = await self._handle(event, body or b"", origin)
        self._watcher.done(outcome, self._clock.monotonic() - begun)
        return outcome

    async def _handle(self, event: Event, body: bytes, origin: Origin) -> str:
        attempts, waits = _Attempts(self._clock), 0
        while True:
            try:
                done = await self._refresher.handle(event, origin, attempt=attempts.made + 1)
                return done.outcome
            except Wait as wait:
                await self._park(wait.seconds, wait.why, wait.source)
                continue
            except errors.AccountNotFound as failure:
                return await self._bury(origin, body, failure, attempts.made + 1)
            except errors.StoreError as failure:
                waits += 1
                await self._park(self._backoff(waits), failure.code)
                continue
            except NotTold as untold:
                failed, why = untold.failure, untold.why
                outage = _OUTAGE if isinstance(failed, errors.Transient) else 0.0
                attempts.failed(out_of_order=untold.out_of_order)
                pause = max(untold.wait, outage, self._backoff(attempts.made))
            except Exception as failure:  # noqa: BLE001 - a fault of ours must not stop the rest
                failed = failure if isinstance(failure, errors.IngatherError) else _ours(failure)
                why = failed.code
                attempts.failed()
                pause = self._backoff(attempts.made)
            if attempts.made == ATTEMPTS:
                await self._log(event, origin, failed, attempts.made)
                return await self._bury(origin, body, failed, attempts.made)
            await self._park(pause, why)

    async def _bury(
        self, origin: Origin, body: bytes | None, failure: errors.IngatherError, attempts: int
    ) -> str:
        """Lay a message among the dead letters, however long that takes."""
        waits = 0
        while True:
            try:
                await self._events.bury(origin, body or b"", failure, attempts)
            except errors.StoreError as refused:
                waits += 1
                await self._park(self._backoff(waits), refused.code)
                continue
            points.reach("dlq_written")
            return "dead"

    async def _log(
        self, event: Event, origin: Origin, failure: errors.IngatherError, attempts: int
    ) -> None:
        waits = 0
        while True:
            try:
                return await self._refresher.give_up(event, origin, failure, attempt=attempts)
            except errors.StoreError as refused:
                waits += 1
                await self._park(self._backoff(waits), refused.code)

    async def _park(self, seconds: float, why: str, source: str | None = None) -> None:
        now = self._clock.now()
        with self._watcher.parked(why, since=now, until=now + seconds, source=source):
            await self._clock.sleep(seconds)

    def _backoff(self, times: int) -> float:
        return (0.5 + self._jitter() / 2) * min(_LONGEST, 0.5 * 2.0 ** min(times, 10))


class _Attempts:
    """Those of one message. What fails because a source tells nobody anything says little of the
    message, and costs it no more than one an hour: an outage is sat out, and a message that alone
    puts a source out of order is buried all the same."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = float("-inf")
        self.made = 0

    def failed(self, *, out_of_order: bool = False) -> None:
        now = self._clock.monotonic()
        if not out_of_order or now - self._last >= _HOUR:
            self.made, self._last = self.made + 1, now


def _ours(failure: Exception) -> errors.IngatherError:
    """An error that nobody foresaw, told by its kind alone: its words may hold a secret."""
    return errors.IngatherError(f"The refresh broke off ({type(failure).__name__}).")
