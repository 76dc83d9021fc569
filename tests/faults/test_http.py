"""The HTTP client before servers that lie, dawdle, stammer and hang up: a whole answer, or an error
that names no secret; never another answer's bytes, never more than is allowed."""

import asyncio
import gzip
import random
import socket
import ssl
import traceback
from contextlib import asynccontextmanager

import pytest

from ingather import errors
from ingather.providers import http_dial, http_wire
from ingather.providers.http import Http
from ingather.providers.http_head import Broken

OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = OK + b"Content-Length: 5\r\n\r\nhello"
PIECES = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SECRET = "s3cr3t"
HELLO = gzip.compress(b"hello", mtime=0)


class Peer:
    """A server that answers the nth request with the nth script: bytes, or pieces of them with a
    pause between. None in a script hangs up there; ... leaves the connection open for ever."""

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.connections = 0
        self.requests = []
        self.url = ""

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                length = dict(
                    line.lower().split(b": ", 1) for line in request.split(b"\r\n")[1:-2]
                ).get(b"content-length", b"0")
                self.requests.append(request + await reader.readexactly(int(length)))
                script = self.scripts.pop(0) if self.scripts else WHOLE
                for piece in [script] if isinstance(script, bytes) else script:
                    if piece is None:
                        return
                    if piece is ...:
                        await asyncio.sleep(60)
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def talking(*scripts, **options):
    """A peer, and a client that asks it at `peer.url`."""
    peer = Peer(*scripts)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x?token={SECRET}"
    http = Http(**{"deadline": 2.0, "max_body": 1 << 20} | options)
    try:
        yield peer, http
    finally:
        await http.close()
        server.close()


async def refused(http, url):
    """The error of a call, which keeps its secrets to itself."""
    with pytest.raises(errors.Transient) as caught:
        await http.get(url, headers={"Authorization": f"Bearer {SECRET}"})
    told = "".join(traceback.format_exception(caught.value))
    assert SECRET not in told
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value.message


