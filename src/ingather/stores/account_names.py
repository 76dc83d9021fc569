"""An id has one name and a name one id: what every store says where that would be otherwise."""

from ingather import errors
from ingather.domain.refresh import Account


def clash(wanted: Account, kept: Account) -> errors.BadInput | None:
    """The error to raise where an account cannot be added beside one with its id or its name; None
    where it is that very account."""
    same_id, same_name = (
        wanted.account_id == kept.account_id,
        wanted.handle.lower() == kept.handle.lower(),
    )
    if same_id and same_name:
        return None
    said = (
        f"The id {wanted.account_id} belongs to @{kept.handle}, and cannot belong to"
        f" @{wanted.handle} as well."
        if same_id
        else f"@{wanted.handle} is kept under the id {kept.account_id} already, and cannot be under"
        f" {wanted.account_id} as well."
    )
    return errors.BadInput(
        said,
        hint="Nothing was added. An account that was renamed is removed first: "
        f"`ingather accounts remove {kept.handle}`.",
    )
