"""How one Kafka is spoken to: its addresses, TLS and a user's name, for all who speak to it."""

import contextlib
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ingather import errors

if TYPE_CHECKING:
    import ssl

    from faststream.security import BaseSecurity

_PATIENCE = 5.0


class KafkaLink(Struct, frozen=True, kw_only=True):
    """servers: HOST:PORT, several separated by commas. user, password: where Kafka asks who we are,
    told as `mechanism` says (PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512). tls: encrypted; ca_file: the
    authority to be believed, None for those of the system; cert_file, key_file: our certificate,
    where Kafka asks for one (PEM)."""

    servers: str
    tls: bool = False
    mechanism: str | None = None
    user: str | None = None
    password: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None

    def arguments(self) -> dict[str, Any]:
        """What aiokafka's clients take. Raises BadSetting where a file is none."""
        return {"bootstrap_servers": self.servers, **self._security()}

    def faststream(self) -> "BaseSecurity":
        """The same in FastStream's words."""
        from faststream import security

        context = self._context()
        if self.mechanism is None:
            return security.BaseSecurity(ssl_context=context)
        ways = {
            "PLAIN": security.SASLPlaintext,
            "SCRAM-SHA-256": security.SASLScram256,
            "SCRAM-SHA-512": security.SASLScram512,
        }
        way = ways[self.mechanism]
        return way(self.user or "", self.password or "", ssl_context=context)

    async def ask(self) -> None:
        """Speak to it as everything else would. Raises StoreUnavailable with what is wrong, which
        the clients themselves tell nobody."""
        from aiokafka.conn import create_conn
        from aiokafka.errors import KafkaError

        wrong: errors.StoreUnavailable | None = None
        for server in self.servers.split(","):
            host, _, port = server.strip().rpartition(":")
            with contextlib.suppress(ValueError):
                try:
                    way = await create_conn(
                        host.strip("[]"),
                        int(port),
                        request_timeout_ms=round(_PATIENCE * 1000),
                        **self._security(),
                    )
                except (KafkaError, TimeoutError, OSError) as failure:
                    wrong = self._told(server.strip(), failure)
                    continue
                way.close()
                return
        raise wrong or errors.StoreUnavailable(f"The Kafka at {self.servers} does not answer.")

    def _security(self) -> dict[str, Any]:
        protocol = "SSL" if self.tls else "PLAINTEXT"
        told: dict[str, Any] = {"ssl_context": self._context()}
        if self.mechanism is None:
            return told | {"security_protocol": protocol}
        return told | {
            "security_protocol": f"SASL_{protocol}",
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password,
        }

    def _context(self) -> "ssl.SSLContext | None":
        if not self.tls:
            return None
        import ssl

        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as failure:  # ssl.SSLError is one
            raise _unreadable("KAFKA_CA_FILE", self.ca_file, failure) from None
        if self.cert_file is not None:
            try:
                # A key behind a password would be asked for on the terminal.
                context.load_cert_chain(self.cert_file, self.key_file, password=lambda: b"")
            except OSError as failure:
                names = f"{self.cert_file} or {self.key_file or 'the key in it'}"
                raise _unreadable("KAFKA_CERT_FILE", names, failure) from None
        return context

    def _told(self, server: str, failure: Exception) -> errors.StoreUnavailable:
        """What is wrong, in words that hold no secret."""
        import ssl

        from aiokafka import errors as theirs

        where = f"The Kafka at {server}"
        if isinstance(failure, ssl.SSLCertVerificationError):
            return errors.StoreUnavailable(
                f"{where} does not prove that it is it: {failure.verify_message}.",
                hint="KAFKA_CA_FILE names the authority that signed its certificate; the host is"
                " written as the certificate has it.",
            )
        if isinstance(failure, ssl.SSLError):
            return errors.StoreUnavailable(
                f"{where} does not agree on TLS ({failure.reason}).",
                hint="KAFKA_SECURITY_PROTOCOL says whether it speaks TLS; KAFKA_CERT_FILE is our"
                " certificate where it asks for one.",
            )
        if isinstance(failure, theirs.SaslAuthenticationFailed | theirs.AuthenticationFailedError):
            return errors.StoreUnavailable(
                f"{where} refuses the user or the password.",
                hint="They are KAFKA_USERNAME and KAFKA_PASSWORD.",
            )
        if isinstance(failure, theirs.UnsupportedSaslMechanismError | theirs.IllegalSaslStateError):
            return errors.StoreUnavailable(
                f"{where} does not take a user in the way of {self.mechanism}.",
                hint="KAFKA_SASL_MECHANISM is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.",
            )
        if isinstance(failure, ConnectionRefusedError | TimeoutError):
            return errors.StoreUnavailable(f"{where} does not answer.")
        return errors.StoreUnavailable(
            f"{where} does not go on with us ({type(failure).__name__}).",
            hint="It may want TLS or a user (KAFKA_SECURITY_PROTOCOL), or a certificate of ours"
            " (KAFKA_CERT_FILE), or be no Kafka.",
        )


def _unreadable(name: str, value: str | None, failure: OSError) -> errors.BadSetting:
    import ssl

    why = "holds nothing readable in PEM" if isinstance(failure, ssl.SSLError) else failure.strerror
    return errors.BadSetting(f"{name} cannot be used: {value}: {why}.")
