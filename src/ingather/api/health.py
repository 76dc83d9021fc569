"""Whether it is there, whether it can work, and what it did: /healthz, /readyz, /metrics."""

import asyncio
from collections.abc import Awaitable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ingather import errors
from ingather.api import schema, shapes
from ingather.api.auth import Operator
from ingather.api.door import Door, door
from ingather.api.metrics import CONTENT_TYPE
from ingather.api.rooms import answer

PATIENCE = 5.0
"""Seconds for which a store is waited for."""

router = APIRouter(tags=["health"], default_response_class=Response)
_LITTLE = schema.problems(429, 500)


@router.get("/healthz", responses={**schema.says(shapes.Health), **_LITTLE}, summary="Is it there?")
async def healthz() -> Response:
    """It answers as long as the process serves requests, whatever else is wrong."""
    return answer(shapes.Health("ok"))


@router.get(
    "/readyz",
    responses={
        **schema.says(shapes.Ready),
        503: {**schema.says(shapes.Ready)[200], "description": "Something does not answer"},
        **_LITTLE,
    },
    summary="Can it work?",
)
async def readyz(request: Request) -> Response:
    """The stores are asked; 503 where one does not answer, or its tables are out of date."""
    here = door(request)
    checks = {
        "database": await _tried(_database(here)),
        "exports": await _tried(here.world.store.list(limit=1)),
    }
    ready = all(said == "ok" for said in checks.values())
    shown = shapes.Ready("ready" if ready else "not ready", checks)
    return answer(shown, 200 if ready else 503)


@router.get(
    "/metrics",
    responses={
        200: {"description": "In Prometheus' text format", "content": {"text/plain": {}}},
        **schema.problems(401, 403, 429, 500, 503),
    },
    summary="What it did",
)
async def metrics(request: Request, _: Operator) -> Response:
    """For the operator: it takes a key of the owner `local`."""
    here = door(request)
    return Response(await here.metrics.text(here.world), media_type=CONTENT_TYPE)


async def _database(here: Door) -> None:
    await here.world.sql.now()
    found, wanted = await here.world.revisions()
    if found != wanted:
        raise errors.StoreUnavailable


async def _tried(question: Awaitable[object]) -> str:
    """ok, or what is wrong: the error's code alone, because anybody may ask."""
    try:
        await asyncio.wait_for(question, PATIENCE)
    except errors.IngatherError as failure:
        return failure.code
    except TimeoutError:
        return "no_answer"
    return "ok"
