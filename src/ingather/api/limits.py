"""How many requests one address may send: counted in Redis where there is one, else in here.

Each address has a bucket of tokens that fills up steadily. An IPv6 customer owns a /64, so that
the whole of it counts as one address.
"""

import ipaddress

from ingather import errors
from ingather.ports import Clock, Limiter, Take

WINDOW = 60.0
_MOST = 10_000
"""Addresses remembered."""


class PeerLimit:
    """rate: requests a minute. shared: a limiter that other servers count with as well."""

    def __init__(self, rate: int, clock: Clock, *, shared: Limiter | None = None) -> None:
        self._rate = rate
        self._clock = clock
        self._shared = shared
        self._buckets: dict[str, tuple[float, float]] = {}

    async def admit(self, peer: str) -> None:
        """Count a request; raises TooManyRequests."""
        name = _network(peer)
        wait = await self._wait(name)
        if wait > 0:
            raise errors.TooManyRequests(wait=wait)

    async def _wait(self, name: str) -> float:
        if self._shared is not None:
            try:
                return await self._shared.reserve(Take(f"door:{name}", self._rate, WINDOW))
            except errors.StoreError:
                pass  # the door stays guarded while Redis is away
        return self._local(name)

    def _local(self, name: str) -> float:
        now = self._clock.monotonic()
        tokens, at = self._buckets.pop(name, (float(self._rate), now))
        a_second = self._rate / WINDOW
        tokens = min(float(self._rate), tokens + (now - at) * a_second)
        if len(self._buckets) >= _MOST:  # the one that was not seen for longest
            self._buckets.pop(next(iter(self._buckets)))
        if tokens < 1.0:
            self._buckets[name] = (tokens, now)
            return (1.0 - tokens) / a_second
        self._buckets[name] = (tokens - 1.0, now)
        return 0.0


def _network(peer: str) -> str:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return peer
