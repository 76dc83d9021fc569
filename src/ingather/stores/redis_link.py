"""A Redis that may be trusted with jobs, and the scripts that run in it.

Job keys live for weeks and are written by many: a server that evicts keys, or that forgets them
when it restarts, is refused at the first word, as is a cluster (a job's keys have no hash tag).
"""

import hashlib
from collections.abc import Sequence
from importlib import resources

from ingather import errors
from ingather.stores.redis_wire import NoScript, Reply, Talk, Wire, Word

_OLDEST = (6, 2)
"""SMISMEMBER, which the commit of a page needs, came with Redis 6.2."""


class Script:
    """A script's text, and the hash by which a server that has it knows it."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.sha = hashlib.sha1(text, usedforsecurity=False).hexdigest().encode()


def script(name: str) -> Script:
    """The .lua file of that name beside this module."""
    return Script(resources.files(__package__).joinpath(name).read_bytes())


class RedisLink:
    """One Redis.

    keeps_jobs: whether jobs rest there, which asks for `noeviction` and for persistence; a server
    for the cache and the limits alone may be what it likes.
    timeout: seconds without any answer after which a connection is given up.
    """

    def __init__(self, url: str, *, keeps_jobs: bool = True, timeout: float = 10.0) -> None:
        self._wire = Wire(url, timeout=timeout, greet=self._greet)
        self._keeps_jobs = keeps_jobs
        self.place = self._wire.address.place
        self.call = self._wire.call
        self.close = self._wire.close

    async def run(self, wanted: Script, keys: Sequence[Word], *words: Word) -> Reply:
        """Run a script, sending its text only where the server does not know it yet."""
        try:
            return await self.call(b"EVALSHA", wanted.sha, len(keys), *keys, *words)
        except NoScript:
            return await self.call(b"EVAL", wanted.text, len(keys), *keys, *words)

    async def check(self) -> None:
        """Connect, and raise what `_greet` finds. Raises UnsafeRedis, StoreUnavailable."""
        await self.call("PING")

    async def _greet(self, talk: Talk) -> None:
        facts = _facts(await talk.ask("INFO"))
        if facts.get("loading") == "1":  # and says meanwhile that it keeps nothing
            raise errors.StoreUnavailable(f"The Redis at {self.place} is still reading its log.")
        version = facts.get("redis_version", "0").split(".")
        if tuple(int(part) for part in version[:2] if part.isdigit()) < _OLDEST:
            raise errors.UnsafeRedis(
                f"The Redis at {self.place} is version {'.'.join(version)}.",
                hint="Ingather needs Redis 6.2 or newer, or Valkey.",
            )
        if facts.get("cluster_enabled") == "1":
            raise errors.UnsafeRedis(
                f"The Redis at {self.place} is a cluster, in which a page cannot be written whole.",
                hint="Set REDIS_URL to a single server (cluster-enabled no).",
            )
        if not self._keeps_jobs:
            return
        policy = facts.get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            raise errors.UnsafeRedis(
                f"The Redis at {self.place} may evict jobs (maxmemory-policy {policy}).",
                hint="Set maxmemory-policy to noeviction there, and CACHE_REDIS_URL to another.",
            )
        if not await _persists(talk, facts):
            raise errors.UnsafeRedis(
                f"The Redis at {self.place} forgets all jobs when it restarts.",
                hint="Set `appendonly yes` there (or at least a `save` point).",
            )


async def _persists(talk: Talk, facts: dict[str, str]) -> bool:
    """Whether it writes to a disk: by its log, by its save points, or, where CONFIG is not
    allowed, because it has done so before."""
    if facts.get("aof_enabled") == "1":
        return True
    try:
        found = await talk.ask("CONFIG", "GET", "save")
    except (errors.BadSetting, errors.StoreError):
        return int(facts.get("rdb_saves", "0")) > 0 or facts.get("rdb_last_bgsave_time_sec") != "-1"
    return bool(found and found[-1])


def _facts(info: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in info.decode("utf-8", "replace").splitlines())
    return {name: value for name, colon, value in lines if colon}
