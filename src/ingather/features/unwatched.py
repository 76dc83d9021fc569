"""A refresh that nobody counts: at the command line, and within a request."""

from collections.abc import Iterator
from contextlib import contextmanager


class Unwatched:
    """ports.refresh.Watcher."""

    def called(self, source: str, outcome: str) -> None:
        """Not counted."""

    def done(self, outcome: str, seconds: float) -> None:
        """Not counted."""

    @contextmanager
    def parked(
        self, why: str, *, since: float, until: float, source: str | None = None
    ) -> Iterator[None]:
        """Not counted."""
        yield
