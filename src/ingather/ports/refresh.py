"""What the refresh needs of the world; `assembly_refresh` gives it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from ingather.domain.page import Usage
from ingather.domain.records import Media, Profile
from ingather.domain.refresh import Account, Day, Event, LogEntry, Origin, Refreshed
from ingather.domain.refresh_posts import Post
from ingather.errors import IngatherError


class Totals(Struct, frozen=True):
    """How fresh the accounts are. oldest: when the one that was longest not refreshed was, epoch
    seconds; None where all are new. never: accounts that have not been refreshed yet."""

    accounts: int
    never: int
    oldest: float | None


class Accounts(Protocol):
    """Accounts that are kept fresh, their posts, their numbers day by day, and the log of their
    refreshes.

    Raises StoreUnavailable, StorageFull. Every backing passes tests/contract/test_accounts.py.
    """

    async def load(self, ids: Sequence[str]) -> dict[str, Account]:
        """Those of the accounts that there are, by id."""
        ...

    async def save(self, done: Sequence[Refreshed]) -> None:
        """Write refreshes: the account first, then its posts and its history, then its log entry,
        so that one whose entry is there is there in full. Repeating it changes nothing; a log entry
        is written once. Only fields of ours are touched, and an account that has been removed
        meanwhile is not made again. Of an account's posts the newest are kept, so many as the store
        was told to keep; the insights of a post stay where none are told."""
        ...

    async def add(self, accounts: Sequence[Account]) -> int:
        """Add those that are not there yet; how many were new. Raises BadInput where an id would
        have two names or a name of a platform two ids; nothing was added then, whoever else adds at
        the same time."""
        ...

    async def remove(self, account_id: str) -> bool:
        """Forget an account with its posts, log and history; whether it was there."""
        ...

    async def find(self, handle: str) -> Account | None:
        """The account of that username, in whatever case."""
        ...

    async def list(self, *, limit: int, after: str | None = None) -> Sequence[Account]:
        """By id, those after one."""
        ...

    async def claim(self, *, stale: float, until: float, limit: int) -> Sequence[Account]:
        """Accounts not refreshed since `stale` (epoch seconds), staler days first and larger ones
        first within a day; nobody else is given them before `until`."""
        ...

    async def scheduled(self, ids: Sequence[str], *, until: float) -> None:
        """Claimed accounts were published: they are not given again before `until`."""
        ...

    async def log(
        self, account_id: str | None = None, *, limit: int, failed: bool = False
    ) -> Sequence[LogEntry]:
        """Newest first, of one account or of all. failed: only refreshes that failed."""
        ...

    async def logged(self, entry_id: str) -> bool:
        """Whether the log has that entry."""
        ...

    async def posts(self, account_id: str, *, limit: int) -> Sequence[Post]:
        """Newest first."""
        ...

    async def history(self, account_id: str, *, limit: int) -> Sequence[Day]:
        """Newest day first."""
        ...

    async def prune(self, *, log: float, history: float | None) -> int:
        """Drop entries of the log from before a time, and days of the history from before another
        (epoch seconds; None: every day stays); how many. Only what is ours."""
        ...

    async def totals(self) -> Totals: ...

    async def now(self) -> float:
        """The store's clock, epoch seconds: what is stamped and compared, whatever a worker's own
        clock says."""
        ...


class DeadLetter(Struct, frozen=True, kw_only=True, rename="camel"):
    """A message that could not be processed. value: its text, bytes that are none replaced.
    at: ISO 8601 UTC."""

    id: str
    topic: str
    partition: int
    offset: int
    error: str
    code: str
    attempts: int
    value: str
    at: str


class Events(Protocol):
    """Where events of the refresh wait: a topic of Kafka, or a queue in the store."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Put them in; on return they are kept."""
        ...

    async def bury(
        self, origin: Origin, value: bytes, failure: IngatherError, attempts: int
    ) -> None:
        """Lay a message among the dead letters; on return it is kept."""
        ...

    async def dead(self, *, limit: int) -> Sequence[DeadLetter]:
        """Dead letters that were not replayed, oldest first."""
        ...

    async def dead_count(self) -> int:
        """How many dead letters there are that were not replayed."""
        ...

    async def prune(self, *, before: float) -> int:
        """Drop dead letters from before a time (epoch seconds); how many. Of a topic none are: how
        long it keeps them is for Kafka to be told."""
        ...

    async def replay(self, *, limit: int) -> int:
        """Publish the oldest dead letters again; how many."""
        ...


class Voice(Protocol):
    """A source that tells profiles. usage: what its last answer said of the limit."""

    name: str
    limit_key: str

    @property
    def usage(self) -> Usage | None: ...

    async def profile(self, username: str) -> Profile: ...


class Lister(Protocol):
    """A source that tells an account's latest posts by a call of its own."""

    name: str
    limit_key: str

    async def latest(self, profile: Profile, *, limit: int) -> tuple[Media, ...]:
        """At most so many of the newest, of an account that this source has just told."""
        ...


class Insider(Protocol):
    """A source that tells of its own account what nobody else is told."""

    name: str
    limit_key: str

    @property
    def usage(self) -> Usage | None: ...

    def owns(self, account_id: str) -> bool | None:
        """Whether an account is its own; None where it has yet to `learn` that."""
        ...

    async def learn(self) -> None: ...

    async def insights(self, account_id: str) -> dict[str, int]:
        """An own account's last 24 hours, by the platform's names of metrics."""
        ...

    async def measured(self, account_id: str, media: Media) -> Media:
        """An own account's post with its insights, so far as it has any."""
        ...


class Watcher(Protocol):
    """Who is told what happens, for the metrics."""

    def called(self, source: str, outcome: str) -> None:
        """A source was asked: `ok`, or the code of what went wrong."""
        ...

    def done(self, outcome: str, seconds: float) -> None:
        """A message is done."""
        ...

    def parked(
        self, why: str, *, since: float, until: float, source: str | None = None
    ) -> AbstractContextManager[None]:
        """A message waits, for as long as the context lasts: `why` (of that source), from one time
        to another (epoch seconds)."""
        ...
