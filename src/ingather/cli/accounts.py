"""`ingather accounts`: which accounts are kept fresh, and what is known of them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingather.cli import account_words, options
from ingather.cli.run import run, say
from ingather.cli.texts import text_of

if TYPE_CHECKING:
    from ingather.domain.refresh import Account, LogEntry
    from ingather.features.newcomers import Newcomer

app = typer.Typer(name="accounts", help="The accounts that are kept fresh.", no_args_is_help=True)

_LISTED = {
    "id": "", "handle": "", "followers": "right", "engagement": "right", "refreshed": "",
    "name": "cut",
}  # fmt: skip

Names = Annotated[list[str], typer.Argument(metavar="USERNAME…", help="@name, name or address.")]


@app.command()
def add(
    names: Names,
    account_id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="Its id with you, for a single one. [its name]"),
    ] = None,
    sandbox: account_words.Sandbox = False,
) -> None:
    """Keep accounts fresh from now on."""

    async def command() -> int:
        from ingather import errors
        from ingather.domain.names import username
        from ingather.features.newcomers import Newcomer

        if account_id is not None and len(names) > 1:
            raise errors.BadInput("--id is of one account.", hint="Give a single USERNAME.")
        return await _add([Newcomer(username(name), account_id) for name in names], sandbox)

    run(command)


@app.command("import")
def import_csv(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file; - for standard input.")],
    sandbox: account_words.Sandbox = False,
) -> None:
    """Add the accounts of a CSV file: a column `handle` or `username`, and `accountId` if any."""

    async def command() -> int:
        from ingather import errors
        from ingather.domain.names import username
        from ingather.features.newcomers import Newcomer

        wanted = []
        for line, row in _rows(text_of(path)):
            handle = row.get("handle") or row.get("username") or ""
            try:
                name = username(handle)
            except errors.UnreadableName as failure:
                raise errors.BadInput(
                    f"Line {line}: {failure.message}", hint="Nothing was added; mend it there."
                ) from None
            wanted.append(Newcomer(name, row.get("accountid") or None, line))
        return await _add(wanted, sandbox)

    run(command)


@app.command("list")
def list_accounts(
    limit: options.AtMost = 100,
    as_json: options.Json = False,
    sandbox: account_words.Sandbox = False,
) -> None:
    """List accounts with how fresh each is."""

    async def command() -> int:
        from msgspec import to_builtins

        from ingather.cli import tables

        async with account_words.place(sandbox) as here:
            found = await account_words.parts(here).accounts.list(limit=limit)
        if as_json:
            print(json.dumps([to_builtins(each) for each in found], ensure_ascii=False))
        elif found:
            tables.table(
                _LISTED,
                [
                    (
                        each.account_id,
                        f"@{each.handle}",
                        account_words.count(each, "followersCount"),
                        account_words.rate(account_words.engagement(each)),
                        (each.last_data_refresh or "never")[:16],
                        each.name or "",
                    )
                    for each in found
                ],
            )
        else:
            say("There are no accounts yet: `ingather accounts add USERNAME`.")
        return 0

    run(command)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="USERNAME")],
    as_json: options.Json = False,
    sandbox: account_words.Sandbox = False,
) -> None:
    """Show an account: each number with its source, its history, its latest posts, and its last
    refreshes."""

    async def command() -> int:
        from msgspec import to_builtins

        async with account_words.place(sandbox) as here:
            accounts = account_words.parts(here).accounts
            account = await account_words.find(accounts, name)
            days = await accounts.history(account.account_id, limit=30)
            media = await accounts.posts(account.account_id, limit=12)
            log = await accounts.log(account.account_id, limit=10)
        told = {
            **to_builtins(account),
            "history": to_builtins(days),
            "media": to_builtins(media),
            "log": to_builtins(log),
        }
        if as_json:
            print(json.dumps(told, ensure_ascii=False))
        else:
            _show(account, days, media, log)
        return 0

    run(command)


@app.command()
def remove(names: Names, sandbox: account_words.Sandbox = False) -> None:
    """Forget accounts, with their posts, log and history."""

    async def command() -> int:
        async with account_words.place(sandbox) as here:
            accounts = account_words.parts(here).accounts
            for name in names:
                account = await account_words.find(accounts, name)
                known: Account | None = account
                while known is not None:  # the same name may stand there under several ids
                    await accounts.remove(known.account_id)
                    known = await accounts.find(account.handle)
                say(f"@{account.handle} is forgotten, with its posts, log and history.")
        return 0

    run(command)


async def _add(wanted: "list[Newcomer]", sandbox: bool) -> int:
    from ingather.features import newcomers

    async with account_words.place(sandbox) as here:
        new = await newcomers.add(account_words.parts(here).accounts, wanted)
    said = f"{new} {'account is' if new == 1 else 'accounts are'} kept fresh from now on"
    say(f"{said}; {len(wanted) - new} had been there." if new < len(wanted) else f"{said}.")
    return 0


def _rows(text: str) -> "list[tuple[int, dict[str, str]]]":
    """The rows of a CSV file by its first line's names, with the number of each one's line."""
    import csv

    from ingather import errors

    reader = csv.reader(text.splitlines(), delimiter=";" if ";" in text.split("\n", 1)[0] else ",")
    names = [name.strip().lower().replace("_", "") for name in next(reader, [])]
    if not {"handle", "username"} & set(names):
        raise errors.BadInput(
            "The file's first line names no column handle or username.",
            hint="It may be as short as one column: handle.",
        )
    return [
        (reader.line_num, {name: cell.strip() for name, cell in zip(names, row, strict=False)})
        for row in reader
        if any(cell.strip() for cell in row)
    ]


def _show(account: "Account", days: Any, media: Any, log: Any) -> None:
    from ingather.cli import tables

    console = tables.console()
    console.print(
        f"@{account.handle} ({account.account_id})  {account.name or ''}", highlight=False
    )
    console.print(f"refreshed: {account.last_data_refresh or 'never'}", highlight=False)
    data = account.instagram_data or {}
    for field, label in (
        ("followersCount", "followers"),
        ("followsCount", "following"),
        ("mediaCount", "posts"),
    ):
        console.print(
            f"{label}: {account_words.count(account, field)}{_from(data, field)}", highlight=False
        )
    console.print(
        f"engagement: {account_words.rate(account_words.engagement(account))}"
        + _from(data, "engagement"),
        highlight=False,
    )
    if insights := account_words.insights(account):
        console.print(f"in 24 hours: {insights}{_from(data, 'insights')}", highlight=False)
    if days:
        tables.table(
            {"day": "", "followers": "right", "posts": "right", "engagement": "right"},
            [
                (
                    each.day,
                    account_words.whole(each.followers),
                    account_words.whole(each.media),
                    account_words.rate(each.engagement),
                )
                for each in days
            ],
        )
    if media:
        tables.table(account_words.POST, account_words.posts_of(media))
    if log:
        tables.table(
            {"at": "", "outcome": "", "source": "", "changed or error": "fold"},
            [
                (
                    each.at[:16],
                    each.outcome,
                    each.source or "",
                    each.error or _changed(each),
                )
                for each in log
            ],
        )


def _changed(entry: "LogEntry") -> str:
    """What a refresh changed, and what it could not tell."""
    missing = f"(not told: {', '.join(entry.missing)})" if entry.missing else ""
    return " ".join(filter(None, [", ".join(entry.fields_changed), missing]))


def _from(data: dict[str, Any], field: str) -> str:
    """Where a number came from, and when."""
    origin = data.get("sources", {}).get(field, {})
    return f"  from {origin.get('source')}, {str(origin.get('at'))[:16]}" if origin else ""
