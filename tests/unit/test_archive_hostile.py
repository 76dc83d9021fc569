"""Files that are no honest archive are refused in one clear sentence, and nothing is written."""

import io
import json
import os
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingather import errors
from ingather.domain.job import Target
from ingather.domain.page import Page
from ingather.providers import archive_stream, archive_zip
from ingather.providers.archive import ArchiveSource
from ingather.providers.archive_map import mend

NAME = "connections/followers_and_following/followers_1.json"
ONE = {"string_list_data": [{"value": "kim", "timestamp": 1}]}
GOOD = json.dumps([ONE])


def zipped(path: Path, files: dict[str, str | bytes], **options: Any) -> Path:
    with zipfile.ZipFile(path, "w", **({"compression": zipfile.ZIP_DEFLATED} | options)) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


async def read(path: Path, kind: str = "followers") -> Page:
    source = ArchiveSource([path], kind=kind)
    try:
        return await source.fetch(await source.resolve(""), None, replies=True)
    finally:
        await source.close()


def patched(path: Path, offset: int, size: str, value: int) -> Path:
    """The first file's entry in the list of names, with one number changed; its header too."""
    data = bytearray(path.read_bytes())
    struct.pack_into(size, data, data.index(b"PK\x01\x02") + offset, value)
    if offset == 8:  # flags stand in both places
        struct.pack_into(size, data, 6, value)
    path.write_bytes(data)
    return path


async def test_no_zip(tmp_path: Path) -> None:
    """A picture, an empty file, half a download, a path to nothing: each is told as what it is."""
    (tmp_path / "a.zip").write_bytes(b"\xff\xd8\xff" * 99)
    (tmp_path / "empty.zip").write_bytes(b"")
    whole = zipped(tmp_path / "whole.zip", {NAME: GOOD}).read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    for name in ("a.zip", "empty.zip", "half.zip"):
        with pytest.raises(errors.BadInput, match=rf"{name} is no ZIP file"):
            await read(tmp_path / name)
    with pytest.raises(errors.BadInput, match="There is no file"):
        await read(tmp_path / "none.zip")


async def test_an_archive_in_html(tmp_path: Path) -> None:
    """An archive that was asked for in HTML is told to be one, with what to do."""
    html = {NAME.replace(".json", ".html"): "<html>", "index.html": "<html>"}
    with pytest.raises(errors.BadInput, match=r"in HTML.*choose the format JSON"):
        await read(zipped(tmp_path / "a.zip", html))


async def test_other_zips(tmp_path: Path) -> None:
    """Another ZIP, an empty one, and one that holds ZIPs are three different mistakes."""
    with pytest.raises(errors.BadInput, match="no archive of Instagram"):
        await read(zipped(tmp_path / "a.zip", {"report/people.json": "[]"}))
    with pytest.raises(errors.BadInput, match="no archive of Instagram"):
        await read(zipped(tmp_path / "b.zip", {}))
    inner = zipped(tmp_path / "inner.zip", {NAME: GOOD}).read_bytes()
    with pytest.raises(errors.BadInput, match="Give those ZIP files"):
        await read(zipped(tmp_path / "c.zip", {"inner.zip": inner}))


async def test_inner_zips_are_ignored(tmp_path: Path) -> None:
    """A ZIP beside the wanted files is never looked into."""
    inner = zipped(tmp_path / "inner.zip", {NAME.replace("_1", "_2"): GOOD}).read_bytes()
    page = await read(zipped(tmp_path / "a.zip", {NAME: GOOD, "connections/inner.zip": inner}))
    assert len(page.records) == 1


@pytest.mark.parametrize(
    "name",
    [
        "../../followers_and_following/followers_1.json",
        "/etc/followers_and_following/followers_1.json",
        "followers_and_following\\..\\followers_1.json",
        "connections/../followers_and_following/followers_1.json",
    ],
)
async def test_names_that_climb(name: str, tmp_path: Path) -> None:
    """A name that leads out of the archive is not read, and no name makes a file."""
    path = zipped(tmp_path / "a.zip", {name: GOOD, NAME.replace("_1", ""): GOOD})
    before = sorted(tmp_path.rglob("*"))
    assert len((await read(path)).records) == 1
    assert sorted(tmp_path.rglob("*")) == before


async def test_bombs(tmp_path: Path) -> None:
    """A file that unpacks to far more than it is packed to, or to too much, is never unpacked."""
    path = zipped(tmp_path / "a.zip", {NAME: b"[" + b" " * (40 << 20)})
    tracemalloc.start()
    with pytest.raises(errors.BadInput, match="no honest archive"):
        await read(path)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()
    huge = patched(zipped(tmp_path / "b.zip", {NAME: GOOD}), 24, "<L", 2 << 30)
    with pytest.raises(errors.BadInput, match="no honest archive"):
        await read(huge)


async def test_a_bomb_nobody_asked_for(tmp_path: Path) -> None:
    """What is not wanted is not opened, so it does no harm: neither bombs nor private messages."""
    other = "your_instagram_activity/messages/inbox/bo/message_1.json"
    path = zipped(tmp_path / "a.zip", {other: b" " * (40 << 20), NAME: GOOD})
    assert len((await read(path)).records) == 1


