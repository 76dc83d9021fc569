"""Accounts in MongoDB, as a rating site has them: `Account` with `_id` = accountId, `platform`,
`handle` and the fields of the refresh; `AccountMedia`, a document a post; `AccountHistory`, one a
day; and `DataRefreshLog`.

There is no transaction over all of them: the account is written first, its log with it, so that a
log entry never speaks of what is not there. Fields that are not ours are never touched.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ingather.domain import refresh
from ingather.domain.instants import iso
from ingather.domain.refresh import PLATFORM, Account, Day, LogEntry, Refreshed
from ingather.domain.refresh_posts import KEPT, Post
from ingather.ports.refresh import Totals
from ingather.stores import account_order, mongo_names, mongo_posts
from ingather.stores import mongo_documents as documents
from ingather.stores.mongo_documents import Document
from ingather.stores.mongo_link import TWICE, MongoLink, drop, insert_new

_OURS = {"platform": {"$in": [PLATFORM, PLATFORM.upper(), PLATFORM.capitalize()]}}
_CLOCK_SECONDS = 60.0
"""For so long the server's clock is told by its last answer and our own monotonic clock."""


class MongoAccounts:
    """ports.refresh.Accounts over one database of MongoDB.

    An `_id` may be a text or an ObjectId; an account's id is its text. `dataRefreshDue` is the
    scheduler's mark. keep: posts of each account at the most.
    """

    def __init__(self, link: MongoLink, *, keep: int = KEPT) -> None:
        self._link = link
        self._keep = keep
        self._indexed = False
        self._names_are_one = True
        self._clock: tuple[float, float] | None = None
        self._asking = asyncio.Lock()

    async def load(self, ids: Sequence[str]) -> dict[str, Account]:
        keys = [key for each in ids for key in documents.keys(each)]
        with self._link.translating():
            # In one answer: 101 documents are what the driver asks for at first.
            found = self._accounts.find({"_id": {"$in": keys}}, batch_size=len(keys) + 1)
            return {str(each["_id"]): documents.account(each) async for each in found}

    async def save(self, done: Sequence[Refreshed]) -> None:
        from pymongo import UpdateOne

        accounts = [each.account for each in done if each.account is not None]
        with self._link.translating():
            await self._index()
            there = {each.account_id for each in accounts}
            if accounts:
                written = await self._accounts.bulk_write(
                    [
                        UpdateOne(
                            documents.by_id(each.account_id), {"$set": documents.fields(each)}
                        )
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
            posts = [(each.entry.account_id, post) for each in done for post in each.posts]
            posts = [told for told in posts if told[0] in there]
            await mongo_posts.write(self._posts, posts, keep=self._keep)
            await self._write_days([each for each in accounts if each.account_id in there])
            await self._write_logs(entries)

    async def add(self, accounts: Sequence[Account]) -> int:
        from pymongo import UpdateOne
        from pymongo.errors import BulkWriteError

        if not accounts:
            return 0
        writes = []
        for each in accounts:
            fields = documents.fields(each) if each.last_data_refresh else {}
            fields |= {"platform": each.platform, "handle": each.handle.lower()}
            writes.append(
                UpdateOne({"_id": each.account_id}, {"$setOnInsert": fields}, upsert=True)
            )
        with self._link.translating():
            await self._index()
            if not self._names_are_one and not await mongo_names.index(self._accounts):
                raise await mongo_names.several(self._accounts)
            try:
                done = await self._accounts.bulk_write(writes, ordered=False)
                told = done.bulk_api_result
            except BulkWriteError as failure:
                told = failure.details
                if any(each["code"] != TWICE for each in told["writeErrors"]):
                    raise
            added = [each["_id"] for each in told["upserted"]]
            if len(added) < len(writes) and (
                refused := await mongo_names.clash(self._accounts, accounts, added)
            ):
                await self._accounts.delete_many({"_id": {"$in": added}})
                raise refused
        return len(added)

    async def remove(self, account_id: str) -> bool:
        with self._link.translating():
            await self._forget(account_id)
            done = await self._accounts.delete_one(documents.by_id(account_id))
            await self._forget(account_id)  # what a refresh wrote in between
        return bool(done.deleted_count)

    async def _forget(self, account_id: str) -> None:
        await mongo_posts.forget(self._posts, account_id)
        await self._history.delete_many(documents.of(account_id))
        await self._log.delete_many(documents.of(account_id))

    async def find(self, handle: str) -> Account | None:
        wanted = {"handle": {"$in": [handle, handle.lower()]}, **_OURS}
        with self._link.translating():
            found = await self._accounts.find_one(wanted, sort=[("_id", 1)])
        return None if found is None else documents.account(found)

    async def list(self, *, limit: int, after: str | None = None) -> list[Account]:
        wanted: Document = dict(_OURS)
        if after is not None:
            wanted["_id"] = {"$gt": documents.keys(after)[-1]}
        with self._link.translating():
            found = self._accounts.find(wanted).sort("_id", 1).limit(limit)
            return [documents.account(each) async for each in found]

    async def claim(self, *, stale: float, until: float, limit: int) -> Sequence[Account]:
        now = documents.moment(await self.now())
        free: Document = {"$or": [{"dataRefreshDue": None}, {"dataRefreshDue": {"$lte": now}}]}
        old = {
            "$or": [
                {"lastDataRefresh": None},
                {"lastDataRefresh": {"$lt": documents.moment(stale)}},
            ]
        }
        claimed = []
        with self._link.translating():
            await self._index()
            found = self._accounts.find({**_OURS, "$and": [free, old]})
            found = found.sort("lastDataRefresh", 1).limit(limit * account_order.LOOKED_AT)
            stalest = [documents.account(each) async for each in found]
            for each in account_order.first(stalest, limit):
                mark = {"$set": {"dataRefreshDue": documents.moment(until)}}
                won = await self._accounts.update_one(
                    {**documents.by_id(each.account_id), **free}, mark
                )
                if won.modified_count:
                    claimed.append(each)
        return claimed

    async def scheduled(self, ids: Sequence[str], *, until: float) -> None:
        keys = [key for each in ids for key in documents.keys(each)]
        with self._link.translating():
            await self._accounts.update_many(
                {"_id": {"$in": keys}}, {"$set": {"dataRefreshDue": documents.moment(until)}}
            )

    async def log(
        self, account_id: str | None = None, *, limit: int, failed: bool = False
    ) -> Sequence[LogEntry]:
        wanted = {} if account_id is None else documents.of(account_id)
        if failed:
            wanted["outcome"] = "failed"
        with self._link.translating():
            found = self._log.find(wanted).sort([("at", -1), ("_id", 1)]).limit(limit)
            return [documents.entry(each) async for each in found]

    async def logged(self, entry_id: str) -> bool:
        with self._link.translating():
            return await self._log.find_one({"_id": entry_id}, {"_id": 1}) is not None

    async def posts(self, account_id: str, *, limit: int) -> Sequence[Post]:
        with self._link.translating():
            return await mongo_posts.read(self._posts, account_id, limit=limit)

    async def history(self, account_id: str, *, limit: int) -> Sequence[Day]:
        with self._link.translating():
            found = self._history.find(documents.of(account_id)).sort("_id", -1).limit(limit)
            return [msgspec.convert(each, Day) async for each in found]

    async def prune(self, *, log: float, history: float | None) -> int:
        # Not by an index with a time to live: the log is the site's, and other platforms' too.
        old: Document = {"at": {"$lt": documents.moment(log)}, "platform": PLATFORM}
        with self._link.translating():
            await self._index()
            dropped = await drop(self._log, old)
            if history is not None:
                await self._history.create_index([("day", 1)])
                dropped += await drop(self._history, {"day": {"$lt": iso(history)[:10]}})
        return dropped

    async def totals(self) -> Totals:
        never = {**_OURS, "lastDataRefresh": None}
        with self._link.translating():
            count = await self._accounts.count_documents(_OURS)
            new = await self._accounts.count_documents(never)
            oldest = await self._accounts.find_one(
                {**_OURS, "lastDataRefresh": {"$gt": documents.moment(0)}},
                sort=[("lastDataRefresh", 1)],
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

    @property
    def _posts(self) -> Any:
        return self._link.database["AccountMedia"]

    async def _index(self) -> None:
        if not self._indexed:
            await self._accounts.create_index([("lastDataRefresh", 1)])
            await self._accounts.create_index([("handle", 1)])
            self._names_are_one = await mongo_names.index(self._accounts)
            await self._log.create_index([("at", 1)])
            await mongo_posts.index(self._posts)
            self._indexed = True

    async def _there(self, ids: Iterable[str]) -> set[str]:
        """Which of the accounts there are: one that was removed is not written about."""
        keys = [key for each in ids for key in documents.keys(each)]
        found = self._accounts.find({"_id": {"$in": keys}}, {"_id": 1})
        return {str(each["_id"]) async for each in found}

    async def _write_logs(self, entries: Sequence[LogEntry]) -> None:
        entries_told = []
        for entry in entries:
            told = msgspec.to_builtins(entry)
            told["_id"] = told.pop("id")
            told["at"] = documents.moment(refresh.seconds(entry.at) or 0.0)
            entries_told.append(told)
        await insert_new(self._log, entries_told)

    async def _write_days(self, accounts: Sequence[Account]) -> None:
        from pymongo import UpdateOne

        days: dict[str, Document] = {}
        for each in accounts:
            if day := refresh.day(each):
                told = msgspec.to_builtins(day) | {"accountId": each.account_id}
                if day.engagement is None:  # an earlier refresh of the day may have told it
                    del told["engagement"]
                key = f"{each.account_id}:{day.day}"
                days[key] = {"_id": key, **told}
        again = await insert_new(self._history, list(days.values()))
        if again:
            writes = [UpdateOne({"_id": told.pop("_id")}, {"$set": told}) for told in again]
            await self._history.bulk_write(writes, ordered=False)
