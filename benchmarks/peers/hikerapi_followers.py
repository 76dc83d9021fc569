"""hikerapi's own async client: a page of followers after the other, counted and not kept."""

import asyncio

import httpx
from hikerapi import AsyncClient


async def collect(url: str) -> int:
    client = AsyncClient(token="none")
    # It can be told a host only, and wants TLS there.
    client._client = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False)
    client._client.headers.update(client._headers)
    count, cursor = 0, None
    while True:
        users, cursor = await client.user_followers_chunk_v1("787132", max_id=cursor)
        count += len(users)
        if not cursor:
            return count


def main(url: str, post: str, rows: int) -> int:
    return asyncio.run(collect(url))