GOOD = {
    "length": (WHOLE, b"hello"),
    "two alike lengths": (OK + b"Content-Length: 5\r\ncontent-length: 5\r\n\r\nhello", b"hello"),
    "interim answers": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 2 + WHOLE, b"hello"),
    "until it ends": ([OK + b"\r\nhel", b"lo", None], b"hello"),
    "old and until it ends": ([b"HTTP/1.0 200 OK\r\n\r\nhello", None], b"hello"),
    "no reason phrase": (b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
    "chunks": (PIECES + b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", b"hello"),
    "chunks, extended": (PIECES + b'3;a="b;c"\r\nhel\r\n2 \r\nlo\r\n0;z\r\nT: 1\r\n\r\n', b"hello"),
    "chunks, zeros": (PIECES + b"0005\r\nhello\r\n00\r\n\r\n", b"hello"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "byte by byte": ([bytes([one]) for one in WHOLE], b"hello"),
    "chunks byte by byte": (
        [bytes([one]) for one in PIECES + b"5\r\nhello\r\n0\r\n\r\n"],
        b"hello",
    ),
    "head split at its end": ([WHOLE[:-8], WHOLE[-8:-6], WHOLE[-6:]], b"hello"),
    "gzip": (
        OK + b"Content-Encoding: gzip\r\nContent-Length: 25\r\n\r\n" + HELLO,
        b"hello",
    ),
}


@pytest.mark.parametrize("name", GOOD)
async def test_a_whole_answer_is_read_however_it_comes(name):
    """Every way in which HTTP/1.1 may say where an answer ends is understood."""
    script, body = GOOD[name]
    async with talking(script) as (peer, http):
        answer = await http.get(peer.url)
    assert answer.body == body


BAD = {
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "a list of lengths": OK + b"Content-Length: 5, 5\r\n\r\nhello",
    "length and chunks": OK
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "unknown coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunks of old": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": OK + b"Content-Length: -5\r\n\r\nhello",
    "signed length": OK + b"Content-Length: +5\r\n\r\nhello",
    "length in other digits": OK + "Content-Length: ５\r\n\r\nhello".encode(),
    "no length after its name": OK + b"Content-Length:\r\n\r\nhello",
    "folded line": OK + b"X-A: 1\r\n  2\r\nContent-Length: 5\r\n\r\nhello",
    "blank before colon": OK + b"Content-Length : 5\r\n\r\nhello",
    "no name": OK + b": 5\r\nContent-Length: 5\r\n\r\nhello",
    "no colon": OK + b"nonsense\r\nContent-Length: 5\r\n\r\nhello",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "bare return": OK + b"X-A: 1\r2\r\nContent-Length: 5\r\n\r\nhello",
    "NUL": OK + b"X-A: 1\x002\r\nContent-Length: 5\r\n\r\nhello",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "another version": b"HTTP/2 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "no status": b"HTTP/1.1 OK\r\nContent-Length: 5\r\n\r\nhello",
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "chunk without size": PIECES + b"\r\nhello\r\n0\r\n\r\n",
    "chunk size with sign": PIECES + b"-5\r\nhello\r\n0\r\n\r\n",
    "chunk size with 0x": PIECES + b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunk size of 17 digits": PIECES + b"0" * 16 + b"5\r\nhello\r\n0\r\n\r\n",
    "chunk too long": PIECES + b"3\r\nhello\r\n0\r\n\r\n",
    "endless chunk line": PIECES + b"5;" + b"x" * 5000,
    "endless head": OK + b"X-A: " + b"x" * 70_000 + b"\r\n\r\n",
    "endless headers": OK + b"X-A: 1\r\n" * 9_000 + b"\r\n",
    "endless interim answers": b"HTTP/1.1 103 Hints\r\n\r\n" * 4_000,
    "endless trailers": PIECES + b"0\r\n" + b"T: 1\r\n" * 12_000,
    "cut body": [OK + b"Content-Length: 9\r\n\r\nhello", None],
    "cut chunks": [PIECES + b"5\r\nhello\r\n", None],
    "cut head": [OK[:-3], None],
    "nothing": [None],
}


@pytest.mark.parametrize("name", BAD)
async def test_what_is_not_http_is_refused_at_once(name):
    """An answer whose end is doubtful is none, and its connection is not used again."""
    script = BAD[name]
    async with talking(script, deadline=20.0) as (peer, http):
        async with asyncio.timeout(5):
            await refused(http, peer.url)
            assert (await http.get(peer.url)).body == b"hello"
        assert peer.connections >= 2


PACKED = {
    "unasked encoding": OK + b"Content-Encoding: br\r\nContent-Length: 5\r\n\r\nhello",
    "wrong encoding": OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    "cut gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: 15\r\n\r\n" + HELLO[:15],
}


@pytest.mark.parametrize("name", PACKED)
async def test_what_cannot_be_unpacked_is_refused(name):
    """A body in another encoding than it says, or cut short within it, is no answer."""
    async with talking(PACKED[name]) as (peer, http):
        await refused(http, peer.url)


LARGE = {
    "length": OK + b"Content-Length: 99999999999\r\n\r\nhello",
    "until it ends": OK + b"\r\n" + b"x" * (2 << 20),
    "one chunk": PIECES + b"ffffffffff\r\nhello",
    "many chunks": PIECES + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 40,
    "tiny chunks": PIECES + b"1\r\nx\r\n" * 500_000,
    "gzip": OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * (20 << 20), 1),
}


@pytest.mark.parametrize("name", LARGE)
async def test_no_more_is_read_than_is_allowed(name):
    """However the answer says its size, or does not, it is dropped when it is too large."""
    script = [LARGE[name], None] if name == "gzip" else [LARGE[name], ...]
    async with talking(script, deadline=20.0) as (peer, http):
        assert "more than 1 MB" in await refused(http, peer.url)


@pytest.mark.parametrize(
    "script", [[...], [OK, ...], [WHOLE[:-1], ...], [PIECES + b"5\r\nhel", ...]]
)
async def test_one_deadline_covers_it_all(script):
    """Wherever the server falls silent, the call ends at its deadline and says so."""
    async with talking(script, deadline=0.1) as (peer, http):
        assert "within 0.1 s" in await refused(http, peer.url)


async def test_a_connection_is_used_again():
    """Calls one after the other share a connection; calls at once have one each."""
    async with talking() as (peer, http):
        for _ in range(3):
            await http.get(peer.url)
        assert peer.connections == 1
        await asyncio.gather(*(http.get(peer.url) for _ in range(3)))
        assert peer.connections == 3


@pytest.mark.parametrize(
    "script",
    [
        OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        WHOLE + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
    ],
)
async def test_a_connection_that_ends_or_speaks_unasked_is_not_used_again(script):
    """What comes after an answer is never taken for the next one."""
    async with talking(script) as (peer, http):
        assert (await http.get(peer.url)).body == b"hello"
        assert (await http.get(peer.url)).body == b"hello"
        assert peer.connections == 2


async def test_bytes_that_come_between_two_calls_poison_nothing():
    """A server that sends an answer nobody asked for loses its connection."""
    poison = OK + b"Content-Length: 6\r\n\r\npoison"
    async with talking([WHOLE, b"", b"", poison]) as (peer, http):
        await http.get(peer.url)
        await asyncio.sleep(0.05)
        assert (await http.get(peer.url)).body == b"hello"
        assert peer.connections == 2


async def test_a_kept_connection_that_ended_unseen_is_replaced_once():
    """A GET goes out again where a kept connection ended before a byte of the answer; a POST, and
    an answer that has begun, never do."""
    async with talking(WHOLE, [None], WHOLE, [None], WHOLE, [b"HTTP", None]) as (peer, http):
        await http.get(peer.url)
        assert (await http.get(peer.url)).body == b"hello"
        assert len(peer.requests) == 3
        with pytest.raises(errors.Transient):
            await http.post(peer.url, b"body")
        assert len(peer.requests) == 4
        await http.get(peer.url)
        await refused(http, peer.url)
        assert len(peer.requests) == 6


async def test_who_counts_calls_is_asked_before_one_goes_out_again():
    """Whoever counts may refuse it, and nothing is sent a second time then."""
    counted = []

    async def count():
        counted.append(len(peer.requests))
        if len(counted) > 1:
            raise errors.NoBalance("No further call.")

    async with talking(WHOLE, [None], WHOLE, [None]) as (peer, http):
        await http.get(peer.url, again=count)
        assert (await http.get(peer.url, again=count)).body == b"hello"
        assert counted == [2]
        with pytest.raises(errors.NoBalance):
            await http.get(peer.url, again=count)
        assert counted == [2, 4]
        assert len(peer.requests) == 4


async def test_a_call_given_up_leaves_no_answer_behind():
    """The answer to a call that was cancelled is never the answer to another."""
    async with talking([b"", ...]) as (peer, http):
        task = asyncio.create_task(http.get(peer.url))
        while not peer.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await http.get(peer.url)).body == b"hello"
        assert peer.connections == 2


