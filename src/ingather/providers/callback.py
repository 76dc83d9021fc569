"""Requests to addresses that strangers chose: never to this machine or its network, unless told so.

A name is looked up once, every address it stands for is judged, and the connection goes to exactly
those addresses: a name that changes its mind in between changes nothing. Redirects are not
followed, proxies are not asked, and only a little of the answer is read.
"""

import asyncio
import ipaddress
import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from ingather import errors
from ingather.domain.addresses import check_address, public

DEADLINE = 10.0
"""Seconds for a whole delivery."""


class Callback:
    """Posts bodies. private: this machine and its network are allowed."""

    def __init__(self, *, private: bool = False) -> None:
        self._private = private

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """The status that was answered. Raises BadInput, Refused (the address is not allowed) and
        Transient (no answer)."""
        check_address(url, private=self._private)
        connector = aiohttp.TCPConnector(
            resolver=_Judging(private=self._private), use_dns_cache=False, force_close=True
        )
        session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=DEADLINE),
            headers={"user-agent": "ingather-webhook"},
        )
        try:
            async with (
                session,
                session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                await answer.content.read(1024)
                return answer.status
        except errors.Refused:
            raise
        except TimeoutError:
            raise errors.Transient(f"There was no answer within {DEADLINE:.0f} seconds.") from None
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            raise errors.Transient(f"It was not reached ({type(failure).__name__}).") from None


class _Judging(AbstractResolver):
    """Gives the addresses of a name, if every one of them is allowed."""

    def __init__(self, *, private: bool) -> None:
        self._private = private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        addresses = [(kind, str(place[0])) for kind, _, _, _, place in found]
        for _, address in addresses:
            if not self._private and not public(ipaddress.ip_address(address.partition("%")[0])):
                raise errors.Refused(
                    "The webhook's name stands for an address of this machine or its network."
                )
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=kind,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, address in addresses
        ]

    async def close(self) -> None: ...
