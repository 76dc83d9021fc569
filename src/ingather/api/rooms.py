"""What the doors of extractions and exports have in common: everything but how one is begun."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query
from msgspec import Struct, structs
from starlette.requests import Request
from starlette.responses import Response

from ingather import errors
from ingather.api import bodies, events, files, records, running, schema, shapes
from ingather.api.auth import Caller
from ingather.api.door import Door, door
from ingather.api.schema import JSON, says
from ingather.domain import receipt
from ingather.domain.access import Key
from ingather.domain.job import ALL, Job, Wish

if TYPE_CHECKING:
    from ingather.assembly import World
    from ingather.storage import Store

MOST_BUDGET = 600_000

JobId = Annotated[str, Path(alias="id", min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_-]+$")]
Budget = Annotated[
    int | None,
    Query(
        alias="budgetMs",
        ge=1,
        le=MOST_BUDGET,
        description="Work on it in here for so many milliseconds; without it, workers take it up.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=1_000)]
Offset = Annotated[int, Query(ge=0, le=2**31 - 1)]
Filters = Annotated[
    list[str] | None, Query(alias="filter", max_length=50, description="All must pass.")
]
Sort = Annotated[
    str | None,
    Query(max_length=60, description="A column; with - in front the largest first."),
]


class Room(Struct, frozen=True, kw_only=True):
    """One door. noun: what its jobs are called in sentences. rows: what their rows are called, in
    the path and in the answer. kinds: of its jobs. page: views and the cursor of the next ones, as
    a list is answered. told: beside the job, what else a view of it tells."""

    noun: str
    rows: str
    kinds: Sequence[str]
    store: Callable[["World"], "Store"]
    view: Callable[[Job], Struct]
    shown: type
    page: type[Struct]
    row_schema: dict[str, Any]
    told: Callable[[Door, Job], Awaitable[Struct]] | None = None

    async def seen(self, here: Door, job: Job) -> Struct:
        """The job as it is shown, and how its webhook stands, where it has one."""
        shown = self.view(job) if self.told is None else await self.told(here, job)
        hook = await here.webhooks.of(job)
        return shown if hook is None else structs.replace(shown, webhook=hook.state)


async def owned(
    here: Door, room: Room, caller: Key, job_id: str, *, targets: int = shapes.NAMED
) -> Job:
    """The job with its first targets, if it is one of this room and of the caller's owner. Whatever
    else there is under that id, the answer is the same as if there were nothing."""
    missing = errors.JobNotFound(f"There is no {room.noun} with this id.")
    try:
        job = await room.store(here.world).show(job_id, targets=targets)
    except errors.JobNotFound:
        raise missing from None
    except (errors.StateLost, errors.DamagedRecord):
        # Whose it was cannot be told any more: the operator may know.
        if caller.owner != "local":
            raise missing from None
        raise
    if job.tenant != caller.owner or job.kind not in room.kinds:
        raise missing
    return job


async def _listed(here: Door, room: Room, caller: Key, *, limit: int, cursor: str | None) -> Struct:
    """A page of the owner's jobs, newest first, and the cursor of the next."""
    before = None
    if cursor is not None:
        try:
            before = await owned(here, room, caller, cursor)
        except errors.JobNotFound:
            raise errors.BadInput(
                "This cursor leads nowhere.", hint="Begin again, without a cursor."
            ) from None
    store, most = room.store(here.world), shapes.NAMED
    found = await store.list(
        limit=limit + 1, tenant=caller.owner, before=before, kinds=room.kinds, targets=most
    )
    views = tuple(map(room.view, found[:limit]))
    return room.page(views, found[limit - 1].id if len(found) > limit else None)


async def queued(here: Door, job: Job) -> Job:
    """The job in its queue: one that was begun elsewhere may not be in it."""
    if job.unfinished and job.due is None:
        return await here.world.queue_of(job).enqueue(job.id)
    return job


def add(router: APIRouter, room: Room) -> None:
    """The routes that both doors have."""
    _add_ways(router, room)
    _add_rows(router, room)
    _add_file(router, room)
    _add_telling(router, room)