async def test_a_list_of_names_without_end(tmp_path: Path) -> None:
    """A ZIP whose list of names is absurdly long is refused before the list is read."""
    data = bytearray(zipped(tmp_path / "a.zip", {NAME: GOOD}).read_bytes())
    struct.pack_into("<L", data, data.rindex(b"PK\x05\x06") + 12, archive_zip.MOST_DIRECTORY + 1)
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(errors.BadInput, match="more files"):
        await read(tmp_path / "a.zip")


async def test_locked_and_oddly_packed(tmp_path: Path) -> None:
    """A password and packings that Instagram does not use are told."""
    with pytest.raises(errors.BadInput, match="password"):
        await read(patched(zipped(tmp_path / "a.zip", {NAME: GOOD}), 8, "<H", 1))
    with pytest.raises(errors.BadInput, match="packed in a way"):
        await read(zipped(tmp_path / "b.zip", {NAME: GOOD}, compression=zipfile.ZIP_LZMA))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"<html>",
        b"[",
        b"[{}",
        b"[{},",
        b"[{},]",
        b'{"a"',
        b'{"a":[{}]',
        b"[1" + b"0" * 9_999 + b"]",
        b"[" * 99_999,
        b'{"title":' * 9_999,
        GOOD.encode() + b"[]",
        GOOD.encode()[:-9],
        b'["' + b"x" * (archive_stream.MOST + archive_stream.CHUNK),
    ],
    ids=range(15),
)
async def test_damaged_json(content: bytes, tmp_path: Path) -> None:
    """Bytes that are no JSON, cut short, absurdly deep or long end in one error, never a crash."""
    path = zipped(tmp_path / "a.zip", {NAME: content}, compression=zipfile.ZIP_STORED)
    with pytest.raises(errors.SourceError, match=r"followers_1\.json"):
        await read(path)


async def test_bytes_that_changed(tmp_path: Path) -> None:
    """A file whose checksum is wrong is damaged, wherever in it the wrong byte is."""
    path = zipped(tmp_path / "a.zip", {NAME: GOOD}, compression=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"kim", b"tim"))
    with pytest.raises(errors.Refused, match="not those that were packed"):
        await read(path)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_is_one_of_our_errors(data: st.DataObject) -> None:
    """Whatever is done to an archive's bytes, reading it ends in rows or in an error of ours."""
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"ingather-damaged-{os.getpid()}.zip"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME, GOOD)
        archive.writestr("personal_information/personal_information.json", "{}")
    raw = bytearray(out.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(len(raw) // 2, len(raw)))])
    source = ArchiveSource([path], kind="followers")
    try:
        source._page(Target(id=source._open().id), None, 10)
    except (errors.BadInput, errors.SourceError):
        pass
    finally:
        source._close()
        path.unlink()


async def test_links_in_a_folder(tmp_path: Path) -> None:
    """A link in an unpacked archive is not followed: it may lead to anything."""
    secret = tmp_path / "secret.json"
    secret.write_text(GOOD)
    folder = tmp_path / "out" / "followers_and_following"
    folder.mkdir(parents=True)
    (folder / "followers_1.json").symlink_to(secret)
    with pytest.raises(errors.BadInput, match="no ordinary file"):
        await read(tmp_path / "out")


async def test_an_archive_that_changes(tmp_path: Path) -> None:
    """A job does not go on with an archive whose wanted files are no longer the same."""
    path = zipped(tmp_path / "a.zip", {NAME: GOOD})
    source = ArchiveSource([path], kind="followers")
    target = await source.resolve("")
    await source.close()
    zipped(path, {NAME: GOOD.replace("kim", "tim")})
    with pytest.raises(errors.NotReachable, match="changed"):
        await source.fetch(target, None, replies=True)
    path.unlink()
    await source.close()
    with pytest.raises(errors.Refused, match="no file"):
        await source.fetch(target, None, replies=True)
    await source.close()


class Drip:
    """A stream that gives a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data = io.BytesIO(data)
        self._size = size

    def read(self, size: int, /) -> bytes:
        return self._data.read(self._size)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(st.lists(JSON), st.integers(1, 9), st.booleans(), st.sampled_from([None, 1]))
def test_any_list_is_split_right(
    found: list[Any], size: int, plain: bool, indent: int | None
) -> None:
    """However the bytes come in, the entries are those that a whole read gives; wrapped or not."""
    for whole in (found, {"a": 1, "relationships": found, "z": {"b": []}}):
        text = json.dumps(whole, ensure_ascii=not plain, indent=indent)
        data = text.encode("utf-8", "replace")
        expected = json.loads(data)
        expected = expected if isinstance(expected, list) else expected["relationships"]
        assert list(archive_stream.items(Drip(data, size), "x.json")) == expected


@given(st.text())
def test_mending_gives_back_what_was_meant(text: str) -> None:
    """Every text that was spoilt comes back; text no byte of which was spoilt is kept or refused
    as UTF-8, so it stays."""
    clean = text.encode("utf-8", "replace").decode()
    assert mend(clean.encode().decode("latin-1")) == clean
    if any(ord(letter) > 255 for letter in clean):
        assert mend(clean) == clean
