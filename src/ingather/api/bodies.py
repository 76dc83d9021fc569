"""Bodies, JSON or form data, as the Structs that say what may be asked."""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from starlette.datastructures import UploadFile
from starlette.requests import Request

from ingather import errors
from ingather.api.schema import FORMS, JSON

T = TypeVar("T")


async def read(request: Request, kind: type[T]) -> T:
    """The body as a Struct of this kind. Raises Invalid, WrongMedia, TooLarge."""
    media = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    try:
        if media == JSON:
            given = msgspec.json.decode(await request.body() or b"{}")
            return msgspec.convert(_whole(given), type=kind)
        if media in FORMS:
            return msgspec.convert(await _form(request, kind), type=kind, strict=False)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError, RecursionError) as failure:
        raise errors.Invalid(f"The body cannot be read: {_words(failure)}.") from None
    raise errors.WrongMedia(
        f"A body of the kind {media[:60]!r} is not read here.",
        hint="Send application/json, or form data, and say so in Content-Type.",
    )


class _Nothing(Struct, forbid_unknown_fields=True):
    """A body without fields."""


async def none(request: Request) -> None:
    """Refuse a body that asks for something where none is read: whoever sent it would believe that
    it counts. One that is empty is let through. Raises as `read` does."""
    try:
        await read(request, _Nothing)
    except errors.Invalid as failure:
        raise errors.Invalid(
            failure.message, hint="Send no body here: what can be asked for stands in the address."
        ) from None


def _whole(value: Any) -> Any:
    """The value with 31.0 as 31: to JSON, and to its schemas, they are one number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _whole(each) for name, each in value.items()}
    return [_whole(each) for each in value] if isinstance(value, list) else value


async def _form(request: Request, kind: type) -> dict[str, Any]:
    """A form's fields; one that was left empty is absent, one that may have many values is a
    list."""
    lists = {
        field.encode_name
        for field in msgspec.structs.fields(kind)
        if getattr(field.type, "__origin__", None) is tuple
        or getattr(getattr(field.type, "__origin__", None), "__origin__", None) is tuple
    }
    async with request.form(max_fields=20_000) as form:
        found: dict[str, Any] = {}
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                raise ValueError(f"{name} is a file")
            if value == "":
                continue
            if name in lists:
                found.setdefault(name, []).append(value)
            elif name in found:
                raise ValueError(f"{name} is there twice")
            else:
                found[name] = value
    return found


def _words(failure: Exception) -> str:
    """msgspec's own sentence, which names the field and quotes no value."""
    if isinstance(failure, msgspec.MsgspecError):
        return str(failure).rstrip(".")
    return str(failure).rstrip(".") if type(failure) is ValueError else "it is not well-formed"
