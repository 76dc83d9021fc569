"""A connection to a host: its addresses in turn, IPv6 and IPv4 alternating (RFC 8305)."""

import asyncio
import socket
from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

HEAD_START: Final = 0.25
"""Seconds after which the next address is tried beside one that has not answered yet."""

Address = tuple[int, tuple[object, ...]]
"""Family, and what a socket of it connects to."""


async def dial(host: str, port: int) -> socket.socket:
    """A connected socket. Raises socket.gaierror where the host has no address, else OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = _alternating([(family, address) for family, _, _, _, address in found])
    if len(addresses) == 1:
        return await _reach(addresses[0])
    pending: set[asyncio.Task[socket.socket]] = set()
    failure: BaseException = OSError("no address")
    try:
        for address in [*addresses, None]:
            if address is not None:
                pending.add(asyncio.create_task(_reach(address)))
            while pending:
                patience = HEAD_START if address is not None else None
                done, pending = await asyncio.wait(
                    pending, timeout=patience, return_when=asyncio.FIRST_COMPLETED
                )
                reached = [task for task in done if task.exception() is None]
                if reached:
                    pending |= set(reached[1:])
                    return reached[0].result()
                if done:
                    failure = next(iter(done)).exception() or failure
                if address is not None:
                    break
        raise failure
    finally:
        for task in pending:
            task.cancel()
            task.add_done_callback(_let_go)


def _let_go(task: "asyncio.Task[socket.socket]") -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def _reach(address: Address) -> socket.socket:
    family, place = address
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(made, place)
    except BaseException:
        made.close()
        raise
    return made


def _alternating(found: Sequence[Address]) -> list[Address]:
    """Each address once; the family that the system prefers comes first."""
    unique = list(dict.fromkeys(found))
    first = [one for one in unique if one[0] == unique[0][0]]
    others = [one for one in unique if one[0] != unique[0][0]]
    return [one for pair in zip_longest(first, others) for one in pair if one is not None]
