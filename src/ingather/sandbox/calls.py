"""A request understood: what is asked, by whom, and what of it may be told in a log."""

import re
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from msgspec import Struct

from ingather.sandbox import login
from ingather.sandbox.graph import Graph
from ingather.sandbox.options import VERSION
from ingather.sandbox.things import ACCOUNT_ID
from ingather.sandbox.wire import Request

_VERSION = re.compile(r"v(\d{1,2})\.\d")
_OLDEST = 21  # calls to an expired version are served by the oldest that lives
_SECRET_PARAMS = {"access_token", "appsecret_proof", "client_secret", "code", "fb_exchange_token",
                  "input_token"}  # fmt: skip
_EDGES = {"comments", "replies", "children", "accounts", "permissions", "insights"}
_LIMIT, _AFTER = re.compile(r"\.limit\((\d{1,9})\)"), re.compile(r"\.after\(")


class Call(Struct):
    """A request understood; the body is kept where the same call may come again."""

    method: str
    kind: str
    parts: list[str]
    params: dict[str, str]
    prefix: str
    version: str
    token: str | None
    proof_fits: bool | None
    shown: str
    token_in_query: bool
    post: str | None = None
    limit: int = 25
    paged: bool = False
    body: bytes | None = None
    cost: int = 1
    key: tuple[str, str] = ("", "")


def understand(request: Request, graph: Graph) -> Call:
    url = urlsplit(request.target)
    pairs = parse_qsl(url.query, keep_blank_values=True)
    params = dict(pairs)
    if request.body and "urlencoded" in request.headers.get("content-type", ""):
        params |= dict(parse_qsl(request.body.decode("utf-8", "replace")))
    parts = [unquote(part) for part in url.path.split("/") if part]
    prefix, version = "", VERSION
    if parts and (found := _VERSION.fullmatch(parts[0])):
        version = parts.pop(0)
        prefix = f"/{version}"
        if int(found[1]) < _OLDEST:
            version = f"v{_OLDEST}.0"
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    token = bearer.strip() if scheme.lower() in ("bearer", "oauth") else None
    token = token or params.get("access_token")
    given = params.get("appsecret_proof")
    shown = urlencode([pair for pair in pairs if pair[0] not in _SECRET_PARAMS], safe=",{}()")
    call = Call(
        method=request.method,
        kind=_instagram_kind(request.method, prefix, parts) or _kind(graph, parts, params),
        parts=parts,
        params=params,
        prefix=prefix,
        version=version,
        token=token,
        proof_fits=None if given is None else given == login.proof(token or ""),
        shown=url.path + (f"?{shown}" if shown else ""),
        token_in_query=any(name == "access_token" for name, _ in pairs),
    )
    if parts and parts[0] != "me":
        call.post = graph.post_of(parts[0])
    if not parts:
        call.cost = params.get("ids", "").count(",") + 1
    call.paged = "after" in params
    if params.get("limit", "").isdecimal():
        call.limit = int(params["limit"][:9])
    elif call.kind == "discovery":
        within = params["fields"]
        call.paged = bool(_AFTER.search(within))
        call.limit = int(found[1]) if (found := _LIMIT.search(within)) else call.limit
    return call


def _kind(graph: Graph, parts: list[str], params: dict[str, str]) -> str:
    """What a call is for, as the counters name it."""
    match parts:
        case []:
            return "ids" if "ids" in params else "catalogue"
        case ["dialog", "oauth"]:
            return "dialog"
        case ["oauth", "access_token"]:
            return "oauth"
        case ["debug_token"]:
            return "debug_token"
        case ["me"]:
            return "me"
        case [_, "media"]:
            return "media_list"
        case [_, edge] if edge in _EDGES:
            return edge
        case [_] if "business_discovery" in params.get("fields", ""):
            return "discovery"
        case [object_id]:
            return _node_kind(graph, object_id)
    return "other"


def _instagram_kind(method: str, prefix: str, parts: list[str]) -> str | None:
    """Instagram Login's own addresses: without a version, and a POST where Facebook has a GET."""
    if prefix:
        return None
    match parts:
        case ["oauth", "authorize"]:
            return "authorize"
        case ["oauth", "access_token"] if method == "POST":
            return "ig_code"
        case ["access_token"]:
            return "ig_exchange"
        case ["refresh_access_token"]:
            return "ig_refresh"
    return None


def _node_kind(graph: Graph, object_id: str) -> str:
    if object_id == ACCOUNT_ID:
        return "user"
    if graph.world.post(object_id):
        return "media"
    return "comment" if graph.world.comment(object_id) else "other"
