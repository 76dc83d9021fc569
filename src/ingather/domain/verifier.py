"""Verifies a draw's receipt offline, with keys pinned here and never read from the receipt.

This file stands alone: it can be copied out of the program and run as `python FILE RECEIPT.json`
with rfc8785, cryptography and py_ecc beside it (and rfc3161-client, for a time-stamp). It is
written from the draw protocol, not from the code that draws, and imports nothing of it.

Exit codes: 0 proven, 1 false (it names the check), 4 not provable (and why), 2 wrong usage.
"""

import argparse
import base64
import binascii
import hashlib
import hmac
import importlib
import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

PROVEN, FALSE, NOT_PROVABLE, NOT_OFFLINE = (
    "proven",
    "false",
    "not provable",
    "not provable offline",
)
EXIT = {PROVEN: 0, FALSE: 1, NOT_PROVABLE: 4, NOT_OFFLINE: 4}

CHECKS = {
    "json": "the file is one JSON value in UTF-8, without a key twice",
    "canonical": "it is written as RFC 8785 says, byte for byte",
    "shape": "every field is there, of its type, and no other",
    "commitment": "the commitment's text has the commitment's hash",
    "published": "that is the hash which was published",
    "chain": "the beacon's key and times are those of the pinned chain",
    "round": "the round is the one that was committed to",
    "leaves": "the entries are as many as committed to, sorted, none twice",
    "root": "they hash to the committed root",
    "beacon": "the chain's key signed the round",
    "draw": "the ranks are those which the round draws",
    "opening": "the drawn entries are in the list, none of them twice or beyond the rules",
    "places": "winners and alternates follow from the ranks by the committed rules",
    "log": "the installation's log holds this draw",
    "key": "the installation is the one that was asked for",
    "signature": "the installation signed all of it",
    "anchor": "the time-stamp is over this commitment",
    "participants": "the comment ids hash to the participants' hash",
    "seed": "every seed follows from the record",
    "winners": "every winner follows from its seed, and none holds two slots where none may",
}
"""The checks by name, in the order in which they are made; the last three are draw/1's."""

NEVER_PROVEN = (
    "that the list holds every comment that was written under the post: deleted or hidden ones,"
    " and ones the export did not see, are not in it",
    "that every entry of the list was such a comment: only the drawn ones can be looked up",
    "that a winner was eligible in ways that the rules do not tell, such as age or country",
    "that one person has not entered from several accounts",
)
NOT_PROVEN_1 = (
    "that nobody steered it: the organiser chose the draw time, and trying about as many"
    " milliseconds as there are entrants puts a chosen one on top",
    "that the rules by which entrants were let in were fixed beforehand",
)
NOT_PROVEN_NAMES = (
    "that the users whom the record names wrote these comments: give --ids the export as CSV, or"
    " look the comments up",
)
NOT_PROVEN_2 = ("who ran it, unless the installation's key was pinned with --key",)


@dataclass(frozen=True)
class Chain:
    """A pinned beacon. public_key: hex. period: seconds. genesis: epoch seconds of round 1."""

    public_key: str
    period: int
    genesis: int


CHAINS = {
    "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971": Chain(
        "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a"
        "2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76"
        "eae8991ef5ece45a",
        3,
        1692803367,
    ),
}
"""drand's quicknet, by its chain hash. No receipt can add to it."""

