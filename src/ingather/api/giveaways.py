"""/api/giveaways: draws from finished exports (seeds/data-models.md, Giveaway Lifecycle)."""

from typing import Annotated

from fastapi import Query
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from ingather import errors
from ingather.api import bodies, records, schema
from ingather.api import giveaway_shapes as shapes
from ingather.api.auth import Caller
from ingather.api.door import Door, door
from ingather.api.idempotency import IdempotencyKey, Made, created
from ingather.api.rooms import JobId, Offset, answer, router_at
from ingather.api.schema import JSON, says
from ingather.domain import draw_receipt, giveaway, giveaway_words
from ingather.domain.draw1 import CANNOT_PROMISE
from ingather.domain.giveaway import GiveawayRecord
from ingather.domain.instants import iso, read
from ingather.features.giveaway_opened import winners_of
from ingather.features.giveaway_plan import Plan, Wanted

PATH = "/api/giveaways"

Some = Annotated[int, Query(ge=1, le=1_000)]
ListId = Annotated[str | None, Query(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_-]+$")]

_SHOWN = schema.then("giveaways", "show", where="$response.body#/giveawayId")

router = router_at(PATH, "giveaways")


@router.post(
    "/run",
    status_code=201,
    responses=says(shapes.Ran, 201, _SHOWN),
    openapi_extra=schema.takes(shapes.Draw1),
    summary="Draw at once, by protocol 1",
)
async def run(request: Request, caller: Caller, name: IdempotencyKey = None) -> Response:
    """Reproducible; its organiser could have steered it. `commit` begins a draw that nobody can."""
    here = door(request)
    body = await bodies.read(request, shapes.Draw1)
    at = read(body.at) if body.at else None

    async def make() -> Made:
        wanted = Wanted(
            jobs=(body.export_id,),
            rules=shapes.rules(body),
            past=body.exclude_winners,
            tenant=caller.owner,
            accept_incomplete=body.accept_incomplete,
            protocol=1,
        )
        plan = await here.world.drawing.plan(wanted)
        record = await here.world.drawing.run(plan, at=at)
        written = {comment.comment_id: comment for comment, _ in plan.judged.admitted}
        won = [
            written[each.participant.comment_id]
            for each in record.winners
            if each.status == "active"
        ]
        return record.giveaway_id, shapes.Ran(
            giveaway_id=record.giveaway_id, winners=tuple(won), cannot_promise=CANNOT_PROMISE
        )

    return await created(request, caller, name, body, make, room=PATH)


@router.post(
    "/commit",
    status_code=201,
    responses=says(shapes.Committed, 201, _SHOWN),
    openapi_extra=schema.takes(shapes.NewGiveaway),
    summary="Freeze the list and commit to a draw by protocol 2",
)
async def commit(request: Request, caller: Caller, name: IdempotencyKey = None) -> Response:
    """Publish what it answers before the round; then reveal."""
    here = door(request)
    body = await bodies.read(request, shapes.NewGiveaway)

    async def make() -> Made:
        world = here.world
        lists = await records.lists(
            world, caller.owner, [each.partition(":")[2] for each in body.bonus]
        )
        wanted = Wanted(
            jobs=body.export_ids,
            rules=shapes.rules(body),
            past=body.exclude_winners,
            lists=lists,
            tenant=caller.owner,
            accept_incomplete=body.accept_incomplete,
        )
        plan = await world.drawing.plan(wanted)
        chain = world.beacon().chain
        number = world.drawing.round(chain, delay=float(body.delay_seconds), number=body.round)
        draw = await world.drawing.commit(plan, chain, number)
        record = await world.drawn.show(draw.giveaway_id, tenant=caller.owner)
        return record.giveaway_id, _committed(plan, record, chain.name)

    return await created(request, caller, name, body, make, room=PATH)


def _committed(plan: Plan, record: GiveawayRecord, chain: str) -> Struct:
    snapshot = plan.gathered.snapshot()
    return shapes.Committed(
        giveaway_id=record.giveaway_id,
        commit=record.commit or "",
        chain=record.chain or "",
        round=record.round or 0,
        round_time=record.round_time or "",
        publish=giveaway_words.publication(record, chain),
        counts=plan.judged.counts(),
        words=tuple(snapshot["words"]),
    )


@router.get("", responses=says(shapes.GiveawayList), summary="Giveaways, newest first")
async def list_(
    request: Request,
    caller: Caller,
    media_id: Annotated[ListId, Query(alias="mediaId")] = None,
    profile_id: Annotated[ListId, Query(alias="profileId")] = None,
    offset: Offset = 0,
    limit: Some = 50,
) -> Response:
    """Of a post, of an account, or all of yours."""
    found = await door(request).world.giveaways.list(
        post=media_id, profile=profile_id, tenant=caller.owner, offset=offset, limit=limit + 1
    )
    more = offset + limit if len(found) > limit else None
    return answer(shapes.GiveawayList(tuple(map(giveaway.item, found[:limit])), more))


@router.get("/{id}", responses=says(GiveawayRecord), summary="One, as its record")
async def show(request: Request, caller: Caller, giveaway_id: JobId) -> Response:
    return answer(await door(request).world.drawn.show(giveaway_id, tenant=caller.owner))


@router.post(
    "/{id}/anchor",
    responses=says(shapes.Anchors),
    openapi_extra=schema.takes(shapes.NewAnchor),
    summary="Record when the commitment was public",
)
async def anchor(request: Request, caller: Caller, giveaway_id: JobId) -> Response:
    here = door(request)
    body = await bodies.read(request, shapes.NewAnchor)
    draw = await here.world.drawn.committed(giveaway_id, tenant=caller.owner)
    found = await _anchor(here, body, draw.commit, caller.owner)
    draw = await here.world.drawn.anchor(draw, found)
    return answer(shapes.Anchors(giveaway_id, draw.anchors))


async def _anchor(
    here: Door, body: shapes.NewAnchor, commit: str, owner: str
) -> draw_receipt.Anchor:
    """The time stamp, or the comment out of an export or as it was told."""
    if body.tsa == (body.comment_id is not None):
        raise errors.BadInput("An anchor is a time stamp or a comment.", hint="tsa, or commentId.")
    if body.comment_id is None:
        if here.world.time_stamps is None:
            raise errors.BadInput(
                "This installation has no time-stamp authority.", hint="Its operator sets TSA_URL."
            )
        return draw_receipt.stamp(await here.world.time_stamps.stamp(bytes.fromhex(commit)))
    if body.export_id is not None:
        row = await here.world.exports.posted(body.export_id, body.comment_id, commit, tenant=owner)
        return draw_receipt.Posted(
            id=body.comment_id, username=row.username or "", timestamp=row.timestamp or ""
        )
    if body.username is None or body.timestamp is None:
        raise errors.BadInput(
            "Who posted the comment, and when?", hint="exportId; or username and timestamp."
        )
    moment = iso(read(body.timestamp)).replace(".000Z", "Z")
    return draw_receipt.Posted(id=body.comment_id, username=body.username, timestamp=moment)


@router.post(
    "/{id}/reveal", responses=says(shapes.Revealed), summary="Draw, once the round is there"
)
async def reveal(request: Request, caller: Caller, giveaway_id: JobId) -> Response:
    """409 with Retry-After while the round is not there. What was drawn is answered again."""
    await bodies.none(request)
    world = door(request).world
    await world.drawn.reveal(giveaway_id, world.beacon(), tenant=caller.owner)
    return await _revealed(door(request), giveaway_id, caller.owner)


@router.post(
    "/{id}/disqualify",
    responses=says(shapes.Revealed),
    openapi_extra=schema.takes(shapes.NewDisqualification),
    summary="Take a place away, in public",
)
async def disqualify(request: Request, caller: Caller, giveaway_id: JobId) -> Response:
    here = door(request)
    body = await bodies.read(request, shapes.NewDisqualification)
    await here.world.drawn.disqualify(giveaway_id, body.who, body.reason, tenant=caller.owner)
    return await _revealed(here, giveaway_id, caller.owner)


async def _revealed(here: Door, giveaway_id: str, owner: str) -> Response:
    drawn = here.world.drawn
    opened = await drawn.opened(await drawn.committed(giveaway_id, tenant=owner))
    return answer(shapes.Revealed(giveaway_id=giveaway_id, winners=tuple(winners_of(opened))))


@router.get("/{id}/receipt", responses=says({"type": "object"}), summary="Its public receipt")
async def receipt(request: Request, caller: Caller, giveaway_id: JobId) -> Response:
    """The file from which anybody can verify the draw."""
    text = await door(request).world.drawn.receipt(giveaway_id, tenant=caller.owner)
    return Response(text, media_type=JSON)


@router.get("/{id}/opening", responses=says(shapes.Openings), summary="What shows an entrant in")
async def opening(
    request: Request,
    caller: Caller,
    giveaway_id: JobId,
    who: Annotated[str, Query(min_length=1, max_length=64, description="username or comment id")],
) -> Response:
    found = await door(request).world.drawn.opening(giveaway_id, who, tenant=caller.owner)
    return answer(shapes.Openings(tuple(found)))
