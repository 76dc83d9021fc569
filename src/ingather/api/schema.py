"""The OpenAPI document: shapes are the Structs that are decoded and encoded, so that it is true."""

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ingather import __version__
from ingather.api.problems import MEDIA_TYPE, Problem

JSON = "application/json"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

_known: dict[str, type] = {Problem.__name__: Problem}
_forms: set[str] = set()

DESCRIPTION = """Collect Instagram data, and know how complete it is. Every error is a problem
document (RFC 9457) with a stable `code`. Times are ISO 8601 UTC, ids are strings, unknown is null.
"""


def ref(kind: type) -> dict[str, Any]:
    """The schema of a Struct, by reference; the document then holds it."""
    _known[kind.__name__] = kind
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def says(
    kind: type | dict[str, Any] | None = None,
    status: int = 200,
    links: dict[str, Any] | None = None,
) -> dict[int | str, Any]:
    """What a route answers when all is well; None for an answer without a body."""
    described: dict[str, Any] = {"description": "Done" if kind is None else "As asked"}
    if kind is not None:
        schema = kind if isinstance(kind, dict) else ref(kind)
        described["content"] = {JSON: {"schema": schema}}
    if links is not None:
        described["links"] = links
    return {status: described}


def takes(kind: type, *, required: bool = True) -> dict[str, Any]:
    """The body of a route: JSON or form data of the same fields."""
    schema = ref(kind)
    _forms.add(kind.__name__)
    content = {JSON: {"schema": schema}}
    content |= {form: {"schema": {"$ref": f"{schema['$ref']}Form"}} for form in FORMS}
    return {"requestBody": {"required": required, "content": content}}


def problems(*statuses: int) -> dict[int | str, Any]:
    """The problems that a route may answer with, besides those that every route may."""
    words = {
        400: "It cannot be understood",
        401: "No key, or none that is valid",
        403: "Not allowed",
        404: "There is no such thing among those of the key's owner",
        405: "Not that method",
        409: "Somebody else is at it, or it is too early",
        410: "Part of what was stored is gone",
        413: "The body is too large",
        415: "Neither JSON nor form data",
        422: "Not of the shape that is asked for",
        429: "Too many requests; Retry-After says how long to wait",
        500: "A fault here",
        502: "The source refused",
        503: "The store or the source does not answer",
        507: "No room left where jobs rest",
    }
    schema = {MEDIA_TYPE: {"schema": ref(Problem)}}
    return {status: {"description": words[status], "content": schema} for status in statuses}


ANY = problems(400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 500, 502, 503, 507)
"""What any route behind a key may answer with."""


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document."""
    if app.openapi_schema is None:
        made = get_openapi(
            title="Ingather",
            version=__version__,
            description=DESCRIPTION,
            routes=app.routes,
        )
        _, shapes = msgspec.json.schema_components(
            list(_known.values()), ref_template="#/components/schemas/{name}"
        )
        components = made.setdefault("components", {})
        # By way of JSON: msgspec gives tuples for defaults, which no validator takes for arrays.
        shapes = msgspec.json.decode(msgspec.json.encode(shapes))
        shapes |= {f"{name}Form": _form(shapes[name]) for name in sorted(_forms)}
        components["schemas"] = shapes
        app.openapi_schema = made
    return app.openapi_schema


def _form(shape: dict[str, Any]) -> dict[str, Any]:
    """The same fields in a form, which has no null: what is not known is left out."""
    fields = {}
    for name, field in shape["properties"].items():
        told = [one for one in field.get("anyOf", ()) if one.get("type") != "null"]
        fields[name] = told[0] if len(told) == 1 else field
    return shape | {"title": f"{shape['title']}Form", "properties": fields}


def then(tag: str, *names: str, where: str = "$response.body#/id") -> dict[str, Any]:
    """Links to what can be done with what was just made."""
    return {name: {"operationId": f"{tag}_{name}", "parameters": {"id": where}} for name in names}