AUTHORITIES = {
    "DigiCert Trusted Root G4": (
        "MIIFkDCCA3igAwIBAgIQBZsbV56OITLiOQe9p3d1XDANBgkqhkiG9w0BAQwFADBiMQswCQYDVQQGEwJVUzEVMBMG"
        "A1UEChMMRGlnaUNlcnQgSW5jMRkwFwYDVQQLExB3d3cuZGlnaWNlcnQuY29tMSEwHwYDVQQDExhEaWdpQ2VydCBU"
        "cnVzdGVkIFJvb3QgRzQwHhcNMTMwODAxMTIwMDAwWhcNMzgwMTE1MTIwMDAwWjBiMQswCQYDVQQGEwJVUzEVMBMG"
        "A1UEChMMRGlnaUNlcnQgSW5jMRkwFwYDVQQLExB3d3cuZGlnaWNlcnQuY29tMSEwHwYDVQQDExhEaWdpQ2VydCBU"
        "cnVzdGVkIFJvb3QgRzQwggIiMA0GCSqGSIb3DQEBAQUAA4ICDwAwggIKAoICAQC/5pBzaN675F1KPDAiMGkz7MKn"
        "JS7JIT3yithZwuEppz1Yq3aaza57G4QNxDAf8xukOBbrVsaXbR2rsnnyyhHS5F/WBTxSD1Ifxp4VpX6+n6lXFllV"
        "cq9ok3DCsrp1mWpzMpTREEQQLt+C8weE5nQ7bXHiLQwb7iDVySAdYyktzuxeTsiT+CFhmzTrBcZe7FsavOvJz82s"
        "NEBfsXpm7nfISKhmV1efVFiODCu3T6cw2Vbuyntd463JT17lNecxy9qTXtyOj4DatpGYQJB5w3jHtrHEtWoYOAMQ"
        "jdjUN6QuBX2I9YI+EJFwq1WCQTLX2wRzKm6RAXwhTNS8rhsDdV14Ztk6MUSaM0C/CNdaSaTC5qmgZ92kJ7yhTzm1"
        "EVgX9yRcRo9k98FpiHaYdj1ZXUJ2h4mXaXpI8OCiEhtmmnTK3kse5w5jrubU75KSOp493ADkRSWJtppEGSt+wJS0"
        "0mFt6zPZxd9LBADMfRyVw4/3IbKyEbe7f/LVjHAsQWCqsWMYRJUadmJ+9oCw++hkpjPRiQfhvbfmQ6QYuKZ3AeEP"
        "lAwhHbJUKSWJbOUOUlFHdL4mrLZBdd56rF+NP8m800ERElvlEFDrMcXKchYiCd98THU/Y+whX8QgUWtvsauGi0/C"
        "1kVfnSD8oR7FwI+isX4KJpn15GkvmB0t9dmpsh3lGwIDAQABo0IwQDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB"
        "/wQEAwIBhjAdBgNVHQ4EFgQU7NfjgtJxXWRM3y5nP+e6mK4cD08wDQYJKoZIhvcNAQEMBQADggIBALth2X2pbL4X"
        "xJEbw6GiAI3jZGgPVs93rnD5/ZpKmbnJeFwMDF/k5hQpVgs2SV1EY+CtnJYYZhsjDT156W1r1lT40jzBQ0CuHVD1"
        "UvyQO7uYmWlrx8GnqGikJ9yd+SeuMIW59mdNOj6PWTkiU0TryF0Dyu1Qen1iIQqAyHNm0aAFYF/opbSnr6j3bTWc"
        "fFqK1qI4mfN4i/RN0iAL3gTujJtHgXINwBQy7zBZLq7gcfJW5GqXb5JQbZaNaHqasjYUegbyJLkJEVDXCLG4iXqE"
        "I2FCKeWjzaIgQdfRnGTZ6iahixTXTBmyUEFxPT9NcCOGDErcgdLMMpSEDQgJlxxPwO5rIHQw0uA5NBCFIRUBCOhV"
        "Mt5xSdkoF1BN5r5N0XWs0Mr7QbhDparTwwVETyw2m+L64kW4I1NsBm9nVX9GtUw/bihaeSbSpKhil9Ie4u1Ki7wb"
        "/UdKDd9nZn6yW0HQO+T0O/QEY+nvwlQAUaCKKsnOeMzV6ocEGLPOr0mIr/OSmbaz5mEP0oUA51Aa5BuVnRmhuZyx"
        "m7EAHu/QD09CbMkKvO5D+jpxpchNJqU1/YldvIViHTLSoCtU7ZpXwdv6EM8Zt4tKG48BtieVU+i2iW1bvGjUI+iL"
        "UaJW+fCmgKDWHrO8Dw9TdSmq6hN35N6MgSGtBxBHEa2HPQfRdbzP82Z+"
    ),
    "GlobalSign Root CA - R6": (
        "MIIFgzCCA2ugAwIBAgIORea7A4Mzw4VlSOb/RVEwDQYJKoZIhvcNAQEMBQAwTDEgMB4GA1UECxMXR2xvYmFsU2ln"
        "biBSb290IENBIC0gUjYxEzARBgNVBAoTCkdsb2JhbFNpZ24xEzARBgNVBAMTCkdsb2JhbFNpZ24wHhcNMTQxMjEw"
        "MDAwMDAwWhcNMzQxMjEwMDAwMDAwWjBMMSAwHgYDVQQLExdHbG9iYWxTaWduIFJvb3QgQ0EgLSBSNjETMBEGA1UE"
        "ChMKR2xvYmFsU2lnbjETMBEGA1UEAxMKR2xvYmFsU2lnbjCCAiIwDQYJKoZIhvcNAQEBBQADggIPADCCAgoCggIB"
        "AJUH6HPKZvnsFMp7PPcNCPG0RQssgrRIxutbPK6DuEGSMxSkb3/pKszGsIhrxbaJ0cay/xTOURQh7ErdG1rG1ofu"
        "TToVBu1kZguSgMpE3nOUTvOniX9PeGMIyBJQbUJmL025eShNUhqKGoC3GYEOfsSKvGRMIRxDaNc9PIrFsmbVkJq3"
        "MQbFvuJtMgamHvm566qjuL++gmNQ0PAYid/kD3n16qIfKtJwLnvnvJO7bVPiSHyMEAc4/2ayd2F+4OqMPKq0pPbz"
        "lUoSB239jLKJz9CgYXfIWHSw1CM69106yqLbnQneXUQtkPGBzVeS+n68UARjNN9rkxi+azayOeSsJDa38O+2HBNX"
        "k7besvjihbdzorg1qkXy4J02oW9UivFyVm4uiMVRQkQVlO6jxTiWm05OWgtH8wY2SXcwvHE35absIQh1/OZhFj93"
        "1dmRl4QKbNQCTXTAFO39OfuD8l4UoQSwC+n+7o/hbguyCLNhZglqsQY6ZZZZwPA1/cnaKI0aEYdwgQqomnUdnjqG"
        "BQCe24DWJfncBZ4nWUx2OVvq+aWh2IMP0f/fMBH5hc8zSPXKbWQULHpYT9NLCEnFlWQaYw55PfWzjMpYrZxCRXlu"
        "DocZXFSxZba/jJvcE+kNb7gu3GduyYsRtYQUigAZcIN5kZeR1BonvzceMgfYFGM8KEyvAgMBAAGjYzBhMA4GA1Ud"
        "DwEB/wQEAwIBBjAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBSubAWjkxPioufi1xzWx/B/yGdToDAfBgNVHSME"
        "GDAWgBSubAWjkxPioufi1xzWx/B/yGdToDANBgkqhkiG9w0BAQwFAAOCAgEAgyXt6NH9lVLNnsAEoJFp5lzQhN7c"
        "raJP6Ed41mWYqVuoPId8AorRbrcWc+ZfwFSY1XS+wc3iEZGtIxg93eFyRJa0lV7Ae46ZeBZDE1ZXs6KzO7V33EBy"
        "rKPrmzU+sQghoefEQzd5Mr6155wsTLxDKZmOMNOsIeDjHfrYBzN2VAAiKrlNIC5waNrlU/yDXNOd8v9EDERm8tLj"
        "vUYAGm0CuiVdjaExUd1URhxN25mW7xocBFymFe944Hn+Xds+qkxV/ZoVqW/hpvvfcDDpw+5CRu3CkwWJ+n1jez/Q"
        "cYF8AOiYrg54NMMl+68KnyBr3TsTjxKM4kEaSHpzoHdpx7Zcf4LIHv5YGygrqGytXm3ABdJ7t+uA/iU3/gKbaKxC"
        "XcPu9czc8FB10jZpnOZ7BN9uBmm23goJSFmH63sUYHpkqmlD75HHTOwY3WzvUy2MmeFe8nI+z1TIvWfspA9MRf/T"
        "uTAjB0yPEL+GltmZWrSZVxykzLsViVO6LAUP5MSeGbEYNNVMnbrt9x+vJJUEeKgDu+6B5dpffItKoZB0JaezPkvI"
        "LFa9x8jvOOJckvB595yEunQtYQEgfn7R8k8HWV+LLUNS60YMlOH1Zkd5d9VUWx+tJDfLRVpOoERIyNiwmcUVhAn2"
        "1klJwGW45hpxbqCo8YLoRT5s1gLXCmeDBVrJpBA="
    ),
    "SSL.com Root Certification Authority RSA": (
        "MIIF3TCCA8WgAwIBAgIIeyyb0xaAMpkwDQYJKoZIhvcNAQELBQAwfDELMAkGA1UEBhMCVVMxDjAMBgNVBAgMBVRl"
        "eGFzMRAwDgYDVQQHDAdIb3VzdG9uMRgwFgYDVQQKDA9TU0wgQ29ycG9yYXRpb24xMTAvBgNVBAMMKFNTTC5jb20g"
        "Um9vdCBDZXJ0aWZpY2F0aW9uIEF1dGhvcml0eSBSU0EwHhcNMTYwMjEyMTczOTM5WhcNNDEwMjEyMTczOTM5WjB8"
        "MQswCQYDVQQGEwJVUzEOMAwGA1UECAwFVGV4YXMxEDAOBgNVBAcMB0hvdXN0b24xGDAWBgNVBAoMD1NTTCBDb3Jw"
        "b3JhdGlvbjExMC8GA1UEAwwoU1NMLmNvbSBSb290IENlcnRpZmljYXRpb24gQXV0aG9yaXR5IFJTQTCCAiIwDQYJ"
        "KoZIhvcNAQEBBQADggIPADCCAgoCggIBAPkP3aMrfcvQKv7sZ4Wm5y4bunfh4/WvpOz6Sl2RxFdHaxh3a3by/ZPk"
        "PQ/CFp4LZsNWlJ4Xg4XOVu/yFv0AYvUiCVToZRdOQbngT0aXqhvIuG5iXmmxX9sqAn78bMrzQdjt0Oj8P2FI7bAD"
        "FB0QDksZ4LtO7IZl/zbzXmcCC52GVWH9ejjt/uIZALdvoVBidXQ8oPrIJZK0bnoix/geoeOy3ZExqysdBP+lSgQ3"
        "6YWkMyv94tZVNHwZpEpox7Ko07fKoZOI68GXvIz5HdkihCR0xwQ9aqkpk8zruFvh/l8lqjRYyMEjVJ0bmBHDOJx+"
        "PYZspQ9AhnwC9FwCTyjLrnGfDzrIM/4RJTXq/LrFYD3ZfBjVsqnTdXgDciLKOsMf7yzlLqn6niy2UUb9rwPW6mBo"
        "6oUWNmuF6R7As93EJNyAKoFBbZQ+yODJgUEAnl6/f8UImKIYLEJAs/lvOCdLToD0PYFH4Ih86hzOtXVcUS4cK38a"
        "cijnALXRdMbX5J+tB5O2UzU1/Dfkw/ZdFr4hc96SCvigY2q8lpJqPvi8ZVWb3vUNiSYE/CUapiVpy8JtynziWV+X"
        "rOvvLsi81xtZPCvM8hnIk2snYxnP/Okm+Mpxm3+T/jRnhE6Z6/yzeAkzcLpmpnbtG3PrGqUNxCITIJRWCk4sbE6x"
        "/c+cCbqiM+2HAgMBAAGjYzBhMB0GA1UdDgQWBBTdBAkHovV6fVJTEpKV7jiAJQ2mWTAPBgNVHRMBAf8EBTADAQH/"
        "MB8GA1UdIwQYMBaAFN0ECQei9Xp9UlMSkpXuOIAlDaZZMA4GA1UdDwEB/wQEAwIBhjANBgkqhkiG9w0BAQsFAAOC"
        "AgEAIBgRlCn7Jp0cHh5wYfGVcpNxJK1ok1iOMq8bs3AD/CUrdIWQPXhq9LmLpZc7tRiRux6n+UBbkflVma8eEdBc"
        "Hadm47GUBwwyOabqG7B52B2ccETjit3E+ZUfijhDPwGFpUenPUayvOUiaPd7nNgsPgohyC0zrL/FgZkxdMF1ccW+"
        "sfAjRfSda/wZY52jvATGGAslu1OJD7OAUN5F7kR/q5R4ZJjT9ijdh9hwZXT7DrkT66cPYakylszeu+1jTBi7qUD3"
        "oFRuIIhxdRjqerQ0cuAjJ3dctpDqhiVAq+8zD8ufgr6iIPv2tS0a5sKFsXQP+8hlAqRSAUfdSSLBv9jra6x+3uxj"
        "MxW3IwiPxg+NQVrdjsW5j+VFP3jbutIbQLH+cU0/4IGiul607BXgk90IH37hVZkLId6Tngr75qNJvTYw/ud3sqB1"
        "l7UtgYgXZSD32pAAn8lSzDLKNXz1PQ/YK9f1JmzJBjSWFupwWRoyeXkLtoh/D1JIPb9s2KJELtFOt3JY04kTlf5E"
        "q/jXixtunLwsoFvVagCvXzfh1foQC5ichucmj87w7G6KVwuA406ywKBjYZC6VWg3dGq2ktufoYYitmUnDuy2n0Jg"
        "5GfCtdpBC8TTi2EbvPofkSvXRAdeuims2cXp71NIWuuA8ShYIc2wBlX7Jz9TkHCpBB5XJ7k="
    ),
    "USERTrust RSA Certification Authority (Sectigo)": (
        "MIIF3jCCA8agAwIBAgIQAf1tMPyjylGoG7xkDjUDLTANBgkqhkiG9w0BAQwFADCBiDELMAkGA1UEBhMCVVMxEzAR"
        "BgNVBAgTCk5ldyBKZXJzZXkxFDASBgNVBAcTC0plcnNleSBDaXR5MR4wHAYDVQQKExVUaGUgVVNFUlRSVVNUIE5l"
        "dHdvcmsxLjAsBgNVBAMTJVVTRVJUcnVzdCBSU0EgQ2VydGlmaWNhdGlvbiBBdXRob3JpdHkwHhcNMTAwMjAxMDAw"
        "MDAwWhcNMzgwMTE4MjM1OTU5WjCBiDELMAkGA1UEBhMCVVMxEzARBgNVBAgTCk5ldyBKZXJzZXkxFDASBgNVBAcT"
        "C0plcnNleSBDaXR5MR4wHAYDVQQKExVUaGUgVVNFUlRSVVNUIE5ldHdvcmsxLjAsBgNVBAMTJVVTRVJUcnVzdCBS"
        "U0EgQ2VydGlmaWNhdGlvbiBBdXRob3JpdHkwggIiMA0GCSqGSIb3DQEBAQUAA4ICDwAwggIKAoICAQCAEmUXNg7D"
        "2wiz0KxXDXbtzSfTTK1Qg2HiqiBNCS1kCdzOiZ/MPans9s/B3PHTsdZ7NygRK0faOca8Ohm0X6a9fZ2jY0K2dvKp"
        "OyuR+OJv0OwWIJAJPuLodMkYtJHUYmTbf6MG8YgYapAiPLz+E/CHFHv25B+O1ORRxhFnRghRy4YUVD+8M/5+bJz/"
        "Fp0YvVGONaanZshyZ9shZrHUm3gDwFA66Mzw3LyeTP6vBZY1H1dat//O+T23LLb2VN3I5xI6Ta5MirdcmrS3ID3K"
        "fyI0rn47aGYBROcBTkZTmzNg95S+UzeQc0PzMsNT79uq/nROacdrjGCT3sTHDN/hMq7MkztReJVni+49Vv4M0GkP"
        "Gw/zJSZrM233bkf6c0Plfg6lZrEpfDKEY1WJxA3Bk1QwGROs0303p+tdOmw1XNtB1xLaqUkL39iAigmTYo61Zs8l"
        "iM2EuLE/pDkP2QKe6xJMlXzzawWpXhaDzLhn4ugTncxbgtNMs+1b/97lc6wjOy0AvzVVdAlJ2ElYGn+SNuZRkg7z"
        "Jn0cTRe8yexDJtC/QV9AqURE9JnnV4eeUB9XVKg+/XRjL7FQZQnmWEIuQxpMtPAlR1n6BB6T1CZGSlCBst6+eLf8"
        "ZxXhyVeEHg9j1uliutZfVS7qXMYoCAQlObgOK6nyTJccBz8NUvXt7y+CDwIDAQABo0IwQDAdBgNVHQ4EFgQUU3m/"
        "WqorSs9UgOHYm8Cd8rIDZsswDgYDVR0PAQH/BAQDAgEGMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQEMBQAD"
        "ggIBAFzUfA3P9wF9QZllDHPFUp/L+M+ZBn8b2kMVn54CVVeWFPFSPCeHlCjtHzoBN6J2/FNQwISbxmtOuowhT6KO"
        "VWKR82kV2LyI48SqC/3vqOlLVSoGIG1VeCkZ7l8wXEskEVX/JJpuXior7gtNn3/3ATiUFJVDBwn7YKnuHKsSjKCa"
        "XqeYalltiz8I+8jRRa8YFWSQEg9zKC7F4iRO/Fjs8PRF/iKz6y+O0tlFYQXBl2+odnKPi4w2r78NBc5xjeambx9s"
        "pnFixdjQg3IM8WcRiQycE0xyNN+81XHfqnHd4blsjDwSXWXavVcStkNr/+XeTWYRUc+ZruwXtuhxkYzeSf7dNXGi"
        "FSeUHM9h4ya7b6NnJSFd5t0dCy5oGzuCr+yDZ4XUmFF0sbmZgIn/f3gZXHlKYC6SQK5MNyosycdiyA5d9zZbyuAl"
        "JQG03RoHnHcAP9Dc1ew91Pq7P8yF1m9/qS3fuQL39ZeatTXaw2ewh0qpKJ4jjv9cJ2vhsE/zB+4ALtRZh8tSQZXq"
        "9EfX7mRBVXyNWQKV3WKdwrnuWih0hKWbt5DHDAff9Yk2dDLWKMGwsAvgnEzDHNb842m1R0aBL6KCq9NjRHDEjf8t"
        "M7qtj3u1cIiuPhnPQCjY/MiQu12ZIvVS5ljFH4gxQ+6IHdfGjjxDah2nGN59PRbxYvnKkKj9"
    ),
}
"""Roots of time-stamp authorities (DER in base64): DigiCert, GlobalSign, SSL.com, Sectigo."""


