"""`ingather posts`: your own posts with their ids."""

import json
from typing import Annotated

import typer

from ingather.cli import options
from ingather.cli.run import run, say, world


def posts(
    limit: Annotated[int, typer.Option("--max", min=1, help="At most so many.")] = 25,
    as_json: options.Json = False,
    sandbox: options.Sandbox = False,
) -> None:
    """List your own posts, newest first, with what `export comments` takes."""

    async def command() -> int:
        from msgspec import to_builtins

        from ingather.cli import show

        async with world(sandbox=sandbox) as here:
            found = [post async for post in here.graph.posts(limit)]
        if as_json:
            print(json.dumps(to_builtins(found), ensure_ascii=False))
        elif found:
            from rich.table import Table

            table = Table(box=None, pad_edge=False, header_style="bold")
            for name in ("id", "shortcode", "posted", "comments", "caption"):
                right = name == "comments"
                table.add_column(name, justify="right" if right else "left", no_wrap=True)
            for post in found:
                count = "?" if post.comments_count is None else f"{post.comments_count:,}"
                caption = " ".join((post.caption or "").split())
                posted = (post.timestamp or "")[:10]
                table.add_row(post.id, post.shortcode or "", posted, count, caption)
            show.console().print(table)
        else:
            say("This account has no posts.")
        return 0

    run(command)
