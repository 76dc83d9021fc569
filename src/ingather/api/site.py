"""/docs, /openapi.json and /api/me: the way about. Nothing of it is loaded from elsewhere."""

from html import escape
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ingather.api import schema, shapes
from ingather.api.auth import Caller
from ingather.api.rooms import answer

router = APIRouter(tags=["site"], default_response_class=Response)

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font: 14px/1.4 ui-monospace, monospace; overflow-wrap: anywhere }
pre { background: #8881; padding: .8rem; overflow-x: auto; white-space: pre-wrap }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8886 }
table { border-collapse: collapse } td, th { padding: .2rem .8rem .2rem 0; text-align: left;
  vertical-align: top }
:root { color-scheme: light dark }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


@router.get(
    "/api/me",
    responses={**schema.says(shapes.Me), **schema.ANY},
    summary="Whose key is this?",
)
async def me(caller: Caller) -> Response:
    """The owner whose jobs this key makes and sees."""
    return answer(shapes.Me(caller.owner, caller.id, caller.name))


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return answer(schema.document(request.app))


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """The same for people: one page without a script."""
    page = _page(schema.document(request.app))
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})


def _page(document: dict[str, Any]) -> str:
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Ingather API</title>",
        "<meta name=viewport content='width=device-width'>",
        f"<style>{_STYLE}</style><h1>Ingather API {escape(document['info']['version'])}</h1>",
        f"<p>{escape(document['info']['description'])}</p>",
        "<p>For programs: <a href=/openapi.json>openapi.json</a>. Send a key of"
        " <code>ingather keys create NAME</code> as <code>Authorization: Bearer KEY</code>.</p>",
    ]
    for path, methods in document["paths"].items():
        parts += [_operation(path, method, said) for method, said in methods.items()]
    parts.append("<h1>Shapes</h1>")
    for name, shape in document["components"]["schemas"].items():
        parts.append(f"<h2 id='{escape(name)}'>{escape(name)}</h2>{_shape(shape)}")
    return "\n".join(parts)


def _operation(path: str, method: str, said: dict[str, Any]) -> str:
    parts = [
        f"<h2><code>{method.upper()} {escape(path)}</code></h2>",
        f"<p>{escape(said.get('summary', ''))}. {escape(said.get('description', ''))}</p>",
    ]
    rows = [
        f"<tr><td><code>{escape(each['name'])}</code><td>{escape(each['in'])}"
        f"<td>{escape(each.get('description', ''))}"
        for each in said.get("parameters", [])
    ]
    if rows:
        parts.append(f"<table>{''.join(rows)}</table>")
    if body := said.get("requestBody"):
        parts.append(f"<p>Body: {_link(body['content'][schema.JSON]['schema'])}</p>")
    for status, answered in said["responses"].items():
        if status.startswith("2"):
            shape = answered.get("content", {}).get(schema.JSON, {}).get("schema", {})
            parts.append(f"<p>Answers {status}: {_link(shape) or escape(_media(answered))}</p>")
    return "\n".join(parts)


def _media(answered: dict[str, Any]) -> str:
    return ", ".join(answered.get("content", {})) or answered.get("description", "")


def _link(shape: dict[str, Any]) -> str:
    name = str(shape.get("$ref", "")).rpartition("/")[2]
    return f"<a href='#{escape(name)}'>{escape(name)}</a>" if name else ""


def _shape(shape: dict[str, Any]) -> str:
    rows = [
        f"<tr><td><code>{escape(name)}</code>"
        f"<td>{'' if name in shape.get('required', ()) else 'optional'}"
        f"<td>{escape(_kind(each))}"
        for name, each in shape.get("properties", {}).items()
    ]
    return f"<p>{escape(shape.get('description', ''))}</p><table>{''.join(rows)}</table>"


def _kind(each: dict[str, Any]) -> str:
    """A field's type in a word or two."""
    if "$ref" in each:
        return str(each["$ref"]).rpartition("/")[2]
    if "enum" in each:
        return ", ".join(map(str, each["enum"]))
    if "anyOf" in each:
        return " or ".join(_kind(one) for one in each["anyOf"])
    if each.get("type") == "array":
        return f"list of {_kind(each.get('items', {}))}"
    return str(each.get("type", "anything"))