@dataclass(frozen=True)
class Verdict:
    """What can be said of a receipt. check: the one that failed. protocol: 1 or 2, None where the
    file is neither. facts: what was found, for people. unproven: what no check can tell."""

    verdict: str
    why: str
    check: str | None = None
    protocol: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    unproven: tuple[str, ...] = NEVER_PROVEN

    @property
    def exit_code(self) -> int:
        """0 proven, 1 false, 4 not provable."""
        return EXIT[self.verdict]


class Falsified(Exception):
    """A check failed."""

    def __init__(self, check: str, why: str) -> None:
        super().__init__(why)
        self.check, self.why = check, why


@dataclass(frozen=True)
class Asked:
    """What the verifying person knows from elsewhere.

    published: the hash that the public saw before the round. key: fingerprint of the
    installation's key. ids: comment ids of a draw/1. writers: of these comments the user id and
    the username, where the list tells them. exported: every comment id of the export that the ids
    were taken from, where it was one; rules may have left some of them out. roots: further
    time-stamp roots, in DER. rehearsals: further chains by their hash, over which nothing can be
    proven.
    """

    published: str | None = None
    key: str | None = None
    ids: Sequence[str] | None = None
    writers: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    exported: Sequence[str] = ()
    roots: Sequence[bytes] = ()
    rehearsals: Mapping[str, Chain] = field(default_factory=dict)


