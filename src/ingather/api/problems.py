"""Errors as problem documents (RFC 9457), each with its stable code; none says more than it should.

422 is for what has not the shape that the schema asks for, 400 for what has it and cannot be
understood all the same.
"""

import math
from collections.abc import Sequence

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ingather import errors

MEDIA_TYPE = "application/problem+json"

STATUSES: dict[type[errors.IngatherError], int] = {
    errors.IngatherError: 500,
    errors.BadInput: 400,
    errors.BadSetting: 500,
    errors.UnwritablePath: 500,
    errors.JobNotFound: 404,
    errors.AccountNotFound: 404,
    errors.SourceError: 502,
    errors.Transient: 503,
    errors.Throttled: 503,
    errors.NeedsLogin: 503,
    errors.NoToken: 503,
    errors.NoBalance: 503,
    errors.NotReachable: 400,
    errors.DoorError: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.TooManyRequests: 429,
    errors.TooLarge: 413,
    errors.WrongMedia: 415,
    errors.Invalid: 422,
    errors.KeyReused: 422,
    errors.KeyInUse: 409,
    errors.DrawError: 400,
    errors.ExportNotFound: 404,
    errors.ExportForbidden: 403,
    errors.ExportNotComplete: 409,
    errors.RoundNotYet: 409,
    errors.GiveawayNotFound: 404,
    errors.BeaconError: 502,
    errors.BeaconUnavailable: 503,
    errors.StoreError: 500,
    errors.LeaseLost: 409,
    errors.JobBusy: 409,
    errors.StorageFull: 507,
    errors.StoreUnavailable: 503,
    errors.UnsafeRedis: 503,
    errors.StateLost: 410,
}
"""The status of each class; a class that is not here has that of the class it comes from."""

_HTTP = {
    400: ("bad_request", "The request cannot be read."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take that method."),
    413: ("too_large", "The body is larger than what is read here."),
}


class Problem(Struct, frozen=True, kw_only=True):
    """A problem document. code: stable, for programs. detail, hint: what went wrong, what to do."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str | None = None


def status_of(error: errors.IngatherError) -> int:
    """The HTTP status that this error is told with."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def of(error: errors.IngatherError) -> Response:
    """An error of ours."""
    title = " ".join((type(error).__doc__ or "").strip().split("\n\n")[0].split())
    headers = {}
    wait = getattr(error, "wait", None)
    if wait is None and error.retry:
        wait = 5.0
    if wait is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    if isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = 'Bearer realm="ingather"'
    return _answer(status_of(error), error.code, title, error.message, error.hint, headers)


def of_http(error: HTTPException, *, allowed: Sequence[str] = ()) -> Response:
    """What the framework refuses: an unknown address or method, a body that is no form."""
    code, title = _HTTP.get(error.status_code, ("turned_away", "The request was turned away."))
    headers = dict(error.headers or {})
    if allowed:
        headers["Allow"] = ", ".join(allowed)
    return _answer(error.status_code, code, title, title, None, headers)


def unexpected() -> Response:
    """A fault of ours: what it was stands in the log, and nowhere else."""
    title = "Something went wrong here."
    return _answer(500, "internal", title, title, "It was logged; try again later.", {})


def _answer(
    status: int, code: str, title: str, detail: str, hint: str | None, headers: dict[str, str]
) -> Response:
    problem = Problem(
        type=f"urn:ingather:problem:{code}",
        title=title,
        status=status,
        code=code,
        detail=detail,
        hint=hint,
    )
    body = msgspec.json.encode(problem)
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)
