"""`ingather keys`: who may come in at the HTTP door."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ingather.cli import options
from ingather.cli.run import run, say, world, writable

if TYPE_CHECKING:
    from ingather.domain.access import Key

app = typer.Typer(no_args_is_help=True, help="Keys of the HTTP API: make, list, revoke.")


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")],
    owner: Annotated[
        str,
        typer.Option(
            "--owner",
            metavar="OWNER",
            help="Whose jobs it makes and sees; `local` is whoever uses the command line here.",
        ),
    ] = "local",
    as_json: options.Json = False,
) -> None:
    """Make a key. It is printed once, on standard output, and kept nowhere."""

    async def command() -> int:
        from ingather import errors
        from ingather.doorway import Doorway

        if not writable():
            raise errors.BadInput(
                "Standard output is closed, and a key is shown once.", hint="Send it to a file."
            )
        async with world() as here:
            key, text = await Doorway(here).keys.create(name, owner)
        if as_json:
            print(json.dumps(_shown(key) | {"key": text}))
            return 0
        print(text)
        say(f"Key {key.id} “{key.name}” of {key.owner}. It is not shown again: keep it safe.")
        say("Send it as a header:  Authorization: Bearer KEY")
        return 0

    run(command)


@app.command("list")
def list_(as_json: options.Json = False) -> None:
    """Every key by its id; never the key itself."""

    async def command() -> int:
        from ingather.cli import tables
        from ingather.doorway import Doorway

        async with world() as here:
            keys = await Doorway(here).keys.list()
        if as_json:
            print(json.dumps([_shown(key) for key in keys], ensure_ascii=False))
        elif keys:
            columns = {"id": "", "name": "cut", "owner": "", "made": "", "used": "", "revoked": ""}
            tables.table(columns, [_row(key) for key in keys])
        else:
            say("There are no keys yet. Make one with: ingather keys create NAME")
        return 0

    run(command)


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `keys list` shows it.")],
) -> None:
    """Make a key worth nothing, from the next request on."""

    async def command() -> int:
        from ingather.doorway import Doorway

        async with world() as here:
            await Doorway(here).keys.revoke(key_id)
        say("Revoked.")
        return 0

    run(command)


def _shown(key: "Key") -> dict[str, str | None]:
    import msgspec

    shown: dict[str, str | None] = msgspec.to_builtins(key)
    return shown


def _row(key: "Key") -> list[str]:
    times = (key.created_at, key.used_at, key.revoked_at)
    return [key.id, key.name, key.owner, *((when or "")[:16].replace("T", " ") for when in times)]
