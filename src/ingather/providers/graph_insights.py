"""Insights of one's own account and posts: asked for together, and one by one where a metric spoils
the rest.

One metric that a post's type does not have fails the whole call (contract of the Graph API, 2.8).
Which metrics a type lacks is remembered, so that the next post of that type is asked for less.
"""

import re
from collections.abc import Sequence

from msgspec import Struct

from ingather.domain.records import Media
from ingather.providers import graph_errors, graph_media
from ingather.providers.graph_accounts import Account
from ingather.providers.graph_calls import Calls
from ingather.providers.graph_errors import Fault

ASKED, ASKED_ACCOUNT = "media/insights", "user/insights"

_ACCOUNT = "an account"
"""Beside the types of posts in what is lacking."""
_BEFORE_BUSINESS = 2108006
"""The post is older than the account's change to a professional one: it has no insights."""
_OF_ACCOUNT = (
    "reach", "views", "accounts_engaged", "total_interactions", "likes", "comments", "saves",
    "shares", "replies", "reposts", "profile_links_taps",
)  # fmt: skip
_DAY = "&period=day&metric_type=total_value"
"""The last 24 hours, where neither since nor until is said."""
_WORD = re.compile(r"[a-z_]{3,60}")
_PLACE = re.compile(r"metric\[([0-9]{1,3})\]")


class Insights:
    """Asks for the insights of accounts and posts, with what was learnt of their types. patience:
    times that a call for several metrics may be briefly out of order before they are asked for one
    by one: a metric of what was never shared to Facebook "throws" for ever."""

    def __init__(self, calls: Calls, *, patience: int = 3) -> None:
        self._calls = calls
        self._patience = patience
        self._lacking: dict[str | None, set[str]] = {}
        self._failed: dict[str, int] = {}
        self._told: dict[str, dict[str, int]] = {}
        self._too_old: dict[str | None, str] = {}

    async def of(self, account: Account, media: Media) -> Media:
        """The post with its insights. What has been told is kept till `forget`, so that a page
        that a limit cuts short is not asked for twice."""
        assert media.media_id is not None
        told = self._told.get(media.media_id)
        if told is None:
            told = await self._ask(account, media)
            self._told[media.media_id] = told
        return graph_media.with_insights(media, told)

    async def of_account(self, account: Account, account_id: str) -> dict[str, int]:
        """What an own account's last 24 hours were, by the platform's names of metrics. What it
        does not count, as for fewer than a hundred followers, is missing."""
        lacking = self._lacking.setdefault(_ACCOUNT, set())
        metrics = [one for one in _OF_ACCOUNT if one not in lacking]
        if not metrics:
            return {}
        asked = _Asked(account, account_id, lacking, _DAY)
        found, fault = await self._together(asked, metrics)
        if fault is None:
            return found
        if fault.code == 100 or (fault.passing and not self._is_patient(account_id)):
            return await self._singly(asked, metrics)
        raise graph_errors.meaning(fault, ASKED_ACCOUNT)

    def forget(self) -> None:
        """The page is complete."""
        self._told.clear()
        self._failed.clear()

    async def _ask(self, account: Account, media: Media) -> dict[str, int]:
        made, whose = media.timestamp or "", account.account_id
        lacking = self._lacking.setdefault(media.media_type, set())
        metrics = [one for one in _metrics(media) if one not in lacking]
        if not metrics or (made and made <= self._too_old.get(whose, "")):
            return {}
        media_id = media.media_id or ""
        asked = _Asked(account, media_id, lacking)
        found, fault = await self._together(asked, metrics)
        if fault is None:
            return found
        if fault.subcode == _BEFORE_BUSINESS:
            self._too_old[whose] = max(made, self._too_old.get(whose, ""))
            return {}
        if fault.gone:
            return {}
        if fault.code == 100 or (fault.passing and not self._is_patient(media_id)):
            return await self._singly(asked, metrics)
        raise graph_errors.meaning(fault, ASKED)

    async def _together(
        self, asked: "_Asked", metrics: Sequence[str]
    ) -> tuple[dict[str, int], Fault | None]:
        """All metrics in one call, and once more without those that a refusal names."""
        found, fault = await self._metrics(asked, metrics)
        if fault is None or fault.code != 100 or fault.subcode == _BEFORE_BUSINESS:
            return found, fault
        named = _named(fault, metrics)
        others = [one for one in metrics if one not in named]
        if named and others:
            found, fault = await self._metrics(asked, others)
            if fault is None:
                asked.lacking.update(named)
        return found, fault

    async def _singly(self, asked: "_Asked", metrics: Sequence[str]) -> dict[str, int]:
        """Every metric by itself; one that is refused is lacking, one that fails is not told."""
        told: dict[str, int] = {}
        for metric in metrics:
            found, fault = await self._metrics(asked, [metric])
            if fault is None:
                told |= found
            elif fault.code == 100 and not fault.gone:
                asked.lacking.add(metric)
            elif not (fault.gone or fault.code in (1, 2)):
                raise graph_errors.meaning(fault, ASKED)
        return told

    async def _metrics(
        self, asked: "_Asked", metrics: Sequence[str]
    ) -> tuple[dict[str, int], Fault | None]:
        query = f"metric={','.join(metrics)}{asked.query}"
        answer, fault = await self._calls.ask(asked.by, f"{asked.of}/insights", query)
        if fault is not None:
            return {}, fault
        return graph_media.insights(answer.body, ASKED), None

    def _is_patient(self, asked_of: str) -> bool:
        """Whether a call that failed may be made as it was once more."""
        failed = self._failed[asked_of] = self._failed.get(asked_of, 0) + 1
        return failed < self._patience


class _Asked(Struct, frozen=True):
    """by: whose token asks. of: the id of what is asked about. lacking: metrics that its type does
    not have, added to as they are learnt. query: what goes with the metrics."""

    by: Account
    of: str
    lacking: set[str]
    query: str = ""


def _metrics(media: Media) -> list[str]:
    reel = media.media_type == "REELS"
    return [one for one in graph_media.METRICS if reel or one not in graph_media.OF_REELS]


def _named(fault: Fault, metrics: Sequence[str]) -> set[str]:
    """The metrics that a refusal seems to name; their names, and the place of one that is wrong,
    are the same in every language."""
    if place := _PLACE.search(fault.message):
        return {metrics[int(place[1])]} if int(place[1]) < len(metrics) else set()
    return set(_WORD.findall(fault.message)) & set(metrics)