async def test_connections_are_bounded():
    """Calls beyond the pool wait for their turn, within their deadline."""
    async with talking([...], connections=1, deadline=0.5) as (peer, http):
        assert [
            type(found).__name__
            for found in await asyncio.gather(
                http.get(peer.url), http.get(peer.url, deadline=0.1), return_exceptions=True
            )
        ] == ["Transient", "Transient"]
        assert peer.connections == 1
        assert (await http.get(peer.url)).body == b"hello"


async def test_a_body_is_posted():
    """A body goes out whole with its length and type."""
    async with talking() as (peer, http):
        kind = {"Content-Type": "application/timestamp-query", "User-Agent": "other"}
        answer = await http.post(peer.url, b"\x00\xff" * 10, headers=kind)
    (request,) = peer.requests
    assert answer.body == b"hello"
    assert request.startswith(b"POST /x?token=")
    assert b"Content-Length: 20\r\n" in request
    assert request.count(b"User-Agent") == 1
    assert request.endswith(b"\r\n\r\n" + b"\x00\xff" * 10)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x",
        "http://",
        "http://user:word@host/",
        "http://host:port/",
        "http://ho st/",
        "http://host/a b",
        "http://host?a=b",
        "http://host/\r\nX: 1",
        "http://host/ü",
        "nothing",
    ],
)
async def test_an_address_that_is_none_is_refused(url):
    """No part of a bad address goes out or into the error."""
    with pytest.raises(errors.Refused) as caught:
        await Http().get(url)
    assert url not in caught.value.message


async def test_a_header_cannot_carry_another():
    """A token with the end of a line in it is refused, and not shown."""
    with pytest.raises(errors.Refused) as caught:
        await Http().get("http://127.0.0.1:9/", headers={"Authorization": f"{SECRET}\r\nX: 1"})
    assert SECRET not in str(caught.value)


