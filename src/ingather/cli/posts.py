"""`ingather posts`: your own posts with their ids."""

import json

from ingather.cli import options
from ingather.cli.run import run, say, world


def posts(
    limit: options.AtMost = 25,
    as_json: options.Json = False,
    sandbox: options.Sandbox = False,
) -> None:
    """List your own posts, newest first, with what `export comments` takes."""

    async def command() -> int:
        from msgspec import to_builtins

        from ingather.cli import tables

        async with world(sandbox=sandbox) as here:
            found = [post async for post in here.graph.posts(limit)]
        if as_json:
            print(json.dumps(to_builtins(found), ensure_ascii=False))
        elif found:
            tables.table(
                {"id": "", "shortcode": "", "posted": "", "comments": "right", "caption": "cut"},
                [
                    (
                        post.id,
                        post.shortcode or "",
                        (post.timestamp or "")[:10],
                        "?" if post.comments_count is None else f"{post.comments_count:,}",
                        " ".join((post.caption or "").split()),
                    )
                    for post in found
                ],
            )
        else:
            say("This account has no posts.")
        return 0

    run(command)
