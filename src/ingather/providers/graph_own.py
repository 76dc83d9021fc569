"""What a token tells of its own account alone: the account's insights, and those of its posts."""

from ingather.domain.page import Usage
from ingather.domain.records import Media
from ingather.providers.graph_accounts import Account
from ingather.providers.graph_calls import Calls
from ingather.providers.graph_insights import Insights


class GraphOwn:
    """ports.refresh.Insider over the Graph API. limit_key: the token's own, which its other calls
    have as well."""

    name = "graph"

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._insights = Insights(calls, patience=1)
        self.limit_key = calls.limit_key

    @property
    def usage(self) -> Usage | None:
        """What the last answer said of the limit."""
        return self._calls.usage

    def owns(self, account_id: str) -> bool | None:
        """Whether an account of the Graph API's id is the token's own; None where nobody has asked
        yet whose the token is."""
        known = [one.account_id for one in self._calls.accounts]
        if account_id in known:
            return True
        return None if None in known else False

    async def learn(self) -> None:
        """Ask whose the token is."""
        for one in self._calls.accounts:
            await self._calls.owner(one)

    async def insights(self, account_id: str) -> dict[str, int]:
        """The last 24 hours of an own account, by the platform's names of metrics."""
        return await self._insights.of_account(self._own(account_id), account_id)

    async def measured(self, account_id: str, media: Media) -> Media:
        """A post of an own account with its insights, so far as it has any."""
        try:
            return await self._insights.of(self._own(account_id), media)
        finally:
            self._insights.forget()

    def _own(self, account_id: str) -> Account:
        """The account of the pool; to be asked for what `owns` alone."""
        return next(one for one in self._calls.accounts if one.account_id == account_id)
