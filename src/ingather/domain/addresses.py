"""Which addresses a program on this machine may be sent to by a stranger (server-side request
forgery: OWASP, "Server-Side Request Forgery Prevention Cheat Sheet")."""

import ipaddress
import re
from urllib.parse import urlsplit

from ingather import errors

_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII | re.IGNORECASE)
"""What a host ends with that is read as an IPv4 address, as 2130706433 or 0x7f.1 are (URL Standard,
"ends in a number"): no name ends so."""


def check_address(url: str, *, private: bool) -> None:
    """Raise BadInput for an address that no webhook may go to.

    private: addresses of this machine and its network are allowed, and http with them. A name is
    only looked up, and what it stands for judged, at each delivery.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port == 0 or parts.scheme not in ("https", "http") or not url.isascii():
        raise errors.BadInput("That is no address for a webhook.", hint="It begins with https://.")
    if parts.username is not None or parts.password is not None:
        raise errors.BadInput("A webhook's address cannot hold a name or a password.")
    literal = _literal(host)
    if private:
        return
    if parts.scheme != "https":
        raise errors.BadInput("A webhook takes https: its receipt is nobody else's business.")
    if literal is not None and not public(literal):
        raise errors.BadInput(
            "A webhook cannot go to this machine or its own network.",
            hint="The operator may allow it: INGATHER_WEBHOOK_PRIVATE=yes.",
        )


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is, None for a name; raises BadInput for one in disguise."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    if _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        raise errors.BadInput(
            "A webhook's address cannot hide its host in a number.",
            hint="Give its name, or all four parts of its address: https://example.com/.",
        )
    return None


def public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether it is on the open internet, whichever way it is wrapped up in IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _embedded(address)
        if inner is not None:
            return public(inner)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address within 64:ff9b::/96 (NAT64, RFC 6052) or ::/96 (long deprecated)."""
    prefix = int(address) >> 32
    if prefix in (0x64FF9B << 64, 0) and int(address) > 1:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
