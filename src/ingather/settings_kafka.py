"""The settings of Kafka, read together: what one of them is worth depends on the others."""

from collections.abc import Mapping

from ingather import errors
from ingather.stores.kafka_link import KafkaLink

_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def kafka(values: Mapping[str, str]) -> KafkaLink | None:
    """The Kafka that is named, None where none is. Raises BadSetting naming what contradicts
    what, never a password."""
    servers = values["KAFKA_BOOTSTRAP_SERVERS"]
    if not servers:
        return None
    _addresses(servers)
    protocol = _one_of("KAFKA_SECURITY_PROTOCOL", values, _PROTOCOLS)
    tls, named = protocol.endswith("SSL"), protocol.startswith("SASL")
    _only(values, ("KAFKA_USERNAME", "KAFKA_PASSWORD", "KAFKA_SASL_MECHANISM"), named, "SASL_SSL")
    _only(values, ("KAFKA_CA_FILE", "KAFKA_CERT_FILE", "KAFKA_KEY_FILE"), tls, "SSL or SASL_SSL")
    if named:
        for name in ("KAFKA_USERNAME", "KAFKA_PASSWORD"):
            if not values[name]:
                raise errors.BadSetting(
                    f"KAFKA_SECURITY_PROTOCOL is {protocol}, which takes {name}."
                )
    if values["KAFKA_KEY_FILE"] and not values["KAFKA_CERT_FILE"]:
        raise errors.BadSetting("KAFKA_KEY_FILE is the key of KAFKA_CERT_FILE, which is not set.")
    return KafkaLink(
        servers=servers,
        tls=tls,
        mechanism=_one_of("KAFKA_SASL_MECHANISM", values, _MECHANISMS) if named else None,
        user=values["KAFKA_USERNAME"] or None,
        password=values["KAFKA_PASSWORD"] or None,
        ca_file=values["KAFKA_CA_FILE"] or None,
        cert_file=values["KAFKA_CERT_FILE"] or None,
        key_file=values["KAFKA_KEY_FILE"] or None,
    )


def _addresses(servers: str) -> None:
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdecimal() or "/" in host or "@" in host:
            raise errors.BadSetting(
                "KAFKA_BOOTSTRAP_SERVERS is no list of addresses.",
                hint="It takes HOST:PORT, several separated by commas; a user's name and password"
                " are KAFKA_USERNAME and KAFKA_PASSWORD.",
            )


def _one_of(name: str, values: Mapping[str, str], known: tuple[str, ...]) -> str:
    """The value in capitals; the first of the known where it is not set."""
    value = (values[name] or known[0]).upper()
    if value not in known:
        raise errors.BadSetting(
            f"{name} is {values[name]!r}.", hint=f"It takes {', '.join(known)}."
        )
    return value


def _only(values: Mapping[str, str], names: tuple[str, ...], used: bool, where: str) -> None:
    """A setting that would be left unused is a mistake: the user believes that it protects."""
    for name in names:
        if values[name] and not used:
            raise errors.BadSetting(
                f"{name} is set, and KAFKA_SECURITY_PROTOCOL does not use it.",
                hint=f"Set KAFKA_SECURITY_PROTOCOL to {where}.",
            )
