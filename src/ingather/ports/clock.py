"""Time, as the house is given it."""

from typing import Protocol


class Clock(Protocol):
    """Time, handed in, so that tests need not wait."""

    def now(self) -> float:
        """Seconds since the epoch, for people and timestamps."""
        ...

    def monotonic(self) -> float:
        """Seconds that only go forward, for deadlines."""
        ...

    async def sleep(self, seconds: float) -> None: ...
