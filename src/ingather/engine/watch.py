"""What a run tells whoever is watching; a door shows it."""

from typing import Protocol

from ingather import errors
from ingather.domain.job import Counters, Job


class Watch(Protocol):
    """Called from the run, must return at once."""

    def began(self, job: Job) -> None: ...

    def page(self, counters: Counters) -> None: ...

    def retrying(self, error: errors.IngatherError, seconds: float) -> None: ...

    def parked(self, seconds: float) -> None: ...


class Unwatched:
    """Nobody is watching."""

    def began(self, job: Job) -> None: ...

    def page(self, counters: Counters) -> None: ...

    def retrying(self, error: errors.IngatherError, seconds: float) -> None: ...

    def parked(self, seconds: float) -> None: ...
