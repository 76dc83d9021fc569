"""`ingather refresh` now, and `ingather schedule` for later."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingather.cli import account_words, numbers, options
from ingather.cli.run import run, say, world

if TYPE_CHECKING:
    from ingather.assembly_refresh import Refreshing
    from ingather.domain.refresh import Account
    from ingather.features.refresh import Done

_TOLD_BELOW = ("instagramData.latestMedia", "instagramData.engagement", "instagramData.insights")

Names = Annotated[list[str], typer.Argument(metavar="USERNAME…", help="@name, name or address.")]


def refresh(
    names: Names,
    as_json: options.Json = False,
    sandbox: options.Sandbox = False,
) -> None:
    """Refresh accounts now, and say what changed; one that is new is kept fresh from now on."""

    async def command() -> int:
        from msgspec import to_builtins

        from ingather.domain.names import username
        from ingather.domain.refresh import Account
        from ingather.features import newcomers

        told: list[dict[str, Any]] = []
        failed = 0
        settings = account_words.apart() if sandbox else None
        async with world(sandbox=sandbox, settings=settings) as here:
            parts = account_words.parts(here)
            for name in map(username, names):
                known = await parts.accounts.find(name)
                account = known or Account(account_id=name, handle=name)
                new = await newcomers.add(parts.accounts, [newcomers.Newcomer(handle=name)])
                done = await _now(parts, account)
                if new and done.error is not None:
                    await parts.accounts.remove(account.account_id)
                failed += done.error is not None
                told.append(
                    {
                        "handle": name,
                        "outcome": done.outcome,
                        "source": done.source,
                        "changed": list(done.changed),
                        "missing": list(done.missing),
                        "error": str(done.error) if done.error else None,
                        "account": to_builtins(done.after) if done.after else None,
                        "media": None if done.posts is None else to_builtins(done.posts),
                    }
                )
                if not as_json:
                    _tell(name, done)
        if as_json:
            print(json.dumps(told if len(told) > 1 else told[0], ensure_ascii=False))
        return 1 if failed else 0

    run(command)


def schedule(
    window: Annotated[
        float,
        typer.Option(
            "--days", parser=numbers.days, metavar="N", help="How fresh accounts are kept."
        ),
    ] = 7.0,
    most: Annotated[
        int | None,
        typer.Option(
            "--max",
            parser=numbers.whole(),
            metavar="N",
            help="Events at most. [an hour of the limit]",
        ),
    ] = None,
    sandbox: account_words.Sandbox = False,
) -> None:
    """Publish events for the accounts that are due; run it every hour."""

    async def command() -> int:
        from ingather.features import schedule as feature
        from ingather.features.refresh_keep import tidy

        async with account_words.place(sandbox) as here:
            parts = account_words.parts(here)
            plan = feature.Plan(window=window * 86_400, most=most or parts.share)
            count = await feature.publish(parts.accounts, parts.events, plan)
            dropped = await tidy(parts.accounts, parts.events, parts.keep)
        say(f"{count} {'account was' if count == 1 else 'accounts were'} due and published.")
        if dropped:
            say(f"{dropped} old entries of log and history were dropped.")
        return 0

    run(command)


async def _now(parts: "Refreshing", account: "Account") -> "Done":
    """A refresh at once; what would be waited for in the background is told instead, so that the
    names after it have their turn."""
    from ingather import errors
    from ingather.features.refresh import Done
    from ingather.features.refresh_sources import NotTold, Wait

    try:
        return await parts.refresher.now(account)
    except Wait as wait:
        minutes = max(1, round(wait.seconds / 60))
        why = "The limit is reached" if wait.why == "limit" else "No source tells anything just now"
        failure: errors.IngatherError = errors.Throttled(f"{why}; try again in {minutes} minutes.")
    except NotTold as untold:
        failure = untold.failure
    return Done(outcome="failed", before=account, error=failure)


def _tell(name: str, done: "Done") -> None:
    if done.error is not None:
        say(f"@{name}: {done.error}")
        return
    assert done.after is not None
    followers = account_words.count(done.after, "followersCount")
    print(f"@{name}: {done.outcome} from {done.source}, {followers} followers")
    for field in done.changed:
        if field not in _TOLD_BELOW:
            print(f"  {field}: {_value(done.before, field)} -> {_value(done.after, field)}")
    if done.posts is not None:
        rate = account_words.engagement(done.after)
        told = f"{len(done.posts)} latest posts, {_new(done)} of them new"
        print(f"  {told}; engagement {account_words.rate(rate)}")
        if measured := sum(post.insights_at is not None for post in done.posts):
            print(f"  insights of {measured} of them")
    if "instagramData.insights" in done.changed:
        print(f"  in 24 hours: {account_words.insights(done.after)}")
    if done.missing:
        say(f"  not told this time: {', '.join(done.missing)}")


def _new(done: "Done") -> int:
    """Posts that had not been told before."""
    before = (done.before.instagram_data or {}) if done.before else {}
    return len({post.key for post in done.posts or ()} - set(before.get("latestMedia") or ()))


def _value(account: "Account | None", field: str) -> object:
    if account is None:
        return None
    if field.startswith("instagramData."):
        return (account.instagram_data or {}).get(field.partition(".")[2])
    names = {"followerCount": "follower_count", "imageUrl": "image_url"}
    found = getattr(account, names.get(field, field))
    return found.replace("\n", " ") if isinstance(found, str) else found
