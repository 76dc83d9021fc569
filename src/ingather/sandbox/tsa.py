"""A time-stamp authority (RFC 3161) whose root nobody pins: made anew for each sandbox.

Its answers are whole and verify under that root, which `root` gives in PEM, so that everything
but the trust can be tried.
"""

import hashlib
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from rfc3161_client._rust import parse_timestamp_request

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_DIGEST = "1.2.840.113549.1.9.4"
_CERTIFICATE = "1.2.840.113549.1.9.16.2.47"
_SHA256 = "2.16.840.1.101.3.4.2.1"
_ECDSA_SHA256 = "1.2.840.10045.4.3.2"
_POLICY = "1.3.6.1.4.1.4146.2.3"

_SEQUENCE, _SET, _INTEGER, _OCTETS, _TIME = 0x30, 0x31, 0x02, 0x04, 0x18


class Authority:
    """A root and a signer under it, valid from 2020 to 2040."""

    def __init__(self, name: str = "Sandbox time-stamps") -> None:
        root_key, self._key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root_name = _named(f"{name} root")
        self._root = (
            _certificate(root_name, root_name, root_key, 1)
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .sign(root_key, SHA256())
        )
        stamping = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        self._own = (
            _certificate(_named(name), root_name, self._key, 2)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(stamping, critical=True)
            .sign(root_key, SHA256())
        )
        self._serial = 0

    @property
    def root(self) -> bytes:
        """The root's certificate in PEM."""
        return self._root.public_bytes(Encoding.PEM)

    def answer(self, request: bytes, at: datetime | None = None) -> bytes:
        """The TimeStampResp in DER to a TimeStampReq in DER; ValueError where it is none.

        at: the moment to stamp, now where none is given.
        """
        asked = parse_timestamp_request(request)
        hashed, imprint = asked.message_imprint.hash_algorithm, asked.message_imprint.message
        moment = at or datetime.now(UTC)
        return self.stamp(imprint, moment, nonce=asked.nonce, algorithm=hashed.dotted_string)

    def stamp(
        self, imprint: bytes, at: datetime, *, nonce: int | None = None, algorithm: str = _SHA256
    ) -> bytes:
        """The TimeStampResp in DER over an imprint, which is a hash by `algorithm`."""
        self._serial += 1
        info = _der(
            _SEQUENCE,
            _integer(1),
            _oid(_POLICY),
            _der(_SEQUENCE, _algorithm(algorithm), _der(_OCTETS, imprint)),
            _integer(self._serial),
            _der(_TIME, at.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode()),
            b"" if nonce is None else _integer(nonce),
        )
        signed = _der(
            _SEQUENCE,
            _integer(3),
            _der(_SET, _algorithm(_SHA256)),
            _der(_SEQUENCE, _oid(_TST_INFO), _der(0xA0, _der(_OCTETS, info))),
            _der(0xA0, *sorted(map(self._der, (self._own, self._root)))),
            _der(_SET, self._signer(info)),
        )
        token = _der(_SEQUENCE, _oid(_SIGNED_DATA), _der(0xA0, signed))
        return _der(_SEQUENCE, _der(_SEQUENCE, _integer(0)), token)

    def _signer(self, info: bytes) -> bytes:
        digest = hashlib.sha256(info).digest()
        own = hashlib.sha256(self._der(self._own)).digest()
        named = _der(_SEQUENCE, _der(_SEQUENCE, _der(_SEQUENCE, _der(_OCTETS, own))))
        attributes = b"".join(
            sorted(
                (
                    _der(_SEQUENCE, _oid(_CONTENT_TYPE), _der(_SET, _oid(_TST_INFO))),
                    _der(_SEQUENCE, _oid(_DIGEST), _der(_SET, _der(_OCTETS, digest))),
                    _der(_SEQUENCE, _oid(_CERTIFICATE), _der(_SET, named)),
                )
            )
        )
        signature = self._key.sign(_der(_SET, attributes), ec.ECDSA(SHA256()))
        return _der(
            _SEQUENCE,
            _integer(1),
            _der(_SEQUENCE, self._own.issuer.public_bytes(), _integer(self._own.serial_number)),
            _algorithm(_SHA256),
            _der(0xA0, attributes),
            _der(_SEQUENCE, _oid(_ECDSA_SHA256)),
            _der(_OCTETS, signature),
        )

    @staticmethod
    def _der(certificate: x509.Certificate) -> bytes:
        return certificate.public_bytes(Encoding.DER)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, serial: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
    )


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def _integer(value: int) -> bytes:
    return _der(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _algorithm(oid: str) -> bytes:
    return _der(_SEQUENCE, _oid(oid), b"\x05\x00")


def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    body = bytes([40 * first + second])
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(0x80 | number & 0x7F)
        body += bytes(reversed(groups))
    return _der(0x06, body)
