"""API keys: who may come in at the HTTP door, and whose jobs they see.

A key is 256 random bits, so its SHA-256 is as hard to turn round as the key is to guess: a slow
hash guards passwords that people choose, and would only slow down every request here. The key is
looked up by that digest, never compared letter by letter.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from typing import Protocol

from ingather import errors
from ingather.domain.access import Key
from ingather.domain.instants import iso
from ingather.ports import Clock

PREFIX = "ing_"
"""What every key begins with, so that scanners for leaked secrets can tell one."""

_OWNER = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_USED_EVERY = 60.0


class KeyRing(Protocol):
    """Where keys rest."""

    async def add(self, key: Key, digest: str) -> None: ...

    async def by_digest(self, digest: str) -> Key | None: ...

    async def list(self) -> Sequence[Key]: ...

    async def revoke(self, key_id: str, at: str) -> bool:
        """Whether there is such a key; one that was revoked keeps its time."""
        ...

    async def used(self, key_id: str, at: str) -> None: ...


class Keys:
    """Make, list and revoke keys, and tell whose a key is."""

    def __init__(self, ring: KeyRing, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self._told: dict[str, float] = {}

    async def create(self, name: str, owner: str) -> tuple[Key, str]:
        """A new key and its text, which cannot be had a second time. Raises BadInput."""
        if not _OWNER.fullmatch(owner):
            raise errors.BadInput(
                f"{owner!r} cannot be an owner.",
                hint="Use small letters, digits, dots, dashes and underscores, 64 at the most.",
            )
        if not _NAME.fullmatch(name.strip()):
            raise errors.BadInput("A key's name has 1 to 100 letters, and no line break.")
        text = PREFIX + secrets.token_urlsafe(32)
        key = Key(
            id=secrets.token_hex(4),
            name=name.strip(),
            owner=owner,
            created_at=iso(self._clock.now()),
        )
        await self._ring.add(key, _digest(text))
        return key, text

    async def holder(self, text: str) -> Key | None:
        """The key of this text; None where there is none, or it is revoked."""
        if not text.startswith(PREFIX) or len(text) > 100:
            return None
        key = await self._ring.by_digest(_digest(text))
        if key is None or key.revoked_at is not None:
            return None
        now = self._clock.now()
        if now - self._told.get(key.id, -_USED_EVERY) >= _USED_EVERY:
            self._told[key.id] = now
            await self._ring.used(key.id, iso(now))
        return key

    async def list(self) -> Sequence[Key]:
        """Every key there ever was, oldest first."""
        return await self._ring.list()

    async def revoke(self, key_id: str) -> None:
        """From the next request on the key is worth nothing. Raises BadInput."""
        if not await self._ring.revoke(key_id, iso(self._clock.now())):
            raise errors.BadInput(
                f"There is no key {key_id}.", hint="`ingather keys list` shows them."
            )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
