"""Accounts to be added, held against each other and against those that are kept already."""

from collections.abc import Sequence

from msgspec import Struct

from ingather import errors
from ingather.domain.refresh import Account
from ingather.ports.refresh import Accounts

_AT_ONCE = 500


class Newcomer(Struct, frozen=True):
    """Somebody to be kept fresh. account_id: None where nobody gave one: it is then the one that
    the name is kept under already, or the name. line: that of the file, 0 without one."""

    handle: str
    account_id: str | None = None
    line: int = 0


async def add(accounts: Accounts, wanted: Sequence[Newcomer]) -> int:
    """Add those that are not there yet; how many were new.

    Raises BadInput where an id would have two names or a name two ids; nothing was added then.
    """
    names, ids = await _kept(accounts, wanted)
    lines: dict[str, int] = {}
    new = []
    for each in wanted:
        account_id = each.account_id or ids.get(each.handle, each.handle)
        name = names.get(account_id)
        if name is None and each.handle in ids:
            raise _twice(
                each, f"@{each.handle}", f"the id {ids[each.handle]}", f"the id {account_id}", lines
            )
        if name not in (None, each.handle):
            raise _twice(each, f"the id {account_id}", f"@{name}", f"@{each.handle}", lines)
        if name is None:
            names[account_id], ids[each.handle] = each.handle, account_id
            lines[account_id] = lines[f"@{each.handle}"] = each.line
            new.append(Account(account_id=account_id, handle=each.handle))
    return await accounts.add(new)


async def _kept(
    accounts: Accounts, wanted: Sequence[Newcomer]
) -> tuple[dict[str, str], dict[str, str]]:
    """What is kept of those: names by id, and ids by name."""
    ids: dict[str, str] = {}
    for handle in {each.handle for each in wanted}:
        if (known := await accounts.find(handle)) is not None:
            ids[handle] = known.account_id
    asked = sorted({each.account_id or each.handle for each in wanted} | set(ids.values()))
    names: dict[str, str] = {}
    for start in range(0, len(asked), _AT_ONCE):
        found = await accounts.load(asked[start : start + _AT_ONCE])
        names |= {key: known.handle.lower() for key, known in found.items()}
    return names, ids


def _twice(
    each: Newcomer, what: str, known: str, other: str, lines: dict[str, int]
) -> errors.BadInput:
    """What is one's cannot be another's. lines: where ids and @names of this file came first."""
    earlier = lines.get(what.removeprefix("the id "), 0)
    since = f"by line {earlier}" if earlier else "already"
    said = f"{what} belongs to {known} {since}, and cannot belong to {other} as well."
    return errors.BadInput(
        f"Line {each.line}: {said}" if each.line else said[0].upper() + said[1:],
        hint="Nothing was added. An account that was renamed is removed first: "
        "`ingather accounts remove USERNAME`.",
    )
