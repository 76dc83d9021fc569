"""Accounts in MongoDB, as a rating site has them: `Account` with `_id` = accountId, `platform`,
`handle` and the fields of the refresh; `DataRefreshLog`; and `AccountHistory`, a document a day.

There is no transaction over all of them: the account is written first, its log with it, so that a
log entry never speaks of what is not there. Fields that are not ours are never touched.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from ingather.domain import refresh
from ingather.domain.instants import iso
from ingather.domain.refresh import PLATFORM, Account, Day, LogEntry, Refreshed
from ingather.ports.refresh import Totals
from ingather.stores import account_order
from ingather.stores.mongo_link import MongoLink, insert_new

Document = dict[str, Any]
_OURS = {"platform": {"$in": [PLATFORM, PLATFORM.upper(), PLATFORM.capitalize()]}}
_CLOCK_SECONDS = 60.0
"""For so long the server's clock is told by its last answer and our own monotonic clock."""


class MongoAccounts:
    """ports.refresh.Accounts over one database of MongoDB.

    An `_id` may be a text or an ObjectId; an account's id is its text. `dataRefreshDue` is the
    scheduler's mark.
    """

    def __init__(self, link: MongoLink) -> None:
        self._link = link
        self._indexed = False
        self._clock: tuple[float, float] | None = None
        self._asking = asyncio.Lock()

    async def load(self, ids: Sequence[str]) -> dict[str, Account]:
        keys = [key for each in ids for key in _keys(each)]
        with self._link.translating():
            # In one answer: 101 documents are what the driver asks for at first.
            found = self._accounts.find({"_id": {"$in": keys}}, batch_size=len(keys) + 1)
            return {str(each["_id"]): _account(each) async for each in found}

    async def save(self, done: Sequence[Refreshed]) -> None:
        from pymongo import UpdateOne

        accounts = [each.account for each in done if each.account is not None]
        with self._link.translating():
            await self._index()
            there = {each.account_id for each in accounts}
            if accounts:
                written = await self._accounts.bulk_write(
                    [
                        UpdateOne(_by_id(each.account_id), {"$set": _fields(each)})
                        for each in accounts
                    ],
                    ordered=False,
                )
                if written.matched_count < len(accounts):
                    there = await self._there(there)
            entries = [
                each.entry
                for each in done
                if each.account is None or each.entry.account_id in there
            ]
            await self._write_logs(entries)
            await self._write_days([each for each in accounts if each.account_id in there])

    async def add(self, accounts: Sequence[Account]) -> int:
        from pymongo import UpdateOne

        if not accounts:
            return 0
        writes = []
        for each in accounts:
            fields = _fields(each) if each.last_data_refresh else {}
            fields |= {"platform": each.platform, "handle": each.handle.lower()}
            writes.append(
                UpdateOne({"_id": each.account_id}, {"$setOnInsert": fields}, upsert=True)
            )
        with self._link.translating():
            await self._index()
            done = await self._accounts.bulk_write(writes, ordered=False)
        return int(done.upserted_count)

    async def remove(self, account_id: str) -> bool:
        with self._link.translating():
            await self._history.delete_many(_of(account_id))
            await self._log.delete_many(_of(account_id))
            done = await self._accounts.delete_one(_by_id(account_id))
        return bool(done.deleted_count)

    async def find(self, handle: str) -> Account | None:
        wanted = {"handle": {"$in": [handle, handle.lower()]}, **_OURS}
        with self._link.translating():
            found = await self._accounts.find_one(wanted, sort=[("_id", 1)])
        return None if found is None else _account(found)

    async def list(self, *, limit: int, after: str | None = None) -> list[Account]:
        wanted: Document = dict(_OURS)
        if after is not None:
            wanted["_id"] = {"$gt": _keys(after)[-1]}
        with self._link.translating():
            found = self._accounts.find(wanted).sort("_id", 1).limit(limit)
            return [_account(each) async for each in found]

    async def claim(self, *, stale: float, until: float, limit: int) -> Sequence[Account]:
        now = _moment(await self.now())
        free: Document = {"$or": [{"dataRefreshDue": None}, {"dataRefreshDue": {"$lte": now}}]}
        old = {"$or": [{"lastDataRefresh": None}, {"lastDataRefresh": {"$lt": _moment(stale)}}]}
        claimed = []
        with self._link.translating():
            await self._index()
            found = self._accounts.find({**_OURS, "$and": [free, old]})
            found = found.sort("lastDataRefresh", 1).limit(limit * account_order.LOOKED_AT)
            stalest = [_account(each) async for each in found]
            for each in account_order.first(stalest, limit):
                mark = {"$set": {"dataRefreshDue": _moment(until)}}
                won = await self._accounts.update_one({**_by_id(each.account_id), **free}, mark)
                if won.modified_count:
                    claimed.append(each)
        return claimed

    async def scheduled(self, ids: Sequence[str], *, until: float) -> None:
        keys = [key for each in ids for key in _keys(each)]
        with self._link.translating():
            await self._accounts.update_many(
                {"_id": {"$in": keys}}, {"$set": {"dataRefreshDue": _moment(until)}}
            )

    async def log(
        self, account_id: str | None = None, *, limit: int, failed: bool = False
    ) -> Sequence[LogEntry]:
        wanted = {} if account_id is None else _of(account_id)
        if failed:
            wanted["outcome"] = "failed"
        with self._link.translating():
            found = self._log.find(wanted).sort([("at", -1), ("_id", 1)]).limit(limit)
            return [_entry(each) async for each in found]

    async def history(self, account_id: str, *, limit: int) -> Sequence[Day]:
        with self._link.translating():
            found = self._history.find(_of(account_id)).sort("_id", -1).limit(limit)
            return [msgspec.convert(each, Day) async for each in found]

    async def totals(self) -> Totals:
        never = {**_OURS, "lastDataRefresh": None}
        with self._link.translating():
            count = await self._accounts.count_documents(_OURS)
            new = await self._accounts.count_documents(never)
            oldest = await self._accounts.find_one(
                {**_OURS, "lastDataRefresh": {"$gt": _moment(0)}}, sort=[("lastDataRefresh", 1)]
            )
        last = oldest["lastDataRefresh"].timestamp() if oldest else None
        return Totals(accounts=count, never=new, oldest=last)

    async def now(self) -> float:
        async with self._asking:  # one asks for all who want to know
            if self._clock is None or time.monotonic() - self._clock[1] > _CLOCK_SECONDS:
                with self._link.translating():
                    told = await self._link.database.command("hello")
                self._clock = told["localTime"].timestamp(), time.monotonic()
            then, at = self._clock
        return float(then + time.monotonic() - at)

    @property
    def _accounts(self) -> Any:
        return self._link.database["Account"]

    @property
    def _log(self) -> Any:
        return self._link.database["DataRefreshLog"]

    @property
    def _history(self) -> Any:
        return self._link.database["AccountHistory"]

    async def _index(self) -> None:
        if not self._indexed:
            await self._accounts.create_index([("lastDataRefresh", 1)])
            await self._accounts.create_index([("handle", 1)])
            await self._log.create_index([("at", 1)])
            self._indexed = True

    async def _there(self, ids: Iterable[str]) -> set[str]:
        """Which of the accounts there are: one that was removed is not written about."""
        keys = [key for each in ids for key in _keys(each)]
        found = self._accounts.find({"_id": {"$in": keys}}, {"_id": 1})
        return {str(each["_id"]) async for each in found}

    async def _write_logs(self, entries: Sequence[LogEntry]) -> None:
        documents = []
        for entry in entries:
            told = msgspec.to_builtins(entry)
            told["_id"] = told.pop("id")
            told["at"] = _moment(refresh.seconds(entry.at) or 0.0)
            documents.append(told)
        await insert_new(self._log, documents)

    async def _write_days(self, accounts: Sequence[Account]) -> None:
        from pymongo import UpdateOne

        days: dict[str, Document] = {}
        for each in accounts:
            if day := refresh.day(each):
                told = {name: value for name, value in msgspec.to_builtins(day).items() if value}
                told |= {
                    "accountId": each.account_id,
                    "followers": day.followers,
                    "media": day.media,
                }
                key = f"{each.account_id}:{day.day}"
                days[key] = {"_id": key, **told}
        again = await insert_new(self._history, list(days.values()))
        if again:
            writes = [UpdateOne({"_id": told.pop("_id")}, {"$set": told}) for told in again]
            await self._history.bulk_write(writes, ordered=False)


