"""hikerapi's own async client: `media_comments`, in the shape of HikerAPI."""

import asyncio

import httpx
from hikerapi import AsyncClient

SPEAKS = "private"


async def collect(url: str, post: str) -> int:
    client = AsyncClient(token="none")
    # It can be told a host only, and wants TLS there.
    client._client = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False)
    client._client.headers.update(client._headers)
    return len(await client.media_comments(post))


def main(url: str, post: str, rows: int) -> int:
    return asyncio.run(collect(url, post))
