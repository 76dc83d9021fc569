"""What the commands of accounts share: where they are, how one is found, how its numbers look."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from ingather.assembly import World
    from ingather.assembly_refresh import Refreshing
    from ingather.domain.refresh import Account
    from ingather.domain.refresh_posts import Post
    from ingather.ports.refresh import Accounts
    from ingather.settings import Settings


Sandbox = Annotated[
    bool, typer.Option("--sandbox", help="The sandbox's accounts, which rest apart from yours.")
]
POST = {
    "posted": "", "type": "", "likes": "right", "comments": "right", "views": "right",
    "reach": "right", "caption": "cut",
}  # fmt: skip
"""Columns of a table of posts."""


def apart() -> "Settings":
    """The settings of a sandbox whose accounts rest apart from the real ones."""
    from ingather import settings

    return settings.apart(settings.load())


def place(sandbox: bool) -> "AbstractAsyncContextManager[World]":
    """The world in which accounts are kept, for what asks nobody outside."""
    from ingather.cli.run import world

    return world(settings=apart() if sandbox else None)


def parts(here: "World") -> "Refreshing":
    """The refresh's part of a world; nobody counts what it does."""
    from ingather.assembly_refresh import Refreshing
    from ingather.features.unwatched import Unwatched

    return Refreshing(here, Unwatched())


async def find(accounts: "Accounts", name: str) -> "Account":
    """The account of a username; raises AccountNotFound."""
    from ingather import errors
    from ingather.domain.names import username

    found = await accounts.find(username(name))
    if found is None:
        raise errors.AccountNotFound(
            f"@{username(name)} is not among the accounts that are kept fresh.",
            hint=f"`ingather accounts add {username(name)}` adds it.",
        )
    return found


def rate(value: float | None) -> str:
    """A part of one as people read it; ? where it is not known."""
    return "?" if value is None else f"{value:.2%}"


def insights(account: "Account") -> str | None:
    """An own account's last 24 hours in one line; None where there are none."""
    told = (account.instagram_data or {}).get("insights")
    if not isinstance(told, dict) or not told:
        return None
    return ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in told.items())


def engagement(account: "Account") -> float | None:
    """The engagement that was told last."""
    found = (account.instagram_data or {}).get("engagement")
    return found if isinstance(found, float) else None


def posts_of(media: "Sequence[Post]") -> "list[tuple[str, ...]]":
    """Rows of a table of posts: when, what, its numbers, and the beginning of its caption."""
    return [
        (
            (post.media.timestamp or "?")[:10],
            (post.media.media_type or "?").lower(),
            "hidden" if post.media.likes_hidden else whole(post.media.like_count),
            whole(post.media.comment_count),
            whole(post.media.play_count),
            whole(post.media.reach) if post.insights_at else "",
            (post.media.caption or "").split("\n")[0],
        )
        for post in media
    ]


def whole(value: int | None) -> str:
    """A number as people read it; ? where it is not known."""
    return "?" if value is None else f"{value:,}"


def count(account: "Account", field: str) -> str:
    """A number as people read it: ~ before a rounded one, ? for an unknown one."""
    data = account.instagram_data or {}
    value = data.get(field)
    if value is None:
        return "?"
    return ("~" if field in data.get("approximate", []) else "") + f"{value:,}"
