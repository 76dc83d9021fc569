"""Idempotency-Key: a creation that is sent again gives its first answer again (draft-ietf-httpapi-
idempotency-key-header)."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Header
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from ingather.api.door import door
from ingather.api.schema import JSON
from ingather.api.shapes import encoded
from ingather.domain.access import Key

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]+$",
        description="The same key with the same body gives the first answer again, for a day.",
    ),
]

Made = tuple[str, Struct]
"""What was made: its id, and how it is shown."""


async def created(
    request: Request,
    caller: Key,
    name: str | None,
    body: Struct,
    make: Callable[[], Awaitable[Made]],
    *,
    room: str | None = None,
) -> Response:
    """The answer to a creation: 201, its address, and what was made. room: the path below which it
    is found, where that is not the path of the request."""
    path = room or request.url.path.rstrip("/")
    if name is None:
        made, shown = await make()
        return _answer(path, made, encoded(shown).decode(), 201)
    answers = door(request).answers
    digest = hashlib.sha256(request.url.path.encode() + b"\0" + encoded(body)).hexdigest()
    known = await answers.begin(caller.owner, name, digest)
    if known is not None:
        made, _, text = known[1].partition("\n")
        return _answer(path, made, text, known[0], again=True)
    try:
        made, shown = await make()
        text = encoded(shown).decode()
        await answers.keep(caller.owner, name, 201, f"{made}\n{text}")
    except BaseException:
        await answers.drop(caller.owner, name)
        raise
    return _answer(path, made, text, 201)


def _answer(path: str, made: str, text: str, status: int, *, again: bool = False) -> Response:
    headers = {"Location": f"{path}/{made}"}
    if again:
        headers["Idempotent-Replayed"] = "true"
    return Response(text, status_code=status, media_type=JSON, headers=headers)
