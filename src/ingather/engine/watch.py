"""What a run tells whoever is watching; a door shows it."""

from typing import Protocol

from ingather import errors
from ingather.domain.job import Counters, Job, TargetState


class Watch(Protocol):
    """Called from the run, must return at once."""

    def began(self, job: Job) -> None: ...

    def target(self, place: int, state: TargetState) -> None:
        """The turn of one of the job's targets has come; those before it are over."""
        ...

    def page(self, counters: Counters) -> None: ...

    def retrying(self, error: errors.IngatherError, seconds: float) -> None: ...

    def parked(self, seconds: float) -> None: ...


class Unwatched:
    """Nobody is watching."""

    def began(self, job: Job) -> None: ...

    def target(self, place: int, state: TargetState) -> None: ...

    def page(self, counters: Counters) -> None: ...

    def retrying(self, error: errors.IngatherError, seconds: float) -> None: ...

    def parked(self, seconds: float) -> None: ...
