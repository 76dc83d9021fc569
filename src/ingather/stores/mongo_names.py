"""A name is one account's in the collection `Account`, by an index that others' documents are not
held to."""

from collections.abc import Sequence
from typing import Any

from ingather import errors
from ingather.domain.refresh import PLATFORM, Account
from ingather.stores import account_names
from ingather.stores import mongo_documents as documents
from ingather.stores.mongo_link import TWICE


async def index(accounts: Any) -> bool:
    """A name is one account's, of our own platform: what others do in the collection is theirs.
    False where names stand there twice already; the refresh goes on, and `add` says so."""
    from pymongo.errors import OperationFailure

    try:
        await accounts.create_index(
            [("platform", 1), ("handle", 1)],
            name="ingather_one_name",
            unique=True,
            partialFilterExpression={"platform": PLATFORM, "handle": {"$type": "string"}},
        )
    except OperationFailure as failure:
        if failure.code != TWICE:
            raise
        return False
    return True


async def several(accounts: Any) -> errors.BadInput:
    """What `add` says where a name stands twice in the collection."""
    names = [
        {"$match": {"platform": PLATFORM, "handle": {"$type": "string"}}},
        {"$group": {"_id": "$handle", "times": {"$sum": 1}}},
        {"$match": {"times": {"$gt": 1}}},
        {"$sort": {"_id": 1}},
        {"$limit": 1},
    ]
    twice = [each["_id"] async for each in await accounts.aggregate(names)]
    name = twice[0] if twice else "?"
    return errors.BadInput(
        f"The collection Account holds @{name} under several ids, and while it does nothing is"
        " added, lest there be more such names.",
        hint=f"`ingather accounts remove {name}` removes them all; then add the one that is meant.",
    )


async def clash(
    accounts: Any, wanted: Sequence[Account], added: Sequence[Any]
) -> errors.BadInput | None:
    """Why some that were not new could not be added; None where all had been there."""
    new = {str(each) for each in added}
    for each in wanted:
        same_id = {"_id": {"$in": documents.keys(each.account_id)}}
        same_name = {"handle": each.handle.lower(), "platform": each.platform}
        async for found in accounts.find({"$or": [same_id, same_name]}):
            refused = account_names.clash(each, documents.account(found))
            if refused is not None and each.account_id not in new:
                return refused
    return None
