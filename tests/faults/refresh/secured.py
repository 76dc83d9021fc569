"""Kafka behind TLS and a user's name: a door of the test's own before the mock cluster."""

import asyncio
import base64
import contextlib
import datetime
import hashlib
import hmac
import ipaddress
import ssl
import struct
from pathlib import Path

API_VERSIONS, HANDSHAKE, AUTHENTICATE = 18, 17, 36
USER, PASSWORD, SALT, ROUNDS = "ingather", "canary-kafka-secret", b"salt", 4096
_FAILED = 58
_HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}


class Certificates:
    """An authority in a folder, with certificates of it for the server and for a client."""

    def __init__(self, folder: Path) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        now = datetime.datetime.now(datetime.UTC)

        def name(words: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, words)])

        authority = ec.generate_private_key(ec.SECP256R1())

        def signed(words: str, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.Certificate:
            names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            built = (
                x509.CertificateBuilder()
                .subject_name(name(words))
                .issuer_name(name("authority"))
                .public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(days=1))
                .not_valid_after(now + datetime.timedelta(days=1))
                .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
                .add_extension(x509.SubjectAlternativeName(names), critical=False)
            )
            return built.sign(authority, hashes.SHA256())

        def write(file: str, words: str, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> Path:
            form = serialization.Encoding.PEM
            text = signed(words, key, ca=ca).public_bytes(form) + key.private_bytes(
                form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            (folder / file).write_bytes(text)
            return folder / file

        self.authority = write("ca.pem", "authority", authority, ca=True)
        self.server = write(
            "server.pem", "127.0.0.1", ec.generate_private_key(ec.SECP256R1()), ca=False
        )
        self.client = write(
            "client.pem", "client", ec.generate_private_key(ec.SECP256R1()), ca=False
        )

    def context(self, *, ask: bool = False) -> ssl.SSLContext:
        """The server's. ask: a client has to show a certificate of the authority."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.authority)
        context.load_cert_chain(self.server)
        context.verify_mode = ssl.CERT_REQUIRED if ask else ssl.CERT_NONE
        return context


class Door:
    """Listens before a broker. Where it knows mechanisms, nothing but the question for versions
    passes before a user has told the password by one of them."""

    def __init__(self, broker: str, context: ssl.SSLContext | None, *mechanisms: str) -> None:
        self._broker = broker.split(":")
        self._context = context
        self._mechanisms = mechanisms
        self.let_in = 0

    async def __aenter__(self) -> "Door":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._ways: set[asyncio.Task[None]] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for way in self._ways:
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._ways.add(task)
        there, back = await asyncio.open_connection(*self._broker)
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            if self._mechanisms and not await self._known(reader, writer, there, back):
                await asyncio.sleep(0.05)  # let the refusal be read
                writer.close()
            else:
                self.let_in += 1
                await asyncio.gather(_pass(reader, back), _pass(there, writer))
        writer.close()
        back.close()
        self._ways.discard(task)

    async def _known(self, reader, writer, there, back) -> bool:
        mechanism, talk = "", None
        while True:
            frame = await _frame(reader)
            api, _, number, named = struct.unpack(">hhih", frame[:10])
            body = frame[10 + max(0, named) :]
            if api == API_VERSIONS:
                back.write(_framed(frame))
                told = await _frame(there)  # correlation, error, count, (key, lowest, highest)*
                more = [(HANDSHAKE, 0, 1), (AUTHENTICATE, 0, 0)]
                count = struct.unpack(">i", told[6:10])[0] + len(more)
                rest = told[10:] + b"".join(struct.pack(">hhh", *each) for each in more)
                writer.write(_framed(told[:6] + struct.pack(">i", count) + rest))
            elif api == HANDSHAKE:
                mechanism = _text(body).decode()
                known = b"".join(_texted(each.encode()) for each in self._mechanisms)
                wrong = 0 if mechanism in self._mechanisms else 33
                told = struct.pack(">ihi", number, wrong, len(self._mechanisms)) + known
                writer.write(_framed(told))
                talk = Talk(mechanism)
            elif api == AUTHENTICATE and talk is not None:
                said = talk.step(body[4 : 4 + struct.unpack(">i", body[:4])[0]])
                error = struct.pack(">h", 0) if said is not None else struct.pack(">h", _FAILED)
                words = struct.pack(">h", -1) if said is not None else _texted(b"no")
                answer = said or b""
                told = struct.pack(">i", number) + error + words
                writer.write(_framed(told + struct.pack(">i", len(answer)) + answer))
                if said is None or talk.done:
                    return said is not None
            else:
                return False


class Talk:
    """One client's proof that it knows the password (RFC 4616, RFC 5802)."""

    def __init__(self, mechanism: str) -> None:
        self._hash = _HASHES.get(mechanism)
        self._first = b""
        self.done = False

    def step(self, said: bytes) -> bytes | None:
        """The answer, None where it is refused."""
        if self._hash is None:
            self.done = True
            return b"" if said.split(b"\0")[1:] == [USER.encode(), PASSWORD.encode()] else None
        if not self._first:
            self._client = said.partition(b"n,,")[2]
            nonce = dict(part.split(b"=", 1) for part in self._client.split(b","))[b"r"] + b"ours"
            self._first = b"r=%s,s=%s,i=%d" % (nonce, base64.b64encode(SALT), ROUNDS)
            return self._first
        self.done = True
        final, _, proof = said.rpartition(b",p=")
        whole = b",".join((self._client, self._first, final))
        salted = hashlib.pbkdf2_hmac(self._hash, PASSWORD.encode(), SALT, ROUNDS)

        def mac(key: bytes, text: bytes) -> bytes:
            return hmac.digest(key, text, self._hash)

        key = mac(salted, b"Client Key")
        stamp = mac(hashlib.new(self._hash, key).digest(), whole)
        wanted = bytes(one ^ other for one, other in zip(key, stamp, strict=True))
        if base64.b64decode(proof) != wanted:
            return None
        return b"v=" + base64.b64encode(mac(mac(salted, b"Server Key"), whole))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    return await reader.readexactly(size)


def _framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def _text(body: bytes) -> bytes:
    return body[2 : 2 + struct.unpack(">h", body[:2])[0]]


def _texted(words: bytes) -> bytes:
    return struct.pack(">h", len(words)) + words
