"""Answers on their way out: bodies as Meta writes JSON, and the error envelope."""

import json
from http import HTTPStatus

from msgspec import Struct, field

JSON_TYPE = "application/json; charset=UTF-8"
_ENCODE = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_DOCS = "Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api"


class Answer(Struct, kw_only=True):
    """One HTTP answer, and the manner of its sending: plain, reset, hang or slow."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)
    manner: str = "plain"

    def head(self) -> bytes:
        """Status line and headers; the length is that of the body as it stands."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        if self.status != 302:
            lines.append(f"content-type: {self.content_type}")
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append(f"content-length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(lines).encode("latin-1", "replace")


class GraphError(Exception):
    """An error that the Graph API tells in its envelope; `extra` joins the envelope's fields."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        subcode: int | None = None,
        status: int = 400,
        kind: str = "OAuthException",
        **extra: object,
    ) -> None:
        super().__init__(message)
        self.code, self.subcode, self.status = code, subcode, status
        self.message, self.kind, self.extra = message, kind, extra

    def answer(self, trace: str) -> Answer:
        """The answer that carries this error."""
        envelope: dict[str, object] = {
            "message": self.message,
            "type": self.kind,
            "code": self.code,
        }
        if self.subcode is not None:
            envelope["error_subcode"] = self.subcode
        envelope.update(self.extra)
        envelope["fbtrace_id"] = trace
        answer = Answer(status=self.status, body=dump({"error": envelope}))
        if self.status in (400, 401, 403):
            word = "invalid_token" if self.code == 190 else "invalid_request"
            quoted = self.message.encode("ascii", "backslashreplace").decode().replace('"', "'")
            quoted = " ".join(quoted.split())  # a header has one line
            answer.headers["www-authenticate"] = f'OAuth "Facebook Platform" "{word}" "{quoted}"'
        return answer


def dump(value: object) -> bytes:
    """JSON as Meta sends it: every non-ASCII letter and every slash escaped."""
    return _ENCODE(value).replace("/", "\\/").encode("ascii")


def plain_json(value: object) -> Answer:
    """An answer of the sandbox itself, not of the world in it."""
    return Answer(body=json.dumps(value, indent=1).encode())


def unknown_object(object_id: str) -> GraphError:
    """100/33: gone, foreign, or never there; the real thing does not tell which."""
    return GraphError(
        100,
        f"Unsupported get request. Object with ID '{object_id}' does not exist, cannot be loaded "
        f"due to missing permissions, or does not support this operation. {_DOCS}",
        subcode=33,
        kind="GraphMethodException",
    )


def invalid(message: str) -> GraphError:
    """100: a parameter is wrong."""
    return GraphError(100, f"(#100) {message}")
