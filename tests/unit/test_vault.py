"""Secrets rest encrypted, bound to their names, readable by their owner alone."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from ingather import errors
from ingather.stores.vault import Vault

CANARY = b"EAAcanary-of-the-vault"
POSIX = pytest.mark.skipif(os.name != "posix", reason="Windows keeps no file modes")


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_written_is_read_again(tmp_path):
    """A secret comes back in another process's vault, can be replaced, and can be forgotten."""
    Vault(tmp_path).write("graph:token/17841", CANARY)
    assert Vault(tmp_path).read("graph:token/17841") == CANARY
    Vault(tmp_path).write("graph:token/17841", b"")
    assert Vault(tmp_path).read("graph:token/17841") == b""
    vault = Vault(tmp_path)
    vault.forget("graph:token/17841")
    vault.forget("graph:token/17841")
    assert vault.read("graph:token/17841") is None


def test_names_are_apart(tmp_path):
    """Names that a file system would confuse are different secrets."""
    vault = Vault(tmp_path)
    for name in ("a", "A", "a/b", "../a", "a\0b", "a" * 400, "ä"):
        vault.write(name, name.encode())
    for name in ("a", "A", "a/b", "../a", "a\0b", "a" * 400, "ä"):
        assert vault.read(name) == name.encode()
    assert all(tmp_path in path.parents for path in files(tmp_path))


def test_no_secret_and_no_name_lies_on_the_disk(tmp_path):
    """Neither the secret, nor its name, nor INGATHER_SECRET_KEY can be found in the folder."""
    Vault(tmp_path, secret_key="canary-key").write("canary-name", CANARY)
    (file,) = files(tmp_path)
    for word in (CANARY, b"canary-key", b"canary-name"):
        assert word not in file.read_bytes()
        assert word.decode() not in str(file)
    assert "canary-key" not in repr(Vault(tmp_path, secret_key="canary-key"))


def test_the_same_secret_never_looks_the_same(tmp_path):
    """Each write has a nonce of its own."""
    vault = Vault(tmp_path, secret_key="k")
    vault.write("a", CANARY)
    first = files(tmp_path)[0].read_bytes()
    vault.write("a", CANARY)
    assert files(tmp_path)[0].read_bytes() != first


def test_a_secret_cannot_stand_in_for_another(tmp_path):
    """Swapping two files is noticed: the name is part of what is sealed."""
    vault = Vault(tmp_path, secret_key="k")
    vault.write("mine", b"1")
    vault.write("yours", b"2")
    one, other = files(tmp_path)
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)
    for name in ("mine", "yours"):
        with pytest.raises(errors.DamagedRecord, match="Log in again"):
            vault.read(name)


def test_damage_is_noticed_in_every_byte(tmp_path):
    """A file with any byte changed, or cut anywhere, is refused with a sentence that helps."""
    vault = Vault(tmp_path, secret_key="k")
    vault.write("mine", b"12")
    (file,) = files(tmp_path)
    whole = file.read_bytes()
    broken = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(len(whole))]
    broken += [whole[:at] for at in range(len(whole))]
    for content in broken:
        file.write_bytes(content)
        with pytest.raises(errors.DamagedRecord) as caught:
            vault.read("mine")
        assert caught.value.__cause__ is None


def test_another_key_reads_nothing(tmp_path):
    """A changed INGATHER_SECRET_KEY is told, and the secret is not."""
    Vault(tmp_path, secret_key="old").write("mine", CANARY)
    with pytest.raises(errors.DamagedRecord, match="INGATHER_SECRET_KEY"):
        Vault(tmp_path, secret_key="new").read("mine")


@POSIX
def test_files_are_their_owners_alone(tmp_path):
    """Key file and secrets are 0600, their folder 0700, whatever the umask."""
    old = os.umask(0)
    try:
        Vault(tmp_path / "data").write("mine", CANARY)
    finally:
        os.umask(old)
    assert len(files(tmp_path)) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files(tmp_path)} == {0o600}
    assert stat.S_IMODE((tmp_path / "data/secrets").stat().st_mode) == 0o700


def test_many_at_once_agree_on_one_key(tmp_path):
    """Vaults that make the key file at the same time end with one key for all."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: Vault(tmp_path).write(f"name {n}", CANARY), range(16)))
    assert all(Vault(tmp_path).read(f"name {n}") == CANARY for n in range(16))
    assert len(files(tmp_path)) == 17


def test_an_empty_key_file_is_no_key(tmp_path):
    """A key file that lost its content is told, not used."""
    (tmp_path / "secret.key").write_bytes(b"")
    with pytest.raises(errors.DamagedRecord, match="backup"):
        Vault(tmp_path).write("mine", CANARY)


def test_a_failed_write_leaves_the_old_secret(tmp_path, monkeypatch):
    """A write that fails before its end changes nothing and leaves nothing behind."""
    vault = Vault(tmp_path, secret_key="k")
    vault.write("mine", b"old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(errors.StorageFull):
        vault.write("mine", b"new")
    monkeypatch.undo()
    assert vault.read("mine") == b"old"
    assert len(files(tmp_path)) == 1


def test_cryptography_is_loaded_late():
    """Naming the vault costs nothing: `--help` never loads cryptography."""
    code = "import sys, ingather.stores.vault; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_is_sealed_is_kept_elsewhere_and_bound_to_its_name(tmp_path):
    """A sealed value tells nothing, opens under its own name alone, and with the key alone."""
    vault = Vault(tmp_path)
    sealed = vault.seal("giveaway:1", b"master")
    assert b"master" not in sealed
    assert vault.unseal("giveaway:1", sealed) == b"master"
    for name, text in (("giveaway:2", sealed), ("giveaway:1", sealed[:-1]), ("giveaway:1", b"")):
        with pytest.raises(errors.DamagedRecord):
            vault.unseal(name, text)
    with pytest.raises(errors.DamagedRecord):
        Vault(tmp_path / "other").unseal("giveaway:1", sealed)


def test_a_derived_key_is_the_same_for_all_who_hold_the_secret(tmp_path):
    """Of one name and one secret there is one key, on every host; and nothing is written."""
    vault = Vault(tmp_path / "a", secret_key="x" * 32)
    other = Vault(tmp_path / "b", secret_key="x" * 32)
    assert len(vault.derive("signing")) == 32
    assert vault.derive("signing") == other.derive("signing") != vault.derive("sealing")
    assert vault.derive("signing") != Vault(tmp_path, secret_key="y" * 32).derive("signing")
    assert not files(tmp_path)
