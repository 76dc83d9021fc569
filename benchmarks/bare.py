"""The floor: loops that fetch and decode a post's pages and keep nothing, in one process.

`python -m benchmarks.bare '{...}'` with {"url", "post", "jobs"}; tells rows, wall and processor
time. They ask through Ingather's own HTTP client and decode into its own records: what an export
takes beyond them is its engine, its store and its file.
"""

import asyncio
import json
import sys
import time
from typing import Any

from benchmarks.job import cpu
from benchmarks.peers.graph import FIELDS, headers
from benchmarks.servers import PAGE, flat
from ingather.cli.run import runner
from ingather.providers import graph_map
from ingather.providers.http import Http


async def one(http: Http, url: str) -> int:
    """Every comment of a post; how many there are."""
    rows, params = 0, {"fields": FIELDS, "limit": str(PAGE)}
    while True:
        answer = await http.get(url, params=params, headers=headers())
        page = graph_map.comments(answer.body, "media/comments")
        rows += len(page.records)
        if page.after is None:
            return rows
        params["after"] = page.after


async def main(asked: dict[str, Any]) -> dict[str, Any]:
    http = Http()
    try:
        await one(http, f"{asked['url']}/{flat(1)}/comments")
        started, used = time.perf_counter(), cpu()
        url = f"{asked['url']}/{asked['post']}/comments"
        rows = await asyncio.gather(*(one(http, url) for _ in range(asked["jobs"])))
        return {
            "rows": sum(rows),
            "wall": time.perf_counter() - started,
            "cpu": cpu() - used,
        }
    finally:
        await http.close()


if __name__ == "__main__":
    with runner() as loop:
        print(json.dumps(loop.run(main(json.loads(sys.argv[1])))))
