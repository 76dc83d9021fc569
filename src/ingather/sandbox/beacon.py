"""A beacon as drand's HTTP interface shows it, signing its own chain.

Its secret key stands below for all to read: anybody can compute every round in advance, so a draw
over this chain is a rehearsal, and nothing outside the sandbox ever trusts it.
"""

import hashlib
import importlib
import sys
import time
from functools import cache
from typing import Any

from ingather.sandbox.answers import Answer, plain_json
from ingather.sandbox.options import BEACON_PATH

SECRET = int.from_bytes(hashlib.sha256(b"ingather sandbox beacon").digest(), "big") >> 2
PUBLIC_KEY = (
    "a4ae69bd8e63d2d654be8771c25c6017799349148bb6108e462f58ffb24391926983b56d08be7d9b"
    "dfaf283b4abaf42517c1fef866977e2da86d770234092c0c4d5645fa7a26a19a28f3b4e7c121dae6"
    "b62043130e32aafc231fcf448d1158f2"
)
GROUP = hashlib.sha256(b"ingather sandbox group").hexdigest()
CHAIN = "9a64505e6ed2015ef52cacd2518c24b9724c59c271917ec7a8ba550811387674"
PERIOD = 3
GENESIS = 1704067200
NAME = "ingather-sandbox"

_DST = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


def answer(
    target: str, now: float | None = None, *, late: float = 0.0, false: bool = False
) -> Answer:
    """The answer to a GET below BEACON_PATH: info, a round, or the latest round.

    late: seconds by which the rounds are behind. false: signatures are of another round.
    """
    newest = current((time.time() if now is None else now) - late)
    match target.removeprefix(BEACON_PATH).strip("/").split("/"):
        case [chain, "info"] if chain == CHAIN:
            return plain_json(info())
        case [chain, "public", "latest"] if chain == CHAIN:
            return plain_json(round_of(newest, false))
        case [chain, "public", number] if chain == CHAIN and number.isdecimal():
            asked = int(number)
            if asked > newest:
                return Answer(body=b'{"error":"Requested round not yet available"}', status=425)
            return plain_json(round_of(max(1, asked), false))
    return Answer(body=b'{"error":"unknown chain"}', status=404)


def current(now: float) -> int:
    """The newest round there is at a moment in epoch seconds."""
    return int((now - GENESIS) // PERIOD) + 1


def info() -> dict[str, object]:
    """The chain as drand's /info tells it."""
    return {
        "public_key": PUBLIC_KEY,
        "period": PERIOD,
        "genesis_time": GENESIS,
        "hash": CHAIN,
        "groupHash": GROUP,
        "schemeID": "bls-unchained-g1-rfc9380",
        "metadata": {"beaconID": NAME},
    }


def round_of(number: int, false: bool = False) -> dict[str, object]:
    """A round: its number, its signature, and the randomness that is the signature's SHA-256."""
    signature = sign(number + false)
    return {
        "round": number,
        "randomness": hashlib.sha256(signature).hexdigest(),
        "signature": signature.hex(),
    }


@cache
def sign(number: int) -> bytes:
    """The round's 48 bytes, whether its time has come or not."""
    deepest = sys.getrecursionlimit()
    points: Any = importlib.import_module("py_ecc.bls.g2_primitives")
    hashing: Any = importlib.import_module("py_ecc.bls.hash_to_curve")
    curve: Any = importlib.import_module("py_ecc.optimized_bls12_381")
    # Its import allows a recursion a hundred times deeper, which no stack holds: afterwards JSON
    # that is nested deeply enough would end the process.
    sys.setrecursionlimit(deepest)
    message = hashlib.sha256(number.to_bytes(8, "big")).digest()
    hashed = hashing.hash_to_G1(message, _DST, hashlib.sha256)
    signature: bytes = points.G1_to_pubkey(curve.multiply(hashed, SECRET))
    return signature
