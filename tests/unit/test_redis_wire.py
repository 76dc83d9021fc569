"""The connection to Redis: answers in order, failures with names, no password in any of them."""

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ingather import errors
from ingather.stores.redis_link import RedisLink, Script
from ingather.stores.redis_wire import Address, Wire, address_of

SECRET = "pa55:w@rd"


@pytest.fixture
async def wire(valkey):
    wire = Wire(valkey)
    yield wire
    await wire.close()


@contextlib.asynccontextmanager
async def answering(path, answer):
    """A server on a unix socket whose every connection is `answer(reader, writer)`."""
    server = await asyncio.start_unix_server(answer, path)
    try:
        yield f"unix://{path}"
    finally:
        server.close()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://h", Address(host="h")),
        ("redis://h:1/3", Address(host="h", port=1, database=3)),
        ("redis://:p%3A%40@h", Address(host="h", password="p:@")),
        ("rediss://u:p@h:6380", Address(host="h", port=6380, user="u", password="p", tls=True)),
        ("redis://[::1]:7/0", Address(host="::1", port=7)),
        (
            "unix:///run/a%20b.sock?db=2",
            Address(host="localhost", path="/run/a b.sock", database=2),
        ),
        ("unix://u:p@/s", Address(host="localhost", path="/s", user="u", password="p")),
        ("rediss://h?ssl_cert_reqs=none", Address(host="h", tls=True, verify=False)),
        ("rediss://h?ssl_ca_certs=/ca.pem", Address(host="h", tls=True, ca_file="/ca.pem")),
    ],
)
def test_addresses(url, address) -> None:
    """Every usual form of address is read."""
    found = address_of(url)
    assert (found, found.user, found.password) == (address, address.user, address.password)


@pytest.mark.parametrize(
    "url", ["", "localhost:6379", f"http://:{SECRET}@h", f"redis://:{SECRET}@h:x", "unix://", "redis://h/x"]
)  # fmt: skip
def test_unreadable_address_is_said_without_it(url) -> None:
    """An address that cannot be read is not repeated, because it may hold a password."""
    with pytest.raises(errors.BadSetting) as caught:
        address_of(url)
    assert SECRET not in str(caught.value) + repr(caught.value)


def test_password_is_not_shown() -> None:
    """An address does not show its password where it is printed."""
    assert SECRET not in repr(Address(host="h", password=SECRET))


async def test_answers_come_in_order(wire) -> None:
    """A thousand calls at the same moment get each its own answer, over one connection."""
    answers = await asyncio.gather(*(wire.call("ECHO", number) for number in range(1_000)))
    assert answers == [str(number).encode() for number in range(1_000)]
    ids = await asyncio.gather(*(wire.call("CLIENT", "ID") for _ in range(20)))
    assert len(set(ids)) == 1


async def test_every_kind_of_answer(wire) -> None:
    """Bytes, integers, lists, nothing and errors come as such."""
    assert await wire.call("ECHO", bytes(range(256))) == bytes(range(256))
    assert await wire.call("EVAL", "return {1, 'a', {false, 2}}", 0) == [1, b"a", [None, 2]]
    with pytest.raises(errors.StoreError, match="unknown command"):
        await wire.call("NONSENSE")
    assert await wire.call("PING") == b"PONG"


async def test_call_given_up_does_not_shift_the_answers(wire) -> None:
    """Who stops waiting does not leave its answer to the next."""
    await wire.call("PING")
    waiting = asyncio.create_task(wire.call("ECHO", "first"))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await wire.call("ECHO", "second") == b"second"


async def test_nobody_there(tmp_path) -> None:
    """Where no server is, the error says where, and is worth another try."""
    wire = Wire(f"unix://user:secret@{tmp_path}/none.sock")
    with pytest.raises(errors.StoreUnavailable, match=r"none\.sock") as caught:
        await wire.call("PING")
    assert caught.value.retry
    assert "secret" not in str(caught.value)