def verify(text: bytes, asked: Asked | None = None) -> Verdict:
    """The verdict on a receipt of draw/2, or on a record of draw/1 (a GiveawayRecord as JSON)."""
    asked = asked or Asked()
    protocol = None
    try:
        found = _parsed(text)
        first = "participantsHash" in found
        protocol = 1 if first else 2
        return _verify1(found, asked) if first else _Receipt(text, found, asked).verdict()
    except Falsified as failed:
        return Verdict(FALSE, failed.why, check=failed.check, protocol=protocol)


# --- reading strictly -------------------------------------------------------------------------


def _parsed(text: bytes) -> dict[str, Any]:
    def pairs(listed: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(listed)
        if len(made) != len(listed):
            raise ValueError("a key is there twice")
        return made

    def constant(name: str) -> float:
        raise ValueError(f"{name} is no JSON")

    try:
        found = json.loads(text.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant)
    except RecursionError:
        raise Falsified("json", "The file is nested too deeply to be a receipt.") from None
    except ValueError as failure:
        raise Falsified("json", f"The file is not strict JSON: {failure}.") from None
    if not isinstance(found, dict):
        raise Falsified("json", "The file is not a JSON object.")
    if re.search(r"\\u[dD][89a-fA-F]", text.decode()) and _half(found):
        raise Falsified("json", "A text in the file holds half a character.")
    return found


def _half(value: Any) -> bool:
    """Whether there is a surrogate without its other half, which no UTF-8 can write."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _canonical(value: Any) -> bytes:
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError) as failure:
        raise Falsified("canonical", f"It has no canonical writing: {failure}.") from None


Spec = Any
"""A test of a value, a dict of specs (these keys, no others), a list of one spec (a list of
such), or a tuple of specs (any of them)."""


def _fits(value: Any, spec: Spec, where: str) -> None:
    """Raise Falsified, naming the field, where a value has not its shape."""
    if isinstance(spec, dict):
        if type(value) is not dict or set(value) != set(spec):
            raise Falsified("shape", f"{where} has not exactly the fields {', '.join(spec)}.")
        for name, inner in spec.items():
            _fits(value[name], inner, f"{where}.{name}")
    elif isinstance(spec, list):
        if type(value) is not list:
            raise Falsified("shape", f"{where} is not a list.")
        for i, each in enumerate(value):
            _fits(each, spec[0], f"{where}[{i}]")
    elif isinstance(spec, tuple):
        if not any(_fitting(value, inner) for inner in spec):
            raise Falsified("shape", f"{where} is none of the things that it may be.")
    elif not spec(value):
        raise Falsified("shape", f"{where} is not what it should be.")


def _fitting(value: Any, spec: Spec) -> bool:
    try:
        _fits(value, spec, "")
    except Falsified:
        return False
    return True


def _is(kind: type) -> Callable[[Any], bool]:
    return lambda value: type(value) is kind


def _none(value: Any) -> bool:
    return value is None


def _matching(pattern: str) -> Callable[[Any], bool]:
    compiled = re.compile(pattern)
    return lambda value: type(value) is str and bool(compiled.fullmatch(value))


def _from(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and value >= least


def _one_of(*values: str) -> Callable[[Any], bool]:
    return lambda value: type(value) is str and value in values


def _hex(length: int) -> Callable[[Any], bool]:
    return _matching(f"[0-9a-f]{{{2 * length}}}")


_TEXT = _is(str)
_TIME = _matching(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_ENTRY = {"id": _TEXT, "n": _from(1), "th": _hex(32), "ts": _matching(r"[^\n]*Z"), "u": _TEXT}

SHAPE: dict[str, Any] = {
    "v": _one_of("ingather/receipt/2"),
    "commit": _hex(32),
    "commitment": {
        "v": _one_of("ingather/draw/2"),
        "posts": [{"id": _TEXT, "published_at": (_none, _TEXT), "permalink": (_none, _TEXT)}],
        "rules": _is(dict),
        "snapshot": _is(dict),
        "entries": {"n": _from(1), "root": _hex(32)},
        "beacon": {
            "chain": _hex(32),
            "public_key": _hex(96),
            "round": _from(1),
            "time": _TIME,
        },
        "log": {"seq": _from(1), "prev": (_none, _hex(32))},
    },
    "anchors": [
        (
            {"type": _one_of("rfc3161"), "token": _matching(r"[A-Za-z0-9+/]+={0,2}")},
            {"type": _one_of("comment"), "id": _TEXT, "username": _TEXT, "timestamp": _TIME},
        )
    ],
    "beacon": {"round": _from(1), "signature": _hex(48)},
    "leaves": [_hex(32)],
    "drawn": [
        {
            "rank": _from(1),
            "position": _from(0),
            "status": _one_of("winner", "alternate", "already won", "disqualified"),
            "number": (_none, _from(1)),
            "opening": (_none, {"entry": _ENTRY, "salt": _hex(16)}),
        }
    ],
    "disqualified": [{"rank": _from(1), "reason": _matching(r"(?s).*[^ \t\r\n].*"), "at": _TIME}],
    "log": {
        "written": _TIME,
        "draws": [
            {
                "seq": _from(1),
                "commit": _hex(32),
                "state": _one_of("drawn", "waiting", "never drawn"),
            }
        ],
    },
    "installation": {"public_key": _hex(32), "signature": _hex(64)},
}
"""A receipt of draw/2, field by field."""

RULES: dict[str, Callable[[Any], bool]] = {
    "winners": _from(1),
    "alternates": _from(0),
    "unique_users": _is(bool),
    "unique_winners": _is(bool),
}
"""The rules that decide the draw; further ones are words about who was let in."""


# --- draw/2 -----------------------------------------------------------------------------------


class _Receipt:
    """One receipt under examination: cheap checks first, the pairing near the end."""

    def __init__(self, text: bytes, found: dict[str, Any], asked: Asked) -> None:
        self.asked = asked
        self.found = found
        self._canonical(text)
        _fits(found, SHAPE, "receipt")
        self.said: dict[str, Any] = found["commitment"]
        for name, fits in RULES.items():
            if not fits(self.said["rules"].get(name)):
                raise Falsified("shape", f"commitment.rules.{name} is not what it should be.")
        self.commit = bytes.fromhex(found["commit"])
        named = self.said["beacon"]["chain"]
        self.pinned = named in CHAINS
        self.chain = CHAINS.get(named) or asked.rehearsals.get(named)
        self.masked = any(each["opening"] is None for each in found["drawn"])

    def _canonical(self, text: bytes) -> None:
        if _canonical(self.found) != text.removesuffix(b"\n"):
            raise Falsified("canonical", "The file is not the canonical writing of what it says.")

    def verdict(self) -> Verdict:
        """Make every check; Falsified where one fails."""
        self._commitment()
        self._beacon_times()
        self._list()
        order = self._order()
        self._openings()
        self._places(order)
        self._log()
        self._installation()
        stamps = [self._stamp(each["token"]) for each in self._anchors("rfc3161")]
        if self.chain is not None and not beacon_holds(
            self.chain.public_key,
            self.found["beacon"]["round"],
            bytes.fromhex(self.found["beacon"]["signature"]),
        ):
            raise Falsified("beacon", "The beacon's key did not sign this round so.")
        return self._judged(stamps)

    def _commitment(self) -> None:
        text = _canonical(self.said)
        if hashlib.sha256(b"ingather/draw/2/commit\x00" + text).digest() != self.commit:
            raise Falsified("commitment", "The commitment is not the one that its hash names.")
        if self.asked.published is not None and self.asked.published != self.found["commit"]:
            raise Falsified(
                "published",
                f"The published hash is {self.asked.published}, this receipt's is"
                f" {self.found['commit']}.",
            )

    def _beacon_times(self) -> None:
        beacon = self.said["beacon"]
        if self.found["beacon"]["round"] != beacon["round"]:
            raise Falsified(
                "round",
                f"Round {beacon['round']} was committed to, and round"
                f" {self.found['beacon']['round']} was drawn with.",
            )
        if self.chain is None:
            return
        if beacon["public_key"] != self.chain.public_key:
            raise Falsified("chain", "The beacon's key is not the one pinned for its chain.")
        try:
            due = _iso(self._round_time())
        except (ValueError, OverflowError, OSError):
            raise Falsified("chain", "The round does not come within the calendar.") from None
        if beacon["time"] != due:
            raise Falsified("chain", "The round does not come at the time that it says.")

    def _round_time(self) -> float:
        """Epoch seconds of the committed round; its own word for it where the chain is unknown."""
        if self.chain is None:
            return _epoch(self.said["beacon"]["time"])
        since: int = (self.said["beacon"]["round"] - 1) * self.chain.period
        return self.chain.genesis + since

    def _list(self) -> None:
        leaves = [bytes.fromhex(leaf) for leaf in self.found["leaves"]]
        if len(leaves) != self.said["entries"]["n"]:
            raise Falsified(
                "leaves",
                f"{self.said['entries']['n']} entries were committed to, and {len(leaves)} are"
                " listed.",
            )
        if any(one >= other for one, other in pairwise(leaves)):
            raise Falsified("leaves", "The entries are not sorted, or one is there twice.")
        if _root(leaves).hex() != self.said["entries"]["root"]:
            raise Falsified("root", "The entries are not the ones that were committed to.")

    def _order(self) -> Iterator[int]:
        """Check the drawn positions; the order, to be read on from behind them."""
        signature = bytes.fromhex(self.found["beacon"]["signature"])
        extracted = hmac.digest(self.commit, signature, "sha256")
        key = hmac.digest(extracted, b"ingather/draw/2\x01", "sha256")
        order = _ranks(key, len(self.found["leaves"]))
        for i, each in enumerate(self.found["drawn"], 1):
            if each["rank"] != i or each["position"] != next(order, None):
                raise Falsified("draw", f"Rank {i} is not the entry that the round draws.")
        return order

    def _openings(self) -> None:
        """The drawn entries are leaves of the list, none is there twice under two salts, and none
        stands there by more than the rules grant: a comment's bonus, a user's one comment."""
        seen: set[tuple[str, int]] = set()
        most, once = 1 + _bonus(self.said["rules"]), self.said["rules"]["unique_users"]
        stands: dict[str, str] = {}
        for each in self.found["drawn"]:
            opening = each["opening"]
            if opening is None:
                continue
            entry = (opening["entry"]["id"], opening["entry"]["n"])
            if entry in seen:
                raise Falsified(
                    "opening", f"Rank {each['rank']} is an entry that was drawn before."
                )
            seen.add(entry)
            if entry[1] > most:
                raise Falsified(
                    "opening",
                    f"Rank {each['rank']} is entry {entry[1]} of its comment; the committed rules"
                    f" grant {most} at the most.",
                )
            if once and stands.setdefault(opening["entry"]["u"], entry[0]) != entry[0]:
                raise Falsified(
                    "opening",
                    f"Rank {each['rank']} is a second comment of its user; the committed rules let"
                    " each user take part with one.",
                )
            text = bytes.fromhex(opening["salt"]) + _canonical(opening["entry"])
            leaf = hashlib.sha256(b"\x00" + text).hexdigest()
            if leaf != self.found["leaves"][each["position"]]:
                raise Falsified(
                    "opening", f"Rank {each['rank']} is not the entry that stands in the list."
                )

    def _places(self, order: Iterator[int]) -> None:
        """Walk the ranks by the committed rules and compare."""
        drawn = self.found["drawn"]
        struck = [each["rank"] for each in self.found["disqualified"]]
        if struck != sorted(set(struck)) or any(rank > len(drawn) for rank in struck):
            raise Falsified("places", "A disqualified rank was not drawn, or stands twice.")
        wanted = (self.said["rules"]["winners"], self.said["rules"]["alternates"])
        given = (0, 0)
        holding: set[str] = set()
        for each in drawn:
            if given == wanted:
                raise Falsified("places", f"Rank {each['rank']} is drawn beyond the places.")
            status = self._status(each, struck, holding, given[0] < wanted[0])
            number = None
            if status in ("winner", "alternate"):
                given = (given[0] + (status == "winner"), given[1] + (status == "alternate"))
                number = given[status == "alternate"]
                holding |= {each["opening"]["entry"]["u"]} if each["opening"] else set()
            if (status, number) != (each["status"], each["number"]):
                raise Falsified(
                    "places",
                    f"Rank {each['rank']} is said to be {each['status']}, and is {status}.",
                )
        if given != wanted and next(order, None) is not None:
            raise Falsified("places", "The ranks end before every place is given.")

    def _status(
        self, each: dict[str, Any], struck: Sequence[int], holding: set[str], winning: bool
    ) -> str:
        """What a rank is by the rules. Behind a mask, `already won` has to be believed."""
        if each["rank"] in struck:
            return "disqualified"
        if self.said["rules"]["unique_winners"]:
            opening = each["opening"]
            again = each["status"] == "already won"
            if opening["entry"]["u"] in holding if opening else again:
                return "already won"
        return "winner" if winning else "alternate"

    def _log(self) -> None:
        draws, own = self.found["log"]["draws"], self.said["log"]
        numbers = [each["seq"] for each in draws]
        if numbers != sorted(set(numbers)):
            raise Falsified("log", "The log is not in order.")
        by_number = {each["seq"]: each for each in draws}
        here = by_number.get(own["seq"])
        if here is None or here["commit"] != self.found["commit"] or here["state"] != "drawn":
            raise Falsified("log", "The log does not hold this draw.")
        before = by_number.get(own["seq"] - 1)
        if before is not None and before["commit"] != own["prev"]:
            raise Falsified("log", "The commitment does not link to the one before it.")
        if (own["prev"] is None) != (own["seq"] == 1):
            raise Falsified("log", "Only the first commitment links to none.")

    def _installation(self) -> None:
        own = bytes.fromhex(self.found["installation"]["public_key"])
        named = hashlib.sha256(own).hexdigest()
        if self.asked.key is not None and self.asked.key != named:
            raise Falsified("key", f"The receipt is signed by the installation {named}.")
        plain = {
            **self.found,
            "drawn": [{**each, "opening": None} for each in self.found["drawn"]],
            "installation": {"public_key": self.found["installation"]["public_key"]},
        }
        text = b"ingather/draw/2/receipt\x00" + _canonical(plain)
        signature = bytes.fromhex(self.found["installation"]["signature"])
        try:
            Ed25519PublicKey.from_public_bytes(own).verify(signature, text)
        except (InvalidSignature, ValueError):
            raise Falsified("signature", "The installation did not sign this receipt.") from None

    def _anchors(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.found["anchors"] if each["type"] == kind]

    def _stamp(self, token: str) -> "Stamped":
        return read_stamp(token, self.commit, self.asked.roots)

    def _judged(self, stamps: "Sequence[Stamped]") -> Verdict:
        facts = self._facts(stamps)
        if not self.pinned and self.chain is not None:
            return self._not(
                "it is a rehearsal: all of it fits, and anybody can compute the rounds of its"
                " beacon beforehand",
                facts,
            )
        if not self.pinned:
            return self._not(
                "its beacon is none that this verifier pins; a rehearsal, or a chain whose rounds"
                " somebody may know beforehand",
                facts,
            )
        if self.masked:
            return self._not("its names are masked; ask the organiser for the whole receipt", facts)
        due = self._round_time()
        early = [each for each in stamps if each.at is not None and each.at < due]
        posted = [each for each in self._anchors("comment") if _epoch(each["timestamp"]) < due]
        trusted = [each for each in early if each.authority]
        if trusted and self.asked.published:
            when = _iso(trusted[0].at or 0)
            return Verdict(
                PROVEN,
                f"the published commitment existed on {when}, before its round, and these winners"
                " follow from it",
                protocol=2,
                facts=facts,
                unproven=self._unproven(),
            )
        if posted:
            one = posted[0]
            return self._not(
                f"look at the comment {one['id']} of @{one['username']} under the post: it has to"
                f" say {self.found['commit']} and be of {one['timestamp']}, unedited",
                facts,
                NOT_OFFLINE,
            )
        if trusted:
            return self._not(
                "a time stamp alone proves nothing, for many commitments may have been stamped in"
                " silence: give the hash that the public saw before the round, with --commit",
                facts,
            )
        return self._not(self._why_not(stamps), facts)

    def _why_not(self, stamps: "Sequence[Stamped]") -> str:
        late = [each for each in stamps if each.at is not None and each.trouble is None]
        for each in stamps:
            if each.trouble:
                return each.trouble
        if late or self._anchors("comment"):
            return "its anchor is not earlier than the round, so it could have been made up after"
        return "nothing outside the installation shows that the commitment came before the round"

    def _not(self, why: str, facts: dict[str, Any], verdict: str = NOT_PROVABLE) -> Verdict:
        return Verdict(verdict, why, protocol=2, facts=facts, unproven=self._unproven())

    def _unproven(self) -> tuple[str, ...]:
        return NEVER_PROVEN if self.asked.key else (*NEVER_PROVEN, *NOT_PROVEN_2)

    def _name(self, drawn: dict[str, Any]) -> str:
        return str(drawn["opening"]["entry"]["u"]) if drawn["opening"] else "(masked)"

    def _flaws(self) -> list[str]:
        """What the export was known to lack, in the words that were committed to."""
        told = self.said["snapshot"].get("words")
        flaws = [each for each in told if type(each) is str] if type(told) is list else []
        if not flaws and self.said["snapshot"].get("complete") is not True:
            return ["The receipt does not say that its export was complete."]
        return flaws

    def _again(self) -> list[dict[str, Any]]:
        """Places of users who lost one, where each may win once. The protocol takes ranks away and
        is silent about a user's others, so this is told and no check fails by it."""
        if not self.said["rules"]["unique_winners"]:
            return []
        opened = [each for each in self.found["drawn"] if each["opening"]]
        lost = {self._name(each) for each in opened if each["status"] == "disqualified"}
        return [
            {"rank": each["rank"], "username": self._name(each)}
            for each in opened
            if each["number"] is not None and self._name(each) in lost
        ]

    def _facts(self, stamps: "Sequence[Stamped]") -> dict[str, Any]:
        draws = self.found["log"]["draws"]
        own = self.said["log"]["seq"]
        return {
            "commit": self.found["commit"],
            "posts": [each["permalink"] or each["id"] for each in self.said["posts"]],
            "entries": self.said["entries"]["n"],
            "round": self.said["beacon"]["round"],
            "round_time": self.said["beacon"]["time"],
            "winners": [
                self._name(each) for each in self.found["drawn"] if each["status"] == "winner"
            ],
            "disqualified": [
                {**each, "username": self._name(self.found["drawn"][each["rank"] - 1])}
                for each in self.found["disqualified"]
            ],
            "again": self._again(),
            "flaws": self._flaws(),
            "draw": [each["seq"] for each in draws].index(own) + 1,
            "draws_of_post": len(draws),
            "log_written": self.found["log"]["written"],
            "installation": hashlib.sha256(
                bytes.fromhex(self.found["installation"]["public_key"])
            ).hexdigest(),
            "anchors": [asdict(each) for each in stamps] + self._anchors("comment"),
        }


def _bonus(rules: dict[str, Any]) -> int:
    """The entries that all bonus rules together may add to one comment."""
    listed = rules.get("bonus")
    bonuses = listed if type(listed) is list else []
    told = [each.get("entries") for each in bonuses if type(each) is dict]
    return sum(each for each in told if type(each) is int and each > 0)


def _root(level: list[bytes]) -> bytes:
    """The root of RFC 6962's tree, pair by pair upwards."""
    while len(level) > 1:
        odd = [level[-1]] if len(level) % 2 else []
        level = [
            hashlib.sha256(b"\x01" + level[i] + level[i + 1]).digest()
            for i in range(0, len(level) - 1, 2)
        ] + odd
    return level[0]


def _ranks(key: bytes, n: int) -> Iterator[int]:
    """Fisher-Yates over ChaCha20's key stream, words of 8 bytes, biased words rejected."""
    stream = Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor()
    swapped: dict[int, int] = {}
    for i in range(n):
        left = n - i
        word = 1 << 64
        while word >= (1 << 64) - (1 << 64) % left:
            word = int.from_bytes(stream.update(bytes(8)), "big")
        j = i + word % left
        yield swapped.get(j, j)
        swapped[j] = swapped.get(i, i)


# --- the beacon -------------------------------------------------------------------------------

_DST = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


def beacon_holds(public_key: str, round_number: int, signature: bytes) -> bool:
    """Whether the chain's key signed the round (drand's scheme bls-unchained-g1-rfc9380).

    public_key: 96 bytes in hex, one of the pinned ones. signature: 48 bytes, of which only the
    one canonical writing is accepted, because the draw's key is made of these bytes.
    About 0.2 s in pure Python; 3 ms where the package drand-verify is installed.
    """
    if len(signature) != 48 or not 0 < round_number < 1 << 64:
        return False
    try:
        native: Any = importlib.import_module("drand_verify")
    except ImportError:
        return _holds_in_python(public_key, round_number, signature)
    try:
        native.verify_quicknet(round_number, signature.hex(), public_key)
    except ValueError:
        return False
    return True


@lru_cache(16)
def _holds_in_python(public_key: str, round_number: int, signature: bytes) -> bool:
    deepest = sys.getrecursionlimit()
    points: Any = importlib.import_module("py_ecc.bls.g2_primitives")
    hashing: Any = importlib.import_module("py_ecc.bls.hash_to_curve")
    curve: Any = importlib.import_module("py_ecc.optimized_bls12_381")
    # Its import allows a recursion a hundred times deeper, which no stack holds: afterwards JSON
    # that is nested deeply enough would end the process.
    sys.setrecursionlimit(deepest)
    try:
        point = points.pubkey_to_G1(signature)  # its keys lie in G1, as this chain's signatures do
    except ValueError:
        return False
    if curve.is_inf(point) or not points.subgroup_check(point):
        return False
    if points.G1_to_pubkey(point) != signature:
        return False
    message = hashlib.sha256(round_number.to_bytes(8, "big")).digest()
    hashed = hashing.hash_to_G1(message, _DST, hashlib.sha256)
    signer = points.signature_to_G2(bytes.fromhex(public_key))
    one = curve.pairing(signer, hashed, False) * curve.pairing(curve.G2, curve.neg(point), False)
    return bool(curve.final_exponentiate(one) == curve.FQ12.one())


# --- time-stamps (RFC 3161) -------------------------------------------------------------------


@dataclass(frozen=True)
class Stamped:
    """A time-stamp. at: epoch seconds, None where it cannot be told. authority: the pinned root
    under which it stands, else None and the trouble in words."""

    at: float | None
    authority: str | None = None
    trouble: str | None = None


_IMPRINTS = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


def read_stamp(token: str, commit: bytes, roots: Sequence[bytes] = ()) -> Stamped:
    """What a TimeStampResp (DER in base64) over a commitment's 32 bytes is worth.

    roots: further roots to trust, in DER. Falsified where it is over something else, or is none.
    """
    try:
        der = base64.b64decode(token, validate=True)
    except binascii.Error:
        raise Falsified("anchor", "A time-stamp is not base64.") from None
    try:
        client: Any = importlib.import_module("rfc3161_client")
        x509: Any = importlib.import_module("cryptography.x509")
    except ImportError:
        return Stamped(None, trouble="to read its time-stamp, install rfc3161-client")
    try:
        answer = client.decode_timestamp_response(der)
        info = answer.tst_info
        imprint, at = info.message_imprint, info.gen_time
        hashed = _IMPRINTS.get(imprint.hash_algorithm.dotted_string)
        if hashed is None or imprint.message != hashlib.new(hashed, commit).digest():
            raise Falsified("anchor", "A time-stamp is over something else.")
    except (x509.InvalidVersion, ValueError, TypeError) as failure:
        raise Falsified("anchor", f"A time-stamp cannot be read: {failure}.") from None
    pinned = {name: base64.b64decode("".join(der)) for name, der in AUTHORITIES.items()}
    pinned |= {f"a root you named ({i})": root for i, root in enumerate(roots, 1)}
    for name, root in pinned.items():
        builder = client.VerifierBuilder(roots=[x509.load_der_x509_certificate(root)])
        try:
            builder.build().verify_message(answer, commit)
        except (client.VerificationError, x509.InvalidVersion, ValueError, TypeError):
            continue
        return Stamped(at.replace(tzinfo=at.tzinfo or UTC).timestamp(), authority=name)
    return Stamped(
        at.replace(tzinfo=at.tzinfo or UTC).timestamp(),
        trouble="its time-stamp is from an authority that is not pinned; name its root with"
        " --tsa-root if you trust it",
    )


# --- draw/1 -----------------------------------------------------------------------------------

_PARTICIPANT = {"commentId": _TEXT, "userId": _TEXT, "username": _TEXT}
SHAPE_1: dict[str, Spec] = {
    "createdAt": _TEXT,
    "post": _is(dict),
    "commentCount": _from(0),
    "participantsHash": _hex(32),
    "filteredParticipantCount": _from(1),
    "options": _is(dict),
    "winners": [
        {
            "winnerNumber": _from(1),
            "attempt": _from(1),
            "status": _one_of("active", "deprecated"),
            "seedInput": _TEXT,
            "seedHash": _hex(32),
            "winnerIndex": _from(0),
            "participant": _PARTICIPANT,
        }
    ],
}
"""What a GiveawayRecord has to hold; what else it holds is not looked at."""


def _verify1(found: dict[str, Any], asked: Asked) -> Verdict:
    """A record of draw/1, with the comment ids of its participants or without."""
    for name, spec in SHAPE_1.items():
        _fits(found.get(name), spec, f"record.{name}")
    options, post = found["options"], found["post"]
    _fits(options.get("winnerCount"), _from(1), "record.options.winnerCount")
    _fits(options.get("uniqueWinners"), _is(bool), "record.options.uniqueWinners")
    _fits(post.get("mediaId"), _TEXT, "record.post.mediaId")
    _fits(post.get("postDateIso"), _TEXT, "record.post.postDateIso")
    ids = None if asked.ids is None else sorted(asked.ids)
    count = found["filteredParticipantCount"]
    why = "the comment ids are not there; give them with --ids"
    if ids is not None and _beyond(found, ids, asked.exported):
        why = (
            f"the export holds {len(set(asked.exported))} comments, of which {count} took part, and"
            f" it does not tell which: give --ids the list that `{LIST_IDS}` writes"
        )
        ids = None
    if ids is not None:
        if hashlib.sha256("\n".join(ids).encode()).hexdigest() != found["participantsHash"]:
            raise Falsified(
                "participants",
                "These are not the comments that were drawn from (where rules left comments out,"
                f" the ids of the others alone are: `{LIST_IDS}` writes them)",
            )
        if len(ids) != count:
            raise Falsified("participants", f"There are {len(ids)} ids, not {count}.")
    seed = "|".join(
        (
            post["mediaId"],
            post["postDateIso"],
            str(found["commentCount"]),
            found["createdAt"],
            found["participantsHash"],
        )
    )
    for each in found["winners"]:
        _check_seed(each, seed, count, ids)
        _check_writer(each, asked.writers)
    _check_slots(found["winners"], options)
    facts = {
        "participants": count,
        "winners": [
            w["participant"]["username"] for w in found["winners"] if w["status"] == "active"
        ],
        "comments": [
            w["participant"]["commentId"] for w in found["winners"] if w["status"] == "active"
        ],
    }
    named = all(each["participant"]["commentId"] in asked.writers for each in found["winners"])
    unproven = (*NOT_PROVEN_1, *(() if named else NOT_PROVEN_NAMES), *NEVER_PROVEN)
    if ids is None:
        return Verdict(NOT_PROVABLE, why, protocol=1, facts=facts, unproven=unproven)
    why = "these winners follow from these comments, this post and this draw time, and from nothing"
    return Verdict(PROVEN, why + " else", protocol=1, facts=facts, unproven=unproven)


LIST_IDS = "ingather giveaways show ID --ids"


def _beyond(found: dict[str, Any], ids: Sequence[str], exported: Sequence[str]) -> bool:
    """Whether an export may well hold the comments that were drawn from, and others beside."""
    if len(set(exported)) <= found["filteredParticipantCount"]:
        return False
    if hashlib.sha256("\n".join(ids).encode()).hexdigest() == found["participantsHash"]:
        return False
    return {each["participant"]["commentId"] for each in found["winners"]} <= set(exported)


def _check_seed(each: dict[str, Any], seed: str, count: int, ids: Sequence[str] | None) -> None:
    slot = f"Slot {each['winnerNumber']}, attempt {each['attempt']}"
    if each["seedInput"] != f"{seed}|{each['winnerNumber']}|{each['attempt']}":
        raise Falsified("seed", f"{slot}: the seed does not follow from the record.")
    key = hashlib.sha256(each["seedInput"].encode()).digest()
    if each["seedHash"] != key.hex():
        raise Falsified("seed", f"{slot}: the seed's hash is another.")
    word = Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor().update(bytes(8))
    if each["winnerIndex"] != int.from_bytes(word, "big") % count:
        raise Falsified("winners", f"{slot}: the seed draws another index.")
    if ids is not None and ids[each["winnerIndex"]] != each["participant"]["commentId"]:
        raise Falsified("winners", f"{slot}: another comment stands at that index.")


def _check_writer(each: dict[str, Any], writers: Mapping[str, tuple[str, str]]) -> None:
    """The comment's writer by the list, where that tells; the seed knows of comments alone."""
    told = each["participant"]
    user_id, username = writers.get(told["commentId"], (told["userId"], told["username"]))
    if (told["userId"], told["username"]) != (user_id, username):
        slot = f"Slot {each['winnerNumber']}, attempt {each['attempt']}"
        raise Falsified("winners", f"{slot}: that comment is by @{username}, user {user_id}.")


def _check_slots(winners: Sequence[dict[str, Any]], options: dict[str, Any]) -> None:
    """Slots in order, attempts without a gap, deprecated exactly where the user had won."""
    taken: set[str] = set()
    slot, attempt = 1, 1
    for each in winners:
        if (each["winnerNumber"], each["attempt"]) != (slot, attempt):
            raise Falsified("winners", f"Slot {slot}, attempt {attempt} is missing.")
        user = each["participant"]["userId"]
        again = options["uniqueWinners"] and user in taken
        if each["status"] != ("deprecated" if again else "active"):
            raise Falsified("winners", f"Slot {slot}, attempt {attempt} has the wrong status.")
        taken.add(user)
        slot, attempt = (slot, attempt + 1) if again else (slot + 1, 1)
    if (slot, attempt) != (options["winnerCount"] + 1, 1):
        raise Falsified("winners", f"There is no winner for slot {slot}, or one too many.")


# --- words and the command line ---------------------------------------------------------------


def _iso(seconds: float) -> str:
    told = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return told.replace("+00:00", "Z")


def _epoch(told: str) -> float:
    """Epoch seconds of a time; one that no calendar has is later than any round."""
    try:
        return datetime.fromisoformat(told.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return math.inf


def words(verdict: Verdict) -> str:
    """A verdict for people, the first line in one sentence."""
    lines = [f"{verdict.verdict.upper()}: {_plain(verdict.why.rstrip('.'))}."]
    if verdict.check:
        lines.append(f"The check that failed is “{verdict.check}”: {CHECKS[verdict.check]}.")
        return "\n".join(lines)
    for name, told in verdict.facts.items():
        if name == "winners":
            lines.append("Winners: " + ", ".join(f"@{_plain(each)}" for each in told))
        if name == "comments":
            lines.append("Their comments: " + ", ".join(_plain(each) for each in told))
        if name == "disqualified":
            lines += [
                f"Disqualified on {each['at']}: rank {each['rank']}, @{_plain(each['username'])}:"
                f" {_plain(each['reason'])}"
                for each in told
            ]
        if name == "again":
            lines += [
                f"@{_plain(each['username'])} lost a place, and holds one again: rank"
                f" {each['rank']}."
                for each in told
            ]
        if name == "flaws":
            lines += [f"Known when it was committed to: {_plain(each)}" for each in told]
    if "draw" in verdict.facts:
        facts = verdict.facts
        lines.append(
            f"Draw {facts['draw']} for this post, of {facts['draws_of_post']} when the receipt was"
            f" written; {facts['entries']} entries; round {facts['round']} of"
            f" {facts['round_time']}."
        )
        lines.append(f"Commitment: {facts['commit']}")
        lines.append(f"Installation: {facts['installation']}")
    lines.append("Not proven, and not provable by any receipt of this kind:")
    lines += [f"- {each};" for each in verdict.unproven]
    return "\n".join(lines)


def _plain(told: str) -> str:
    """A name without what a terminal would obey."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in told)


def hash_of(told: str) -> str:
    """A hash or fingerprint as a person pasted it; ValueError where it is none."""
    plain = told.strip().lower().replace(":", "").replace(" ", "")
    if not re.fullmatch("[0-9a-f]{64}", plain):
        raise ValueError("it has 64 hexadecimal digits")
    return plain


def root_of(text: bytes) -> bytes:
    """A certificate in DER, of a PEM or DER file; ValueError where it is none."""
    x509: Any = importlib.import_module("cryptography.x509")
    coding: Any = importlib.import_module("cryptography.hazmat.primitives.serialization")
    pem = b"-----BEGIN CERTIFICATE-----" in text
    read = x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate
    der: bytes = read(text).public_bytes(coding.Encoding.DER)
    return der


def _listed(text: str) -> list[str]:
    """The ids of a list; ValueError for a CSV, which this file alone does not read."""
    if "commentId" in text.partition("\n")[0]:
        raise ValueError(
            "--ids is a CSV here: give a list of ids, one a line, as"
            f" `{LIST_IDS}` writes it, or verify with `ingather verify`"
        )
    return text.split()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a program of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("receipt", type=Path)
    parser.add_argument("--commit", type=hash_of, help="the hash that was published")
    parser.add_argument("--key", type=hash_of, help="fingerprint of the installation's key")
    parser.add_argument("--ids", type=Path, help="comment ids of a draw/1, one a line (no CSV)")
    parser.add_argument("--tsa-root", type=Path, action="append", default=[])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        asked = Asked(
            published=given.commit,
            key=given.key,
            ids=_listed(given.ids.read_text("utf-8-sig")) if given.ids else None,
            roots=[root_of(path.read_bytes()) for path in given.tsa_root],
        )
        verdict = verify(given.receipt.read_bytes(), asked)
    except (OSError, ValueError) as failure:
        parser.error(str(failure))
    told = json.dumps(asdict(verdict), indent=1) if given.json else words(verdict)
    sys.stdout.write(told + "\n")
    return verdict.exit_code


if __name__ == "__main__":
    sys.exit(main())
