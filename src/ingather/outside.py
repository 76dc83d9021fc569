"""Names who is asked: sources, tokens and logins, beacons; each is made on first use."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.domain.job import Owner
from ingather.ports import Beacon, Clock, Secrets, Source, Turns
from ingather.settings import Settings
from ingather.storage import Storage, make_folder

if TYPE_CHECKING:
    from ingather.providers.graph import GraphSource
    from ingather.providers.graph_discovery import GraphMediaSource
    from ingather.providers.graph_own import GraphOwn
    from ingather.providers.hiker import HikerSource
    from ingather.providers.http import Http
    from ingather.providers.tsa import TimeStamps
    from ingather.providers.webpage import PageSource


class Login(Struct, frozen=True):
    """A token that `ingather login` kept, and whose it is. expires_at: epoch seconds."""

    token: str
    account_id: str | None
    username: str
    expires_at: float | None

    def __repr__(self) -> str:
        return f"Login(@{self.username})"


class Outside(Storage):
    """The part of the world that speaks with others."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__(settings)
        self.clock = clock
        self._login_in_use: Login | None = None

    @cached_property
    def secrets(self) -> Secrets:
        from ingather.stores.vault import Vault

        make_folder(self.settings)
        return Vault(self.settings.data_dir, secret_key=self.settings.secret_key)

    @cached_property
    def http(self) -> "Http":
        from ingather.providers.http import Http

        http = Http()
        self._closing.push_async_callback(http.close)
        return http

    @cached_property
    def graph(self) -> "GraphSource":
        """The Graph API with the tokens there are; raises NoToken where there is none."""
        return self._graph_with(*self._tokens())

    def _tokens(self) -> tuple[Sequence[str], Sequence[str]]:
        """Access tokens, and account ids in pairs with them, or none."""
        tokens, accounts = self.settings.access_tokens, self.settings.account_ids
        if not tokens and (kept := self._kept_login()):
            tokens, accounts = (kept.token,), ((kept.account_id,) if kept.account_id else ())
        if not tokens:
            raise errors.NoToken(
                "There is no access token.",
                hint="Run `ingather login`, set INSTAGRAM_ACCESS_TOKEN, or try the program"
                " without an account by adding --sandbox.",
            )
        return tokens, accounts

    def graphs(self, *, posts: int = 0) -> "list[GraphSource]":
        """A source for each token there is, for each has a limit of its own; none where there is
        no token. posts: so many of an account's latest come with its profile."""
        return [self._graph_with(*each, posts=posts) for each in self._each_token()]

    def graphs_own(self, turns: Turns) -> "list[GraphOwn]":
        """What each token tells of its own account alone. turns: asked before every call."""
        from ingather.providers.graph_own import GraphOwn

        return [GraphOwn(each.calls.under(turns)) for each in self.graphs()]

    def _each_token(self) -> list[tuple[Sequence[str], Sequence[str]]]:
        """Each token with its account id, or none; one token may have several. Account ids are
        paired with the tokens in order."""
        tokens, accounts = self.settings.access_tokens, self.settings.account_ids
        if not tokens and (kept := self._kept_login()):
            tokens, accounts = (kept.token,), ((kept.account_id,) if kept.account_id else ())
        if len(tokens) < 2:
            return [(tokens, accounts)] if tokens else []
        return [([token], accounts[place : place + 1]) for place, token in enumerate(tokens)]

    def _graph_with(
        self, tokens: Sequence[str], accounts: Sequence[str], *, posts: int = 0
    ) -> "GraphSource":
        from ingather.providers.graph import GraphSource

        return GraphSource(
            self.http,
            url=self.settings.graph_url,
            token=tokens,
            account_id=accounts or None,
            app_secret=self.settings.app_secret,
            cache=self.cache,
            posts=posts,
        )

    def reach(self) -> frozenset[str]:
        """The sources that can be asked with the tokens and keys there are just now."""
        found = {"archive"}
        if self.settings.hiker_key is not None:
            found.add("hiker")
        kept = None if self.settings.access_tokens else self._kept_login()
        if kept != self._login_in_use:  # somebody logged in anew, or out
            self._login_in_use = kept
            self.__dict__.pop("graph", None)
        if self.settings.access_tokens or kept is not None:
            found.add("graph")
        return frozenset(found)

    @property
    def _login_name(self) -> str:
        return "sandbox-login" if self.settings.sandbox else "login"

    def _kept_login(self) -> "Login | None":
        """What `ingather login` kept; None where it never ran."""
        if not self.settings.data_dir.exists():
            return None
        kept = self.secrets.read(self._login_name)
        return None if kept is None else msgspec.json.decode(kept, type=Login)

    async def keep_login(
        self, token: str, *, account: str | None, expires_at: float | None
    ) -> Owner:
        """Try a token, and keep it encrypted where it works; the account it reads for."""
        owner = await self._graph_with([token], [account] if account else []).owner()
        login = Login(token, owner.instagram_id, owner.username, expires_at)
        self.secrets.write(self._login_name, msgspec.json.encode(login))
        return owner

    def forget_login(self) -> None:
        """Forget the kept token."""
        self.secrets.forget(self._login_name)

    @cached_property
    def page(self) -> "PageSource":
        """Public profile pages; they take no account."""
        from ingather.providers.webpage import PageSource

        return PageSource(self.http, url=self.settings.web_url, clock=self.clock)

    def beacon(self, words: str | None = None) -> Beacon:
        """drand, sandbox, or file:ROUNDS.json; the first two as the world is, without words."""
        from ingather.providers import beacon

        return beacon.named(words, self.http, self.settings.drand_url, self.settings.sandbox)

    @cached_property
    def time_stamps(self) -> "TimeStamps | None":
        """The time-stamp authority; None where none is set."""
        from ingather.providers.tsa import TimeStamps

        url = self.settings.tsa_url
        return None if url is None else TimeStamps(self.http, url)

    def _source(self, kind: str, source: str, words: Sequence[str], route: str | None) -> Source:
        if source == "archive":
            from ingather.providers.archive import ArchiveSource

            return ArchiveSource([path for word in words for path in word.split("\n")], kind=kind)
        if source == "graph":
            return self.graph if kind == "commenters" else self.graph_media(kind, route)
        return self.hiker(kind, route)

    def graph_media(self, kind: str, route: str | None = None) -> "GraphMediaSource":
        """The Graph API for posts or reels; raises NoToken where there is no token."""
        from ingather.providers.graph_discovery import GraphMediaSource

        return GraphMediaSource(self.http, kind=kind, calls=self.graph.calls, path=route)

    def hiker(self, kind: str, route: str | None = None) -> "HikerSource":
        """HikerAPI for one kind; raises NoToken where there is no key."""
        from ingather.providers.hiker import HikerSource

        if self.settings.hiker_key is None:
            raise errors.NoToken(
                f"Extracting {kind} takes a key of HikerAPI, or an archive of your own.",
                hint="Set HIKERAPI_KEY, give the ZIP of Instagram's “Download your information”"
                " as the target, or try the program by adding --sandbox.",
            )
        return HikerSource(
            self.http, self.settings.hiker_key, kind=kind, url=self.settings.hiker_url, path=route
        )
