"""Sums of money: what one may cost, what it buys at HikerAPI, and how it is told."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.providers.hiker_wire import Balance


async def balance(here: "World", kind: str) -> "Balance":
    """What the account at HikerAPI holds, asked for as patiently as a page."""
    from ingather.cli.waiting import LookUp

    fetcher = here.extractions(kind, "hiker", ()).fetcher()
    fetcher.watch = LookUp()
    return await fetcher.ask(here.hiker(kind).balance)


async def units(here: "World", kind: str, voice: str, max_cost: float | None) -> int | None:
    """The units of HikerAPI that so much money buys at the account's own price."""
    if max_cost is None or voice != "hiker":
        return None
    from ingather import errors

    held = await balance(here, kind)
    if not held.amount or not held.requests:
        raise errors.BadInput(
            "The account's price cannot be told from its balance.", hint="Use --max-calls."
        )
    price = held.amount / held.requests
    bought = int(min(max_cost / price, 2**53))
    if bought < 1:
        raise errors.BadInput(
            f"--max-cost {max_cost:g} buys no call.",
            hint=f"A call costs about {price:.6f} {held.currency or ''}".rstrip() + ".",
        )
    return bought


def span(least: int, most: int) -> str:
    """A number, from and to."""
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def cost(least: float, most: float) -> str:
    """A sum, from and to; one below a cent is not told as nothing."""
    if most < 0.01:
        return "less than 0.01"
    low, high = f"{least:,.2f}", f"{most:,.2f}"
    if least < 0.01:
        return f"up to {high}"
    return low if low == high else f"{low} to {high}"
