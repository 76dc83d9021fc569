"""What the commands of accounts share: where they are, how one is found, how its numbers look."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.assembly_refresh import Refreshing
    from ingather.domain.refresh import Account
    from ingather.ports.refresh import Accounts
    from ingather.settings import Settings


def apart() -> "Settings":
    """The settings of a sandbox, whose accounts never meet the real ones: they rest in a file of
    their own."""
    from msgspec import structs

    from ingather.settings import load

    real = load()
    return structs.replace(
        real, database=real.data_dir / "sandbox.db", postgres_url=None, mongodb_url=None
    )


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


def count(account: "Account", field: str) -> str:
    """A number as people read it: ~ before a rounded one, ? for an unknown one."""
    data = account.instagram_data or {}
    value = data.get(field)
    if value is None:
        return "?"
    return ("~" if field in data.get("approximate", []) else "") + f"{value:,}"
