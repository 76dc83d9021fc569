"""aiohttp, json, csv."""

import asyncio
import csv
from pathlib import Path

import aiohttp
from graph import COLUMNS, after, csv_path, headers, params, row


async def collect(url: str, post: str, path: Path) -> int:
    rows, cursor = 0, None
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        async with aiohttp.ClientSession(headers=headers()) as session:
            while True:
                async with session.get(f"{url}/{post}/comments", params=params(cursor)) as answer:
                    answer.raise_for_status()
                    page = await answer.json()
                out.writerows(map(row, page["data"]))
                rows += len(page["data"])
                cursor = after(page)
                if cursor is None:
                    return rows


def main(url: str, post: str, rows: int) -> int:
    path = csv_path()
    try:
        return asyncio.run(collect(url, post, path))
    finally:
        path.unlink()
