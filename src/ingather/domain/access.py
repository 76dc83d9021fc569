"""Who comes in at the HTTP door, and what is told about a job that has ended."""

import base64
import binascii
import hashlib
import hmac
from typing import Literal

from msgspec import Struct

LOCAL = "local"
"""The owner of what is started at the command line here."""

PAUSES = (10, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400)
"""Seconds before a webhook that failed is tried again: about two days in all."""


Delivery = Literal["waiting", "delivered", "failed"]
"""How a webhook stands; `failed`: it was given up."""


class Key(Struct, frozen=True, kw_only=True, rename="camel"):
    """An API key as it can be shown: never the key itself. Times are ISO 8601 UTC."""

    id: str
    name: str
    owner: str
    created_at: str
    used_at: str | None = None
    revoked_at: str | None = None


class Webhook(Struct, frozen=True, kw_only=True, rename="camel"):
    """A request that tells somebody of a job's end, and how its delivery stands.

    secret: sealed; it never leaves. due: epoch seconds of the next look or try. status: the HTTP
    status that was answered last. error: why the last try failed.
    """

    id: str
    job: str
    kind: str
    url: str
    secret: bytes
    state: Delivery = "waiting"
    attempts: int = 0
    due: float = 0.0
    status: int | None = None
    error: str | None = None
    created_at: str
    ended_at: str | None = None

    def __repr__(self) -> str:
        return f"Webhook({self.id}, {self.state})"


def signed(secret: str, *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of the Standard Webhooks specification (standardwebhooks.com, 1.0.0).

    HMAC-SHA256 over `id.timestamp.body`, in base64 after `v1,`. timestamp: epoch seconds. A secret
    that begins with `whsec_` is base64 after that; any other is the key as it is.
    """
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    mac = hmac.new(_key(secret), content, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
    }


def _key(secret: str) -> bytes:
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass
    return secret.encode("utf-8", "surrogatepass")
