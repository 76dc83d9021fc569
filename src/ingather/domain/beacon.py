"""Public randomness that comes by the clock: the chains that are known, their rounds and times.

Source: drand's documentation; a chain's hash binds its period, start, key, group and name.
"""

import hashlib
import math
import struct

from msgspec import Struct

from ingather.domain import verifier


class Chain(Struct, frozen=True, kw_only=True):
    """A beacon's chain. hash, public_key, group: hex. period: seconds; genesis: epoch seconds of
    round 1. trusted: whether a draw over it can be proven; the sandbox's is for rehearsals."""

    name: str
    hash: str
    public_key: str
    period: int
    genesis: int
    group: str
    trusted: bool

    def time_of(self, round_number: int) -> int:
        """Epoch seconds at which a round's signature appears."""
        return self.genesis + (round_number - 1) * self.period

    def round_at(self, seconds: float) -> int:
        """The first round at or after a moment in epoch seconds."""
        return max(1, math.ceil((seconds - self.genesis) / self.period) + 1)

    def own_hash(self) -> str:
        """The hash that these values have, to be compared with `hash`."""
        head = struct.pack(">Iq", self.period, self.genesis)
        parts = bytes.fromhex(self.public_key) + bytes.fromhex(self.group) + self.name.encode()
        return hashlib.sha256(head + parts).hexdigest()

    def holds(self, round_number: int, signature: bytes) -> bool:
        """Whether this is the chain's signature of that round; takes about 0.2 s of CPU."""
        return verifier.beacon_holds(self.public_key, round_number, signature)


QUICKNET = Chain(
    name="quicknet",
    hash="52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
    public_key="83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6"
    "a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e7"
    "6eae8991ef5ece45a",
    period=3,
    genesis=1692803367,
    group="f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e",
    trusted=True,
)
"""The League of Entropy's chain of a round every three seconds."""

SANDBOX = Chain(
    name="ingather-sandbox",
    hash="9a64505e6ed2015ef52cacd2518c24b9724c59c271917ec7a8ba550811387674",
    public_key="a4ae69bd8e63d2d654be8771c25c6017799349148bb6108e462f58ffb24391926983b56d08be7d9b"
    "dfaf283b4abaf42517c1fef866977e2da86d770234092c0c4d5645fa7a26a19a28f3b4e7c121dae6"
    "b62043130e32aafc231fcf448d1158f2",
    period=3,
    genesis=1704067200,
    group="d8b1e64793ac91a37d87e70280ecada4e7c49a10eef33842d573e2c126e8bdcc",
    trusted=False,
)
"""The sandbox's chain, whose secret key is public: good for rehearsals, never for a proof."""
