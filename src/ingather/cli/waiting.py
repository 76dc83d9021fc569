"""What a command says of a wait before there is a job, whose bar would tell it."""

from datetime import datetime, timedelta

from ingather import errors
from ingather.cli.run import say
from ingather.engine.watch import Unwatched


class LookUp(Unwatched):
    """A Watch that says why a look-up takes long: each error once, and every wait for a limit."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def retrying(self, error: errors.IngatherError, seconds: float) -> None:
        if error.message not in self._said:
            self._said.add(error.message)
            say(f"{error.message} Asking again, for up to three minutes.")

    def parked(self, seconds: float) -> None:
        if seconds >= 5:
            say(f"{limit(seconds)}; Ctrl-C keeps everything so far.")


def limit(seconds: float) -> str:
    """What is waited for, and until when."""
    until = datetime.now() + timedelta(seconds=seconds)
    return f"Waiting for the platform's limit until {until:%H:%M:%S}"
