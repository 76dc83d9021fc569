"""/api/accounts: the accounts that are kept fresh (seeds/refresh-consumer.md).

They are the installation's and have no owner: every route takes a key of the owner `local`.
"""

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from ingather import errors
from ingather.api import account_shapes as shapes
from ingather.api import bodies, rooms, schema
from ingather.api.auth import Operator
from ingather.api.door import Door, door
from ingather.api.idempotency import IdempotencyKey, Made, created
from ingather.api.rooms import answer, router_at
from ingather.api.schema import says
from ingather.domain.instants import iso
from ingather.domain.names import username
from ingather.domain.refresh import PLATFORM, Account, Event
from ingather.engine.stop import Stopped

if TYPE_CHECKING:
    from ingather.features.refresh import Done

LOG, MEDIA = 10, 12
"""Refreshes and posts told with an account; more are at /log and /media."""
_ID = r"^[^\x00-\x1f\x7f/]+$"

AccountId = Annotated[str, Path(alias="id", min_length=1, max_length=200, pattern=_ID)]
Cursor = Annotated[str | None, Query(min_length=1, max_length=200, pattern=_ID)]
Days = Annotated[int, Query(ge=0, le=3_660, description="Days of history at the most.")]
Failed = Annotated[bool, Query(description="Only those that failed.")]
Name = Annotated[
    str | None, Query(min_length=1, max_length=300, description="Only the account of this name.")
]

router = router_at("/api/accounts", "accounts")
log_router = router_at("/api/refresh-log", "accounts")


@router.post(
    "",
    status_code=201,
    responses=says(
        shapes.AccountView,
        201,
        schema.then(
            "accounts",
            "show",
            "history",
            "media",
            "log",
            "delete",
            where="$response.body#/accountId",
        ),
    ),
    openapi_extra=schema.takes(shapes.NewAccount),
    summary="Keep an account fresh from now on",
)
async def add(request: Request, caller: Operator, name: IdempotencyKey = None) -> Response:
    """One that is kept already is answered as it stands."""
    here = door(request)
    body = await bodies.read(request, shapes.NewAccount)
    handle = username(body.username)

    async def make() -> Made:
        account = await _added(here, handle, body.account_id)
        return quote(account.account_id, safe=":@"), await _view(here, account)

    return await created(request, caller, name, body, make)


async def _added(here: Door, handle: str, account_id: str | None) -> Account:
    accounts = here.refreshing.accounts
    known = await accounts.find(handle)
    if known is None:
        new = Account(account_id=account_id or handle, handle=handle)
        if await accounts.add([new]):
            return new
        known = (await accounts.load([new.account_id])).get(new.account_id, new)
        if known.handle.lower() != handle:
            raise errors.BadInput(
                f"The id {new.account_id} is that of another account.",
                hint="Give another accountId, or remove that account first.",
            )
    if account_id not in (None, known.account_id):
        raise errors.BadInput(
            f"@{handle} is kept fresh already, under another id.",
            hint=f"Its id is {known.account_id}.",
        )
    return known


@router.get("", responses=says(shapes.AccountList), summary="Accounts, by id")
async def list_(
    request: Request,
    _: Operator,
    limit: rooms.Limit = 50,
    cursor: Cursor = None,
    name: Annotated[Name, Query(alias="username")] = None,
) -> Response:
    """With how fresh each is, and where its numbers come from."""
    accounts = door(request).refreshing.accounts
    now = await accounts.now()
    if name is not None:
        one = await accounts.find(username(name))
        return answer(shapes.AccountList(() if one is None else (shapes.view(one, now),), None))
    found = list(await accounts.list(limit=limit + 1, after=cursor))
    more = found[limit - 1].account_id if len(found) > limit else None
    shown = tuple(shapes.view(each, now) for each in found[:limit])
    return answer(shapes.AccountList(shown, more))


@router.get("/{id}", responses=says(shapes.AccountDetail), summary="One, with its history")
async def show(request: Request, _: Operator, account_id: AccountId, days: Days = 30) -> Response:
    """Each number with its source, its history day by day, its latest posts, its last refreshes."""
    here = door(request)
    account = await _found(here, account_id)
    accounts = here.refreshing.accounts
    detail = shapes.detail(
        account,
        await accounts.now(),
        history=tuple(await accounts.history(account.account_id, limit=days)) if days else (),
        media=tuple(await accounts.posts(account.account_id, limit=MEDIA)),
        log=tuple(await accounts.log(account.account_id, limit=LOG)),
    )
    return answer(detail)