async def test_connection_lost_under_way(tmp_path) -> None:
    """A connection lost under way fails what was under way; the next call connects anew."""
    calls = 0

    async def answer(reader, writer) -> None:
        nonlocal calls
        calls += 1
        await reader.read(100)
        if calls > 1:
            writer.write(b"+PONG\r\n")
            await writer.drain()
        writer.close()

    async with answering(tmp_path / "s", answer) as url:
        wire = Wire(url)
        under_way = [asyncio.ensure_future(wire.call("PING")) for _ in range(3)]
        for call in await asyncio.gather(*under_way, return_exceptions=True):
            assert isinstance(call, errors.StoreUnavailable)
        assert await wire.call("PING") == b"PONG"
        await wire.close()


async def test_silent_server(tmp_path) -> None:
    """A server that says nothing is given up after the time that was set."""

    async def answer(reader, writer) -> None:
        await reader.read()
        writer.close()

    async with answering(tmp_path / "s", answer) as url:
        wire = Wire(url, timeout=0.05)
        with pytest.raises(errors.StoreUnavailable):
            await asyncio.wait_for(wire.call("PING"), 5)
        await wire.close()


async def test_not_a_redis(tmp_path) -> None:
    """Something else that answers there is not taken for a Redis."""

    async def answer(reader, writer) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with answering(tmp_path / "s", answer) as url:
        wire = Wire(url)
        with pytest.raises(errors.StoreUnavailable):
            await wire.call("PING")
        await wire.close()


async def test_passwords(start_valkey) -> None:
    """The right password opens, a wrong or missing one is refused by name and never repeated."""
    server = start_valkey()
    opening = Wire(server.url)
    await opening.call("CONFIG", "SET", "requirepass", "right")
    await opening.close()
    for user in ("", "default"):
        wire = Wire(f"unix://{user}:right@{server.socket}")
        assert await wire.call("PING") == b"PONG"
        await wire.close()
    for login in ("", ":wrong-one@", "nobody:wrong-one@"):
        wire = Wire(f"unix://{login}{server.socket}")
        with pytest.raises(errors.BadSetting) as caught:
            await wire.call("PING")
        assert "wrong-one" not in str(caught.value)
        await wire.close()


async def test_databases_are_apart(wire, valkey) -> None:
    """The database of the address is the one that is used."""
    other = Wire(f"{valkey}?db=3")
    await other.call("SET", "test:wire:database", "3")
    assert await wire.call("GET", "test:wire:database") is None
    assert await other.call("GETDEL", "test:wire:database") == b"3"
    await other.close()


async def test_scripts_survive_a_flush(valkey) -> None:
    """A server that forgot a script is sent it again."""
    link = RedisLink(valkey)
    script = Script(b"return {KEYS[1], ARGV[1]}")
    for _ in range(2):
        assert await link.run(script, ("key",), "word") == [b"key", b"word"]
        await link.call("SCRIPT", "FLUSH")
    await link.close()


def certificate(folder):
    """A key and a self-signed certificate for localhost, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = folder / "both.pem"
    file.write_bytes(key.private_bytes(pem, *private) + signed.public_bytes(pem))
    return file


async def test_tls(tmp_path) -> None:
    """rediss:// speaks TLS, and to nobody whose certificate is not trusted."""

    async def answer(reader, writer) -> None:
        if await reader.read(100):
            writer.write(b"+PONG\r\n")
        writer.close()

    file = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    server = await asyncio.start_server(answer, "localhost", 0, ssl=context)
    url = f"rediss://localhost:{server.sockets[0].getsockname()[1]}"
    for query in (f"?ssl_ca_certs={file}", "?ssl_cert_reqs=none"):
        wire = Wire(url + query)
        assert await wire.call("PING") == b"PONG"
        await wire.close()
    with pytest.raises(errors.StoreUnavailable, match="localhost"):
        await Wire(url).call("PING")
    server.close()


async def test_a_server_that_is_starting_is_waited_for(tmp_path) -> None:
    """One that still reads its log says meanwhile that it writes none: it is no unsafe Redis, but
    one to be asked again."""
    info = b"redis_version:7.2.4\r\nloading:1\r\naof_enabled:0\r\n"

    async def answer(reader, writer):
        await reader.readuntil(b"INFO\r\n")
        writer.write(b"$%d\r\n%b\r\n" % (len(info), info))
        await reader.read()
        writer.close()
        closed.set()

    closed = asyncio.Event()
    async with answering(tmp_path / "s", answer) as url:
        with pytest.raises(errors.StoreUnavailable, match="reading its log"):
            await RedisLink(url).check()
        await closed.wait()
