"""What a sandbox is started with; a reset through the control door returns to it."""

from msgspec import Struct, field

TOKEN = "sandbox-token"  # noqa: S105 - the sandbox's own, worth nothing outside
HIKER_KEY = "sandbox-key"  # as above
APP_ID = "sandbox-app"
APP_SECRET = "sandbox-secret"  # noqa: S105 - as above
VERSION = "v26.0"
CONTROL_PATH = "/_control"
"""Where tests set faults and latency, and read what was called."""

HIKER_PATH = "/hiker"
"""HikerAPI's addresses begin with it here, for they are the whole of a host elsewhere."""

BEACON_PATH = "/beacon"
"""Likewise drand's addresses."""

TSA_PATH = "/tsa"
"""Likewise a time-stamp authority's."""

WEB_PATH = "/web"
"""Likewise the addresses of Instagram's website."""


class Options(Struct, frozen=True, kw_only=True):
    """Seed, speed and faults of a sandbox.

    latency_ms: from the arrival of a request to its answer, own work included.
    faults: name -> probability in 0..1 (`faults.NAMES`, `pager.NAMES`).
    usage_after: calls before usage headers appear, as on the real thing.
    budget: calls that make 100 percent; beyond it calls are throttled. None: never throttled.
    cache_mb: bound on rendered bodies kept for repeated calls.
    """

    seed: int = 1
    latency_ms: float = 0.0
    faults: dict[str, float] = field(default_factory=dict)
    require_proof: bool = False
    usage_after: int = 20
    budget: int | None = None
    cache_mb: int = 256
