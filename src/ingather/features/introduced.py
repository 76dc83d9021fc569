"""A source whose account is looked up, and its profile stored, before its first page is seen."""

import asyncio
from collections.abc import Coroutine
from typing import Protocol

from ingather import errors
from ingather.domain.job import Owner, Target
from ingather.domain.page import Page
from ingather.domain.records import Profile
from ingather.engine.meanwhile import meanwhile
from ingather.features.telling import Telling
from ingather.ports import Source, Turns


class ProfileSource(Source, Protocol):
    """A source of reels that tells about their account too."""

    async def profile(self, username: str) -> Profile: ...


class Introduced:
    """A source that, asked for a target, looks the account up and hands its profile on."""

    def __init__(self, source: ProfileSource, told: Telling) -> None:
        self._source = source
        self._told = told
        self.name, self.route, self.limit_key = source.name, source.route, source.limit_key

    def under(self, turns: Turns) -> "Introduced":
        return Introduced(self._source.under(turns), self._told)

    async def owner(self, target: Target | None = None) -> Owner:
        return await self._source.owner(target)

    async def resolve(self, post: str) -> Target:
        profile = await self._source.profile(post)
        if profile.is_private:
            raise errors.NotReachable(f"@{profile.username} cannot be read: it is private.")
        self._told.introduce(profile)
        return Target(
            id=profile.user_id or "",
            username=profile.username,
            permalink=f"https://www.instagram.com/{profile.username}/",
        )

    async def fetch(
        self, target: Target, cursor: str | None, *, replies: bool, limit: int | None = None
    ) -> Page:
        asked = self._source.fetch(target, cursor, replies=replies, limit=limit)
        return await (asked if self._told.told else self._with_profile(target, asked))

    async def _with_profile(self, target: Target, asked: Coroutine[None, None, Page]) -> Page:
        """The first page; the profile is stored while it is on its way."""
        async with meanwhile(asked) as asking:
            await asyncio.sleep(0)  # now it is
            if self._told.profile is None:  # the run that found the target was killed there
                await self.resolve(target.username or "")
            await self._told.introduced()
            return await asking

    def take_units(self) -> int:
        return self._source.take_units()

    async def close(self) -> None:
        await self._source.close()
