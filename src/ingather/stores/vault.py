"""Small secrets on disk, encrypted: one file each, readable by their owner alone.

AES-256-GCM with the secret's name as associated data, so that one file cannot stand in for another.
The key comes (HKDF-SHA256) from INGATHER_SECRET_KEY, or from `secret.key` in the data folder, which
is made when there is neither.
"""

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ingather import errors

_MAGIC: Final = b"igv1"
_NONCE: Final = 12
_KEY_FILE: Final = "secret.key"


class Vault:
    """ports.Secrets in `folder`. secret_key: the setting INGATHER_SECRET_KEY, if there is one."""

    def __init__(self, folder: Path, *, secret_key: str | None = None) -> None:
        self._folder = folder
        self._secret_key = secret_key or None
        self._key: bytes | None = None

    def __repr__(self) -> str:
        return f"Vault({str(self._folder)!r})"

    def read(self, name: str) -> bytes | None:
        """The secret of that name, None where there is none; raises DamagedRecord where the file
        is damaged, another secret's, or was written with another key."""
        file = self._file(name)
        with _told():
            if not file.exists():
                return None
            sealed = file.read_bytes()
        return self.unseal(name, sealed)

    def write(self, name: str, value: bytes) -> None:
        """Keep a secret under a name; whole or not at all."""
        sealed = self.seal(name, value)
        file = self._file(name)
        with _told():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _aside(file, sealed) as aside:
                aside.replace(file)
            _sync(file.parent)

    def seal(self, name: str, value: bytes) -> bytes:
        """The value encrypted and bound to the name, for who keeps it elsewhere than here."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE)
        return _MAGIC + nonce + AESGCM(self._derived()).encrypt(nonce, value, name.encode())

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """What `seal` was given under that name; raises DamagedRecord for anything else."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce, text = sealed[len(_MAGIC) :][:_NONCE], sealed[len(_MAGIC) + _NONCE :]
        if sealed.startswith(_MAGIC) and len(text) >= 16:
            with contextlib.suppress(InvalidTag):
                return AESGCM(self._derived()).decrypt(nonce, text, name.encode())
        raise errors.DamagedRecord(
            f"The secret “{name}” cannot be read: it is damaged, or INGATHER_SECRET_KEY (or"
            f" {_KEY_FILE}) is not the one it was written with. Log in again."
        )

    def derive(self, name: str) -> bytes:
        """32 bytes under a name, the same in every process that has this key, and written nowhere:
        a key of another kind, as for signing."""
        return self._expanded(b"ingather derived v1 " + name.encode())

    def forget(self, name: str) -> None:
        """Remove a secret; nothing happens where there is none."""
        with _told():
            self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        # A hash, because names hold what file systems do not: colons, slashes, capitals.
        return self._folder / "secrets" / hashlib.sha256(name.encode()).hexdigest()[:32]

    def _derived(self) -> bytes:
        if self._key is None:
            self._key = self._expanded(b"ingather vault v1")
        return self._key

    def _expanded(self, info: bytes) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        with _told():
            given = self._secret_key.encode() if self._secret_key else self._own_key()
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(given)

    def _own_key(self) -> bytes:
        """The key file's content, made if absent; of two processes making it, one wins for both."""
        file = self._folder / _KEY_FILE
        if not file.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            with (
                _aside(file, secrets.token_hex(32).encode() + b"\n") as aside,
                contextlib.suppress(FileExistsError),
            ):
                os.link(aside, file)  # whole at once, and never over another's
            _sync(self._folder)
        key = file.read_bytes().strip()
        if len(key) < 32:
            raise errors.DamagedRecord(f"{file} holds no key; restore it from a backup.")
        return key


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What the disk refuses, as an error of the store."""
    try:
        yield
    except OSError as found:
        if found.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise errors.StorageFull from found
        raise errors.StoreUnavailable(
            f"The secrets in the data folder cannot be reached: {found.strerror}."
        ) from found


@contextlib.contextmanager
def _aside(file: Path, content: bytes) -> Iterator[Path]:
    """A file beside the one meant, 0600, safely on disk with that content; gone afterwards."""
    aside = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        yield aside
    finally:
        aside.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Make a rename outlive a power cut, where the platform can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
