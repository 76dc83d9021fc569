"""Calls of the Graph API: which token asks for which account, and what a refusal is.

The token travels in the Authorization header alone. `paging.next`, which repeats it in clear, is
never followed, kept or logged: every request is rebuilt from `cursors.after`.
"""

import copy
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import lru_cache, partial
from typing import Final, TypeVar
from urllib.parse import quote

from ingather import errors
from ingather.domain.job import Owner
from ingather.domain.page import Usage
from ingather.ports import Clock, Turns
from ingather.providers import graph_accounts, graph_errors, graph_people
from ingather.providers.graph_accounts import Account
from ingather.providers.graph_errors import Fault
from ingather.providers.http import Again, Answer, Http

URL: Final = "https://graph.facebook.com/v26.0"
ROWS_A_PAGE: Final = 100

_SMALLEST = 5
_DEAD = 3_600.0
"""Seconds for which a dead token is not asked for what another may be asked for."""

Row = TypeVar("Row")
T = TypeVar("T")


class Calls:
    """The way to the Graph API for one account or a pool of them.

    token, account_id: one, or several that are paired in order; one token may serve several
    accounts; with no account_id the account is found through the person's Facebook Pages.
    usage: what the last answer said of the limit.
    """

    def __init__(
        self,
        http: Http,
        *,
        token: str | Sequence[str],
        account_id: str | Sequence[str] | None = None,
        app_secret: str | None = None,
        url: str = URL,
        clock: Clock | None = None,
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._now = clock.now if clock else time.time
        self._app_secret = app_secret
        self._pool = graph_accounts.pool(token, account_id, app_secret)
        self.limit_key = graph_accounts.limit_key(self._pool)
        self.usage: Usage | None = None
        self._turns: Turns | None = None
        self._taken: Account | None = None

    def under(self, turns: Turns) -> "Calls":
        """The same accounts, asked only when these let a call be made."""
        found = copy.copy(self)
        found._turns = turns
        return found

    async def heard(self, cursor: str | None, then: str | None) -> None:
        """Tell who asks where the list goes on after the page that has come, unread as it is."""
        if self._turns is not None and then is not None:
            await self._turns.heard(cursor, then, self.usage)

    @property
    def accounts(self) -> list[Account]:
        """Every account of the pool; raises NoToken where there is none."""
        if not self._pool:
            raise errors.NoToken()
        return self._pool

    async def of_each(
        self, call: Callable[[Account], Awaitable[T]]
    ) -> AsyncIterator[tuple[Account, T]]:
        """What each account is told, one after the other. A dead token is passed over; its error is
        raised at the end, where what the others were told was not enough."""
        dead: errors.NeedsLogin | None = None
        for account in self.accounts:
            try:
                found = await call(account)
            except errors.NeedsLogin as failure:
                dead = dead or failure
            else:
                yield account, found
        if dead is not None:
            raise dead

    async def first_owner(self) -> Owner:
        """The owner of the first token that is alive."""
        async for _, owner in self.of_each(self.owner):
            return owner
        raise errors.NoToken()

    async def by_any(self, call: Callable[[Account], Awaitable[T]]) -> T:
        """What a call gives that every account may make: of the first whose token has room. Tokens
        that are dead are passed over while another is alive; raises NeedsLogin where none is."""
        while True:
            account = await self._with_room()
            try:
                return await call(account)
            except errors.NeedsLogin:
                account.dead_until = self._now() + _DEAD
                if not self._alive():
                    raise

    def _alive(self) -> list[Account]:
        return [one for one in self.accounts if one.dead_until <= self._now()]

    async def _with_room(self) -> Account:
        """An account whose token has room for a call, which is taken; of dead ones the first, for
        they may have come to life again."""
        accounts = self._alive() or self.accounts
        if self._turns is None or len(accounts) == 1:
            return accounts[0]
        key = await self._turns.take([one.key for one in accounts])
        self._taken = next(one for one in accounts if one.key == key)
        return self._taken

    async def owner(self, account: Account) -> Owner:
        """Whose account it is; asked for once."""
        if account.owner is None:
            if account.account_id is None:
                account.account_id = await self._discover(account)
            answer, fault = await self.get(account, account.account_id, "id,username")
            if fault is not None and fault.gone:
                raise errors.NotReachable(
                    f"The token may not read the account {account.account_id}: it is no Instagram"
                    " professional account of the person who logged in."
                )
            if fault is not None:
                raise graph_errors.meaning(fault, "user")
            account.owner = graph_people.owner(answer.body, "user")
        return account.owner

    async def walk(
        self,
        account: Account,
        path: str,
        fields: str,
        asked: str,
        read: Callable[[bytes, str], tuple[list[Row], str | None]],
    ) -> AsyncIterator[Row]:
        """Every row of an edge; smaller pages where the platform asks for them."""
        after: str | None = None
        size, passed = ROWS_A_PAGE, set[str]()
        while True:
            answer, fault = await self.get(account, path, fields, size, after)
            if fault is not None:
                found = graph_errors.meaning(fault, asked)
                if isinstance(found, errors.TooMuchData) and size > _SMALLEST:
                    size //= 2
                    continue
                raise found
            rows, after = read(answer.body, asked)
            for row in rows:
                yield row
            if after is None or after in passed:
                return
            passed.add(after)

    async def get(
        self,
        account: Account,
        path: str,
        fields: str,
        limit: int | None = None,
        after: str | None = None,
    ) -> tuple[Answer, Fault | None]:
        """A node or an edge with these fields, and the refusal in its answer."""
        query = f"fields={_encoded(fields)}"
        if limit is not None:
            query += f"&limit={limit}"
        if after is not None:
            query += f"&after={quote(after, safe='')}"
        return await self.ask(account, path, query)

    async def ask(self, account: Account, path: str, query: str) -> tuple[Answer, Fault | None]:
        """As `get`, with a query that is percent-encoded already."""
        url = f"{self._url}/{path}?{query}{account.proof}"
        if self._turns is not None and self._taken is not account:
            await self._turns.take((account.key,))
        self._taken = None
        answer = await self._http.get(url, headers=account.headers, again=self._again(account))
        self.usage = graph_errors.usage(answer.headers)
        secrets = (*account.secrets, self._app_secret or "")
        return answer, graph_errors.find(
            answer.status, answer.headers, answer.body, now=self._now(), secrets=secrets
        )

    def _again(self, account: Account) -> Again | None:
        """What is awaited before a call is sent a second time."""
        return None if self._turns is None else partial(self._turns.take, (account.key,))

    async def close(self) -> None:
        await self._http.close()

    async def _discover(self, account: Account) -> str:
        """The one Instagram account behind the person's Facebook Pages."""
        found: dict[str, str] = {}
        async for one in self.walk(
            account, "me/accounts", graph_people.LINKED_FIELDS, "me/accounts", graph_people.linked
        ):
            found[one.instagram_id] = one.username or "?"
        if not found:
            raise errors.Refused(
                "This token leads to no Instagram professional account: link the account to a"
                " Facebook Page, and tick that Page when logging in."
            )
        if len(found) > 1:
            names = ", ".join(f"{number} (@{name})" for number, name in found.items())
            raise errors.Refused(
                f"This token leads to several Instagram accounts: {names}. Set"
                " INSTAGRAM_BUSINESS_ACCOUNT_ID to the one that is meant."
            )
        return next(iter(found))


def dead(fault: Fault, after: str | None) -> bool:
    """Whether a refusal can be about the cursor: parameters are refused, and there was one."""
    return after is not None and fault.code == 100 and not fault.gone and not fault.passing


@lru_cache(maxsize=16)
def _encoded(fields: str) -> str:
    return quote(fields, safe=",")
