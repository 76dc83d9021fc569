"""How many calls each source is asked for, as far as that is set, known, or best not exceeded.

Comments of one's own posts are read as fast as the platform's usage headers allow; what is read of
other accounts counts against a limit that the platform keeps to itself, and 200 an hour are held to
be safe (seed refresh-consumer.md; reliability plan, section 2; docs/decisions).
"""

from typing import TYPE_CHECKING

from ingather.engine.quota import Limit
from ingather.ports import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

SAFE = 200
"""Calls an hour and token for what is not one's own."""

HOUR = 3_600.0
_SECOND = 1.1
"""A second as we count it, for one call may be on its way longer than the next."""
KEPT = 600.0
"""Seconds for which the rate of an account at HikerAPI is not asked for again."""
AGAIN = 30.0
"""Seconds after which it is, where it was not told."""
_OWN_COMMENTS = "media/comments"


class Rates:
    """per_hour: calls an hour and token that were asked for; None: those that are safe, where the
    headers do not suffice. app_id: of the app, whose tokens share its limit. tokens: how many are
    pooled; each is a user, and the platform allows an app so many calls a user.
    hiker: calls a second that the account at HikerAPI allows; None until it is known.
    """

    def __init__(
        self, per_hour: int | None = None, *, app_id: str | None = None, tokens: int = 1
    ) -> None:
        self.hiker: float | None = None
        self._per_hour = per_hour
        self._app_id = app_id
        self._tokens = tokens

    def of(self, source: Source) -> "Sequence[Limit]":
        """What every call to this source has to fit in."""
        if source.name == "hiker":
            rate = self.hiker
            return (Limit(None, max(1, int(rate)), _SECOND),) if rate else ()
        if source.name != "graph":
            return ()
        calls = self._per_hour or (None if source.route == _OWN_COMMENTS else SAFE)
        if calls is None:
            return ()
        limits = [Limit(None, calls, HOUR)]
        if self._app_id is not None:
            limits.append(Limit(f"app:{self._app_id}", calls * self._tokens, HOUR))
        return limits
