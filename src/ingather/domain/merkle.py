"""A Merkle tree as in RFC 6962, 2.1, over leaves that are hashes already."""

import hashlib
from collections.abc import Sequence


def root(leaves: Sequence[bytes]) -> bytes:
    """The 32 bytes at the top of leaves of 32 bytes each; ValueError where there are none.

    An inner node is H(0x01 ‖ left ‖ right). Pairing from the left and carrying an odd node up
    unchanged gives the tree of the RFC, which splits at the largest power of two.
    """
    if not leaves:
        raise ValueError("a tree has a leaf at least")
    sha256 = hashlib.sha256
    level = list(leaves)
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs] + odd
    return level[0]
