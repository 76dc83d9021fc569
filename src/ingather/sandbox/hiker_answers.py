"""HikerAPI's refusals, word for word where they were recorded, and how it bills."""

import json

import msgspec

from ingather.sandbox.answers import Answer

JSON = "application/json"
TEXT = "text/plain; charset=UTF-8"
_PASSING = {"unavailable", "unknown", "reduce", "localised", "errordata_string"}


class HikerError(Exception):
    """A refusal: `{"detail", "exc_type"}`, or whatever `body` is. billed: what it costs."""

    def __init__(
        self,
        status: int,
        detail: object,
        exc_type: str | None = None,
        *,
        body: dict[str, object] | None = None,
        billed: int = 0,
    ) -> None:
        super().__init__(exc_type or str(status))
        told: dict[str, object] = {"detail": detail}
        if exc_type:
            told["exc_type"] = exc_type
        self.status, self.body, self.billed = status, body or told, billed

    def answer(self) -> Answer:
        """The answer that carries this refusal."""
        return Answer(status=self.status, body=dump(self.body), content_type=JSON)


def dump(value: object) -> bytes:
    """JSON as FastAPI writes it; what it could not write, escaped."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # halves of emoji
        return json.dumps(value).encode()


def no_balance() -> HikerError:
    words = "Top up your account at https://hikerapi.com/billing"
    return HikerError(402, "", body={"state": False, "error": words, "exc_type":
                                     "InsufficientFunds"})  # fmt: skip


def missing(parameter: str) -> HikerError:
    """422, whose detail is a list."""
    entry = {"loc": ["query", parameter], "msg": "Field required", "type": "missing"}
    return HikerError(422, [entry])


def too_fast() -> HikerError:
    return HikerError(429, "Too many requests, slow down")


def gone(what: str) -> HikerError:
    """A 404 by its exc_type; such are billed."""
    words = {
        "UserNotFound": "User not found",
        "MediaUnavailable": "Media is unavailable",
        "NotFoundError": "Entries not found",
        "HashtagNotFound": "Hashtag not found",
        "CommentNotFound": "Comment not found",
    }
    return HikerError(404, words[what], what, billed=1)


def private() -> HikerError:
    return HikerError(403, "Private account", "PrivateAccount", billed=1)


def disabled() -> HikerError:
    return HikerError(403, "Comments disabled by author", "CommentsDisabled", billed=1)


def cloudflare() -> Answer:
    """What stands before the service says to a call without a User-Agent."""
    return Answer(status=403, body=b"error code: 1010", content_type=TEXT)


def struck(fault: str) -> HikerError | Answer | None:
    """The refusal that a fault by name makes; None where it makes none of its own."""
    if fault in _PASSING:
        return HikerError(500, "Instagram server error", "InstagramServerError", billed=1)
    match fault:
        case "nobalance":
            return no_balance()
        case "cloudflare":
            return cloudflare()
        case "retired":
            return HikerError(410, "This endpoint is retired", "EndpointDeprecated")
        case "invalid":
            return missing("user_id")
        case "throttle" | "buc" | "rate429":
            return too_fast()
        case "error200":
            error = HikerError(200, "Internal error", "InternalError")
            return error.answer()
    return None


def bill(answer: Answer, units: int, number: int) -> None:
    """Tell in the header what a call cost: in both spellings, and now and then not at all."""
    answer.headers["server"] = "cloudflare"
    if units == 1 and answer.status in (200, 404) and number % 3 == 2:
        return
    if units or answer.status == 410:
        told = f"reqs={units}" if number % 2 else json.dumps({"reqs": units})
        answer.headers["x-hiker-info"] = told