async def test_a_server_that_cannot_prove_itself_hears_nothing(tmp_path):
    """A certificate of nobody's is refused before a byte of the request goes out."""
    heard = []

    async def serve(reader, writer):
        heard.append(await reader.read())
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(tmp_path))
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    http = Http(deadline=5)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/?token={SECRET}"
    try:
        assert "could not prove who it is" in await refused(http, url)
    finally:
        await http.close()
        server.close()
    assert b"".join(heard) == b""


async def test_tls_works_where_the_certificate_is_known(tmp_path):
    """The same call over TLS, checked against a known certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    path = _certificate(tmp_path)
    context.load_cert_chain(path)
    peer, http = Peer(), Http(deadline=5)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=context)
    http._tls.load_verify_locations(path)
    try:
        for _ in range(2):
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            assert (await http.get(url)).body == b"hello"
        assert peer.connections == 1
    finally:
        await http.close()
        server.close()


async def test_a_dead_address_does_not_keep_a_living_one_waiting(monkeypatch):
    """Where one address of a host is dead or silent, the next one is tried soon."""
    async with talking() as (peer, http):
        port = int(peer.url.split(":")[2].split("/")[0])
        loop = asyncio.get_running_loop()

        async def found(*_, **__):
            silent = (socket.AF_INET6, socket.SOCK_STREAM, 0, "", ("::1", 9))
            return [silent, (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]

        real = http_dial._reach

        async def reach(address):
            if address[0] == socket.AF_INET6:
                await asyncio.sleep(60)
            return await real(address)

        monkeypatch.setattr(loop, "getaddrinfo", found)
        monkeypatch.setattr(http_dial, "_reach", reach)
        monkeypatch.setattr(http_dial, "HEAD_START", 0.01)
        async with asyncio.timeout(2):
            assert (await http.get(peer.url)).body == b"hello"


async def test_every_address_dead_is_told():
    """A host that nobody answers at is told by its name alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://localhost:{free.getsockname()[1]}/?token={SECRET}"
    http = Http(deadline=5)
    assert await refused(http, url) == "localhost accepts no connection."


def test_however_it_is_cut_and_spoiled_it_is_read_alike():
    """Thousands of answers, cut anywhere and spoiled at random: the pieces make no difference to
    what is read, and nothing but Broken, Dropped and TooLarge is ever raised."""
    picked = random.Random(7)
    seeds = [script for script, _ in GOOD.values() if isinstance(script, bytes)]
    seeds += [script for script in BAD.values() if isinstance(script, bytes) and len(script) < 500]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        for _ in range(4_000):
            raw = bytearray(picked.choice(seeds))
            for _ in range(picked.choice((0, 0, 1, 3))):
                raw[picked.randrange(len(raw))] = picked.choice(b"\r\n\0 :;,0159aAfF\xff")
            raw = bytes(raw[: picked.randrange(len(raw) + 1)]) if picked.random() < 0.2 else raw
            whole = _read(loop, [bytes(raw)])
            cuts = sorted(picked.randrange(len(raw) + 1) for _ in range(picked.randrange(6)))
            parts = [bytes(raw[a:b]) for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
            assert _read(loop, parts) == whole, bytes(raw)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


class _Pipe(asyncio.Transport):
    """Goes nowhere."""

    def __init__(self):
        super().__init__()
        self.closed = False

    def write(self, data):
        pass

    def abort(self):
        self.closed = True

    def is_closing(self):
        return self.closed


def _read(loop, parts):
    """What a connection makes of these bytes: status and body, or the kind of its error."""

    async def go():
        wire, pipe = http_wire.Wire(1 << 20, lambda _: None), _Pipe()
        wire.connection_made(pipe)
        answer = wire.ask(b"", 60)
        for part in parts:
            if part and not pipe.closed:
                wire.data_received(part)
        usable = wire.usable
        wire.connection_lost(None)
        assert answer.done()
        error = answer.exception()
        if error is not None:
            assert isinstance(error, Broken | http_wire.Dropped | http_wire.TooLarge)
            return type(error)
        status, headers, body = answer.result()
        return status, dict(headers), body, usable

    return loop.run_until_complete(go())


def _certificate(folder):
    """A key and a certificate of our own for 127.0.0.1."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(1))
        .not_valid_after(now + datetime.timedelta(1))
        .add_extension(place, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path
