"""An outside voice, and what those who ask it share: a limit, and answers worth keeping."""

from collections.abc import Sequence
from typing import Protocol, Self

from msgspec import Struct

from ingather import errors
from ingather.domain.job import Owner, Target
from ingather.domain.page import Page, Usage


class Turns(Protocol):
    """Leave to call. A source asks for it before each single call, look-ups and repetitions
    included, so that limits and budgets count every one before it is made."""

    async def take(self, keys: Sequence[str]) -> str:
        """Wait until a call may be made under one of these keys (fingerprints of tokens, never
        tokens); under which. What it raises ends the asking, and is let through."""
        ...

    async def heard(self, cursor: str | None, then: str, usage: Usage | None) -> None:
        """That the page at `cursor` has come, and that it will say the list goes on at `then`: from
        a source that can tell so before it has read the rows. No source has to tell, and nobody
        has to listen."""
        return


class Source(Protocol):
    """One outside voice. Errors are those of `errors.SourceError`, and no others."""

    name: str
    route: str
    limit_key: str
    """What shares its limit: a fingerprint of the token, never the token."""

    async def owner(self, target: Target | None = None) -> Owner:
        """The account on whose behalf a target is read; without one, the first there is."""
        ...

    async def resolve(self, post: str) -> Target:
        """The target that a user's words name; raises NotReachable where there is none."""
        ...

    async def fetch(
        self, target: Target, cursor: str | None, *, replies: bool, limit: int | None = None
    ) -> Page:
        """The page at a cursor (None: the first), of at most `limit` rows on its upper level."""
        ...

    def take_units(self) -> int:
        """Units billed that no page has told, as for look-ups and refusals; counted once."""
        ...

    def under(self, turns: Turns) -> Self:
        """The same source, which asks these before each of its calls; one that nobody has told so
        calls as it likes."""
        ...

    async def close(self) -> None: ...


class Cache(Protocol):
    """Answers worth keeping for a short while; losing one costs a call, never a row."""

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes, *, ttl: float) -> None: ...

    async def drop(self, key: str) -> None: ...

    async def renew(self, key: str, value: bytes) -> bool:
        """Replace the value where there is one, which keeps its end; whether there was one."""
        ...


class Take(Struct, frozen=True):
    """`calls` out of `limit` per sliding `window` seconds, by all who share the key. Raises
    BadInput where they never fit."""

    key: str
    limit: int
    window: float
    calls: int = 1

    def __post_init__(self) -> None:
        if self.calls > self.limit:
            raise errors.BadInput(f"{self.calls} calls never fit in a limit of {self.limit}.")


class Limiter(Protocol):
    """Limits that many processes share, kept on the store's clock (reliability plan, 2)."""

    async def reserve(self, *takes: Take) -> float:
        """Take the calls of all of these, each of another key, or none of them. 0.0 where they
        were given, else seconds until they may be. Never given back. Raises StoreUnavailable;
        never admits when it cannot count."""
        ...

    async def used(self, key: str, *, window: float) -> int:
        """Calls that were taken in the last `window` seconds, by all who share the key."""
        ...

    async def park(self, key: str, seconds: float) -> None:
        """Nobody calls under this key for so long; a shorter park never cuts a longer one."""
        ...

    async def parked(self, key: str) -> float:
        """Seconds the key is still parked for, 0.0 if it is not."""
        ...
