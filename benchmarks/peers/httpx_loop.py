"""httpx async, json, csv: the loop that everybody writes first. It keeps nothing but its file."""

import asyncio
import csv
from pathlib import Path

import httpx
from graph import COLUMNS, after, csv_path, headers, params, row


async def collect(url: str, post: str, path: Path) -> int:
    rows, cursor = 0, None
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        async with httpx.AsyncClient(headers=headers(), trust_env=False, timeout=30) as client:
            while True:
                answer = await client.get(f"{url}/{post}/comments", params=params(cursor))
                answer.raise_for_status()
                page = answer.json()
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
