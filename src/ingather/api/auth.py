"""Who is asking: the owner behind an API key. Every query carries it."""

from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from ingather import errors
from ingather.api.door import door
from ingather.domain.access import LOCAL, Key

_bearer = HTTPBearer(
    auto_error=False, scheme_name="key", description="A key of `ingather keys create NAME`."
)


async def _caller(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Key:
    key = None if given is None else await door(request).keys.holder(given.credentials)
    if key is None:
        raise errors.Unauthorized(
            "This takes an API key that is valid.",
            hint="Make one with `ingather keys create NAME`, and send it as a header:"
            " Authorization: Bearer KEY.",
        )
    return key


Caller = Annotated[Key, Depends(_caller)]
"""The key that a request came with; its `owner` is whose jobs there are."""


async def _operator(caller: Caller) -> Key:
    if caller.owner != LOCAL:
        raise errors.Forbidden(
            "This takes a key of the owner local.",
            hint="Whoever runs this installation makes one with `ingather keys create NAME`.",
        )
    return caller


Operator = Annotated[Key, Depends(_operator)]
"""The same, of the installation's operator: for what has no owner, as its accounts and metrics."""
