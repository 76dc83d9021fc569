"""One MongoDB, opened at the first word; its driver's errors become ours."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ingather import errors

if TYPE_CHECKING:
    from pymongo import AsyncMongoClient
    from pymongo.asynchronous.database import AsyncDatabase

_PATIENCE_MS = 5_000
_ANSWER_MS = 60_000
"""Without an answer for so long a connection is given up: it may be open on our side alone."""
_DROPPED_AT_ONCE = 1_000
TWICE = 11000
"""MongoDB's code where an index would have one key twice, as that of `_id` (DuplicateKey)."""


class MongoLink:
    """The database that an address ends with, `ingather` where it names none."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: AsyncMongoClient[dict[str, Any]] | None = None
        self.place = urlsplit(url).hostname or "MongoDB"

    @property
    def database(self) -> "AsyncDatabase[dict[str, Any]]":
        from bson.codec_options import CodecOptions
        from pymongo import AsyncMongoClient
        from pymongo.errors import ConfigurationError, InvalidURI

        if self._client is None:
            try:
                self._client = AsyncMongoClient(
                    self._url,
                    serverSelectionTimeoutMS=_PATIENCE_MS,
                    socketTimeoutMS=_ANSWER_MS,
                    tz_aware=True,
                )
            except (ConfigurationError, InvalidURI):
                raise errors.BadSetting(
                    "MONGODB_URL is not an address that MongoDB's driver understands.",
                    hint="It is written as mongodb://localhost:27017/ratings.",
                ) from None
        return self._client.get_default_database(
            "ingather", codec_options=CodecOptions(tz_aware=True)
        )

    @contextlib.contextmanager
    def translating(self) -> Iterator[None]:
        """The driver's errors become ours, without the address, which may hold a password."""
        from pymongo import errors as theirs

        try:
            yield
        except (theirs.ConnectionFailure, theirs.ExecutionTimeout) as failure:
            kind = type(failure).__name__
            raise errors.StoreUnavailable(
                f"The MongoDB at {self.place} does not answer ({kind})."
            ) from None
        except theirs.OperationFailure as failure:
            if failure.code == 14031:  # OutOfDiskSpace
                raise errors.StorageFull(
                    f"There is no room left at the MongoDB at {self.place}."
                ) from None
            raise errors.StoreUnavailable(
                f"The MongoDB at {self.place} refuses (code {failure.code})."
            ) from None
        except theirs.PyMongoError as failure:
            raise errors.StoreUnavailable(
                f"The MongoDB at {self.place} failed ({type(failure).__name__})."
            ) from None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None


async def insert_new(collection: Any, documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Insert documents that are rarely there yet, which costs a third of asking first; those that
    are there stay as they are, and come back."""
    from pymongo.errors import BulkWriteError

    if not documents:
        return []
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as failure:
        refused = failure.details.get("writeErrors", [])
        others = [each for each in refused if each["code"] != TWICE]
        if others or failure.details.get("writeConcernErrors"):
            raise
        return [documents[each["index"]] for each in refused]
    return []


async def drop(collection: Any, wanted: dict[str, Any]) -> int:
    """Delete what is wanted, in batches, so that nobody waits long; how many."""
    dropped = 0
    while True:
        found = collection.find(wanted, {"_id": 1}).limit(_DROPPED_AT_ONCE)
        ids = [each["_id"] async for each in found]
        if not ids:
            return dropped
        done = await collection.delete_many({"_id": {"$in": ids}})
        dropped += done.deleted_count
