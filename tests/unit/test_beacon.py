"""Beacons: rounds by the clock, and signatures that only the chain's key can make."""

import hashlib
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingather.domain.beacon import QUICKNET

ROUND_123 = bytes.fromhex(
    "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92"
)
ROUND_657413 = bytes.fromhex(
    "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b"
)


@pytest.mark.parametrize(
    ("number", "signature", "randomness"),
    [
        (123, ROUND_123, "fb8f7bc29bf24db51871ec8c79f3a1e4bd0557bc0dfcee9ed1d924e69d1c60dc"),
        (657413, ROUND_657413, "fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587"),
    ],
    ids=["123", "657413"],
)
def test_public_rounds_hold(number, signature, randomness):
    """Two rounds that the world knows verify under the pinned key."""
    assert QUICKNET.holds(number, signature)
    assert hashlib.sha256(signature).hexdigest() == randomness


def negated(signature: bytes) -> bytes:
    """The same x, the other y."""
    return bytes([signature[0] ^ 0x20]) + signature[1:]


@pytest.mark.parametrize(
    ("number", "signature"),
    [
        (124, ROUND_123),
        (123, ROUND_657413),
        (123, negated(ROUND_123)),
        (123, ROUND_123[:-1] + bytes([ROUND_123[-1] ^ 1])),
        (123, ROUND_123 + b"\0"),
        (123, ROUND_123[:47]),
        (123, b""),
        (123, bytes(48)),
        (123, b"\xc0" + bytes(47)),
        (123, b"\x80" + bytes(46) + b"\x04"),
        (123, b"\xff" * 48),
    ],
    ids=[
        "another round",
        "another signature",
        "negated",
        "a bit",
        "longer",
        "shorter",
        "empty",
        "zeros",
        "infinity",
        "on the curve, not in the group",
        "ones",
    ],
)
def test_other_signatures_do_not_hold(number, signature):
    """A wrong round, a wrong point, a point outside the group, no point at all."""
    assert not QUICKNET.holds(number, signature)


def test_the_pinned_values_are_those_of_the_chain():
    """The chain's hash binds period, start, key, group and name; ours give that hash."""
    assert QUICKNET.own_hash() == QUICKNET.hash
    assert QUICKNET.hash.startswith("52db9ba7") and QUICKNET.hash.endswith("e971")


@given(st.floats(1.7e9, 4e9, allow_nan=False))
def test_a_round_is_the_first_at_or_after_a_moment(moment):
    """Never before it, and less than a period after it."""
    found = QUICKNET.round_at(moment)
    assert 0 <= QUICKNET.time_of(found) - moment < QUICKNET.period


def test_rounds_by_the_clock():
    """time = genesis + (round - 1) · period; a moment before the first round has the first."""
    assert QUICKNET.time_of(1) == 1692803367
    assert QUICKNET.round_at(1692803367) == 1
    assert QUICKNET.round_at(1692803367.001) == 2
    assert QUICKNET.round_at(0) == 1


def test_a_verification_leaves_the_depth_of_recursion_as_it_was():
    """The library allows itself a recursion that no stack holds; were it left at that, JSON nested
    a hundred thousand deep would end the process that once verified a beacon."""
    code = (
        "import sys; deepest = sys.getrecursionlimit()\n"
        "from ingather.domain import verifier\n"
        "verifier.beacon_holds('00' * 96, 1, bytes(48))\n"
        "assert 'py_ecc' in sys.modules and sys.getrecursionlimit() == deepest\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