def _fields(account: Account) -> Document:
    """The fields of a refresh; what is not known is left as it is."""
    told: Document = {
        "instagramData": account.instagram_data,
        "followerCount": account.follower_count,
        "name": account.name,
        "description": account.description,
        "imageUrl": account.image_url,
    }
    told = {name: value for name, value in told.items() if value is not None}
    told["lastDataRefresh"] = _moment(refresh.seconds(account.last_data_refresh) or 0.0)
    return told


def _account(found: Document) -> Account:
    last, data, count = (
        found.get(key) for key in ("lastDataRefresh", "instagramData", "followerCount")
    )
    return Account(
        account_id=str(found["_id"]),
        platform=_text(found.get("platform")) or PLATFORM,
        handle=_text(found.get("handle")) or "",
        name=_text(found.get("name")),
        description=_text(found.get("description")),
        image_url=_text(found.get("imageUrl")),
        follower_count=int(count) if isinstance(count, int | float) else None,
        instagram_data=data if isinstance(data, dict) else None,
        last_data_refresh=iso(last.timestamp()) if isinstance(last, datetime) else _text(last),
    )


def _entry(found: Document) -> LogEntry:
    told = {**found, "id": found["_id"], "at": iso(found["at"].timestamp())}
    return msgspec.convert(told, LogEntry)


def _keys(account_id: str) -> list[Any]:
    """What an account's id may be as an `_id`: its text, or an ObjectId where it looks like one."""
    from bson import ObjectId

    return [account_id, *([ObjectId(account_id)] if ObjectId.is_valid(account_id) else [])]


def _by_id(account_id: str) -> Document:
    keys = _keys(account_id)
    return {"_id": keys[0] if len(keys) == 1 else {"$in": keys}}


def _of(account_id: str) -> Document:
    """What is kept of an account in the log or the history, whose `_id` begins with its id: no
    other index has to be written with every refresh."""
    first, after = f"{account_id}:", f"{account_id};"
    return {"_id": {"$gte": first, "$lt": after}, "accountId": account_id}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
