"""How to tell a webhook of ours from a forgery: the standard library is enough."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping


def genuine(secret: str, headers: Mapping[str, str], body: bytes, *, tolerance: int = 300) -> bool:
    """Whether the body was signed with the secret, no longer than `tolerance` seconds ago.

    headers: with names in small letters. body: the bytes as they came, before any decoding.
    """
    key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    sent = headers["webhook-timestamp"]
    if abs(time.time() - int(sent)) > tolerance:
        return False
    content = headers["webhook-id"].encode() + b"." + sent.encode() + b"." + body
    wanted = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return any(
        hmac.compare_digest(wanted, given) for given in headers["webhook-signature"].split(" ")
    )
