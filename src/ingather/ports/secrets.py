"""Small secrets, kept encrypted."""

from typing import Protocol


class Secrets(Protocol):
    """Small secrets, encrypted at rest, bound to their owner's name."""

    def read(self, name: str) -> bytes | None: ...

    def write(self, name: str, value: bytes) -> None: ...

    def forget(self, name: str) -> None: ...

    def seal(self, name: str, value: bytes) -> bytes:
        """The value encrypted, bound to that name, to be kept elsewhere."""
        ...

    def derive(self, name: str) -> bytes:
        """32 bytes that are the same whenever and wherever this key is used, of that name alone."""
        ...

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """What was sealed under that name; raises DamagedRecord."""
        ...
