"""Verifies a draw's receipt offline, with keys pinned here and never read from the receipt."""

import hashlib
import importlib
import sys
from typing import Any

_DST = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


def beacon_holds(public_key: str, round_number: int, signature: bytes) -> bool:
    """Whether the chain's key signed the round (drand's scheme bls-unchained-g1-rfc9380).

    public_key: 96 bytes in hex, one of the pinned ones. signature: 48 bytes, of which only the
    one canonical writing is accepted, because the draw's key is made of these bytes.
    """
    deepest = sys.getrecursionlimit()
    points: Any = importlib.import_module("py_ecc.bls.g2_primitives")
    hashing: Any = importlib.import_module("py_ecc.bls.hash_to_curve")
    curve: Any = importlib.import_module("py_ecc.optimized_bls12_381")
    # Its import allows a recursion a hundred times deeper, which no stack holds: afterwards JSON
    # that is nested deeply enough would end the process.
    sys.setrecursionlimit(deepest)

    if len(signature) != 48:
        return False
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