def _add_ways(router: APIRouter, room: Room) -> None:
    """List, show, pause, resume, cancel, delete."""

    async def asked(request: Request, caller: Key, job_id: str, wish: Wish) -> Response:
        here = door(request)
        await bodies.none(request)
        job = await owned(here, room, caller, job_id)
        await here.world.collection_of(job).release(job)
        job = await room.store(here.world).ask(job.id, wish)
        return answer(await room.seen(here, job))

    @router.get("", responses=says(room.page), summary="Yours, newest first")
    async def list_(
        request: Request,
        caller: Caller,
        limit: Limit = 50,
        cursor: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Response:
        return answer(await _listed(door(request), room, caller, limit=limit, cursor=cursor))

    @router.get("/{id}", responses=says(room.shown), summary="Show one")
    async def show(request: Request, caller: Caller, job_id: JobId) -> Response:
        here = door(request)
        return answer(await room.seen(here, await owned(here, room, caller, job_id)))

    @router.post("/{id}/pause", responses=says(room.shown), summary="Pause at the next page")
    async def pause(request: Request, caller: Caller, job_id: JobId) -> Response:
        return await asked(request, caller, job_id, "pause")

    @router.post("/{id}/cancel", responses=says(room.shown), summary="End it for good")
    async def cancel(request: Request, caller: Caller, job_id: JobId) -> Response:
        return await asked(request, caller, job_id, "cancel")

    @router.post(
        "/{id}/resume",
        responses=says(room.shown),
        openapi_extra=schema.takes(shapes.Resumed, required=False),
        summary="Go on where it stopped",
    )
    async def resume(
        request: Request, caller: Caller, job_id: JobId, budget: Budget = None
    ) -> Response:
        here = door(request)
        body = await bodies.read(request, shapes.Resumed)
        job = await owned(here, room, caller, job_id)
        job = await running.resumed(here, room.store(here.world), job, body, budget)
        return answer(await room.seen(here, job))

    @router.delete("/{id}", status_code=204, responses=says(None, 204), summary="Delete it")
    async def delete(request: Request, caller: Caller, job_id: JobId) -> Response:
        here = door(request)
        job = await owned(here, room, caller, job_id)
        await here.world.collection_of(job).release(job)
        await room.store(here.world).delete(job.id)
        await here.webhooks.forget(job)
        return Response(status_code=204)


def _add_rows(router: APIRouter, room: Room) -> None:
    described = {
        "type": "object",
        "required": [room.rows, "offset", "limit", "total", "more"],
        "properties": {
            room.rows: {"type": "array", "items": room.row_schema},
            "offset": {"type": "integer"},
            "limit": {"type": "integer"},
            "total": {"type": ["integer", "null"]},
            "more": {"type": "boolean"},
        },
    }

    @router.get(f"/{{id}}/{room.rows}", responses=says(described), summary="A page of its rows")
    async def rows(
        request: Request,
        caller: Caller,
        job_id: JobId,
        offset: Offset = 0,
        limit: Limit = 100,
        sort: Sort = None,
        filter_: Filters = None,
    ) -> Response:
        here = door(request)
        job = await owned(here, room, caller, job_id)
        chosen = await records.chosen(here.world, caller.owner, filter_ or (), job.kind)
        store = room.store(here.world)
        found = await records.page(store, job, chosen, offset=offset, limit=limit, sort=sort)
        return Response(records.encoded(found, room.rows), media_type=JSON)


def _add_file(router: APIRouter, room: Room) -> None:
    content: dict[str, Any] = {media.partition(";")[0]: {} for media in files.MEDIA_TYPES.values()}
    file_answer: dict[int | str, Any] = {
        200: {"description": "The file", "content": content | {"application/gzip": {}}}
    }

    async def prepared(
        request: Request,
        caller: Caller,
        job_id: JobId,
        form: files.Form = "csv",
        raw_csv: files.RawCsv = False,
        filter_: Filters = None,
    ) -> files.Wanted:
        if form not in files.FORMATS:
            raise errors.UnknownFileEnding(
                "There is no such format.", hint=f"There are {', '.join(files.FORMATS)}."
            )
        here = door(request)
        job = await owned(here, room, caller, job_id)
        chosen = await records.chosen(here.world, caller.owner, filter_ or (), job.kind)
        return files.Wanted(job, form, chosen, raw_csv)

    asked: Any = Depends(prepared)

    @router.get("/{id}/file", responses=file_answer, summary="Download its rows, streamed")
    async def file(request: Request, wanted: files.Wanted = asked) -> Response:
        here = door(request)
        return await files.download(here, wanted, room.store(here.world).stream(wanted.job.id))

    @router.head("/{id}/file", responses=file_answer, summary="What a download would be")
    async def head(wanted: files.Wanted = asked) -> Response:
        kind = files.MEDIA_TYPES[wanted.form.partition(".")[0]]
        answer = Response(headers=files.headers(wanted.job, wanted.form), media_type=kind)
        del answer.headers["content-length"]  # nobody knows before it is written; 0 would be untrue
        return answer


def _add_telling(router: APIRouter, room: Room) -> None:
    """Receipt, events, webhook."""
    stream: dict[int | str, Any] = {
        200: {"description": "The stream", "content": {"text/event-stream": {}}},
        204: {"description": "It has ended, and you know"},
    }

    @router.get("/{id}/receipt", responses=says({"type": "object"}), summary="How complete it is")
    async def receipt_(request: Request, caller: Caller, job_id: JobId) -> Response:
        return answer(receipt.full(await owned(door(request), room, caller, job_id, targets=ALL)))

    @router.get("/{id}/events", responses=stream, summary="Progress, as server-sent events")
    async def follow(
        request: Request,
        caller: Caller,
        job_id: JobId,
        last: Annotated[str | None, Header(alias="Last-Event-ID", max_length=200)] = None,
    ) -> Response:
        here = door(request)

        async def show() -> Job:
            return await owned(here, room, caller, job_id)

        async def still() -> bool:
            keys = await here.keys.list()
            return any(key.id == caller.id and key.revoked_at is None for key in keys)

        async def view(job: Job) -> Struct:
            return await room.seen(here, job)

        return await events.follow(here, show, view, still, last=last)

    @router.get(
        "/{id}/webhook", responses=says(shapes.WebhookView), summary="How its webhook stands"
    )
    async def hook(request: Request, caller: Caller, job_id: JobId) -> Response:
        here = door(request)
        job = await owned(here, room, caller, job_id)
        found = await here.webhooks.of(job)
        if found is None:
            raise errors.JobNotFound(f"This {room.noun} has no webhook.")
        return answer(shapes.webhook(found))


def answer(shown: Any, status: int = 200) -> Response:
    """Anything of `shapes` as JSON."""
    return Response(shapes.encoded(shown), status_code=status, media_type=JSON)


def router_at(path: str, tag: str) -> APIRouter:
    """A router whose routes take a key, and answer with problems."""
    return APIRouter(prefix=path, tags=[tag], responses=schema.ANY, default_response_class=Response)
