"""/api/extractions/process: work in slices, for platforms that have only a timer.

`CRON_SECRET` opens it, on either verb; where that is not set there is nothing at this address.
"""

import hmac
import time
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ingather import errors
from ingather.api import schema, shapes
from ingather.api.door import Door, door
from ingather.api.rooms import MOST_BUDGET, answer
from ingather.api.running import shift

ROOM, MOST_ROOM = 8, 100
"""Jobs at the same time, as a worker has them; and at the most."""

BUDGET = 50_000
"""Milliseconds where nothing is said: a timer of a minute, less what a page may take."""

router = APIRouter(
    prefix="/api/extractions", tags=["cron"], responses=schema.ANY, default_response_class=Response
)

_bearer = HTTPBearer(auto_error=False, scheme_name="cron", description="The setting CRON_SECRET.")


async def _allowed(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> None:
    secrets = door(request).world.settings.cron_secrets
    if not secrets:
        raise HTTPException(404)
    said = "" if given is None else given.credentials
    # Every secret is compared, so that the time taken does not tell which one was near.
    same = [
        hmac.compare_digest(said.encode("utf-8", "surrogatepass"), secret.encode())
        for secret in secrets
    ]
    if not any(same):
        raise errors.Unauthorized(
            "This takes the secret of the timer.",
            hint="Send CRON_SECRET as a header: Authorization: Bearer SECRET.",
        )


@router.get(
    "/process",
    responses=schema.says(shapes.Processed),
    dependencies=[Depends(_allowed)],
    summary="Work on what is due, until the budget is spent",
)
@router.post(
    "/process",
    responses=schema.says(shapes.Processed),
    dependencies=[Depends(_allowed)],
    operation_id="cron_process_posted",
    summary="The same, for timers that can only send POST",
)
async def process(
    request: Request,
    budget_ms: Annotated[int, Query(alias="budgetMs", ge=1, le=MOST_BUDGET)] = BUDGET,
    jobs: Annotated[int, Query(ge=1, le=MOST_ROOM, description="Jobs at the same time.")] = ROOM,
) -> Response:
    """Takes up the jobs whose turn it is, of whichever owner, several at a time, and those after
    them while the budget lasts."""
    return answer(await _processed(door(request), budget_ms, jobs))


async def _processed(here: Door, budget_ms: int, room: int) -> shapes.Processed:
    began = time.monotonic()
    jobs, idle = await shift(here, budget_ms / 1000, room)
    here.metrics.sent(await here.webhooks.round())
    spent = round((time.monotonic() - began) * 1000)
    return shapes.Processed(budget_ms=budget_ms, spent_ms=spent, jobs=tuple(jobs), idle=idle)