@router.delete("/{id}", status_code=204, responses=says(None, 204), summary="Forget it")
async def delete(request: Request, _: Operator, account_id: AccountId) -> Response:
    """With its posts, its log and its history."""
    here = door(request)
    account = await _found(here, account_id)
    await here.refreshing.accounts.remove(account.account_id)
    return Response(status_code=204)


@router.get("/{id}/history", responses=says(shapes.AccountHistory), summary="Its days")
async def history(
    request: Request, _: Operator, account_id: AccountId, days: Days = 365
) -> Response:
    """Followers, posts and engagement as they were last told on each day, newest first."""
    here = door(request)
    account = await _found(here, account_id)
    found = await here.refreshing.accounts.history(account.account_id, limit=days) if days else ()
    return answer(shapes.AccountHistory(tuple(found)))


@router.get("/{id}/media", responses=says(shapes.AccountMedia), summary="Its latest posts")
async def media(
    request: Request, _: Operator, account_id: AccountId, limit: rooms.Limit = 50
) -> Response:
    """As they were last told, newest first; likes that are hidden are null, and `likesHidden` says
    so. Insights are told of your own accounts alone."""
    here = door(request)
    account = await _found(here, account_id)
    found = await here.refreshing.accounts.posts(account.account_id, limit=limit)
    return answer(shapes.AccountMedia(tuple(found)))


@router.get("/{id}/log", responses=says(shapes.RefreshLog), summary="Its refreshes")
async def log(
    request: Request,
    _: Operator,
    account_id: AccountId,
    limit: rooms.Limit = 50,
    failed: Failed = False,
) -> Response:
    """Newest first; what failed, with the reason."""
    here = door(request)
    account = await _found(here, account_id)
    return await _logged(here, account.account_id, limit, failed)


@log_router.get("", responses=says(shapes.RefreshLog), summary="The refreshes of all accounts")
async def log_of_all(
    request: Request, _: Operator, limit: rooms.Limit = 50, failed: Failed = False
) -> Response:
    """Newest first; what failed, with the reason."""
    return await _logged(door(request), None, limit, failed)


_REFRESHED: dict[int | str, Any] = {
    **says(shapes.RefreshView),
    202: {**says(shapes.RefreshView)[200], "description": "Queued"},
}


@router.post("/{id}/refresh", responses=_REFRESHED, summary="Refresh it, whatever its age")
async def refresh(
    request: Request, _: Operator, account_id: AccountId, budget: rooms.Budget = None
) -> Response:
    """Queued for the consumer. With `budgetMs` it is done here and now, and queued only where the
    limit or that time does not allow it."""
    here = door(request)
    await bodies.none(request)
    account = await _found(here, account_id)
    parts = here.refreshing
    # Before the attempt: should that have been written after all, the event finds it done.
    asked = iso(await parts.accounts.now())
    done = None if budget is None else await _tried(here, account, budget / 1000)
    if done is None:
        await parts.events.publish([Event(account.account_id, PLATFORM, asked, again=True)])
        queued = shapes.RefreshView(account_id=account.account_id, outcome="queued")
        return answer(queued, 202)
    return answer(await _refreshed(here, account, done))


async def _tried(here: Door, account: Account, seconds: float) -> "Done | None":
    """What became of a refresh; None where it could not be done in so many seconds."""
    from ingather.features.refresh_sources import NotTold, Wait

    with here.budget(seconds) as stop:
        try:
            return await stop.within(here.refreshing.refresher.now(account))
        except (Wait, Stopped):
            return None
        except NotTold as untold:
            if untold.wait:  # one that is left alone just now may tell it later
                return None
            raise untold.failure from None


async def _refreshed(here: Door, account: Account, done: "Done") -> shapes.RefreshView:
    return shapes.RefreshView(
        account_id=account.account_id,
        outcome=done.outcome,  # type: ignore[arg-type]
        source=done.source,
        changed=done.changed,
        missing=done.missing,
        error=None if done.error is None else str(done.error),
        code=None if done.error is None else done.error.code,
        account=await _view(here, done.after or account),
    )


async def _logged(here: Door, account_id: str | None, limit: int, failed: bool) -> Response:
    found = await here.refreshing.accounts.log(account_id, limit=limit, failed=failed)
    return answer(shapes.RefreshLog(tuple(found)))


async def _view(here: Door, account: Account) -> shapes.AccountView:
    return shapes.view(account, await here.refreshing.accounts.now())


async def _found(here: Door, account_id: str) -> Account:
    """The account; one of another platform, which may rest beside ours, is none."""
    found = (await here.refreshing.accounts.load([account_id])).get(account_id)
    if found is None or found.platform.strip().casefold() != PLATFORM:
        raise errors.AccountNotFound(hint="`POST /api/accounts` adds one.")
    return found
