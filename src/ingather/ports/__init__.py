"""What the engine and the features need of the world; `assembly` chooses who gives it.

A module for each room, and every name of theirs here; only what the refresh needs is asked for as
`ports.refresh`, because nothing else does. `stores.memory` is the reference of Jobs, Leases, Rows,
Cache and Limiter; every backing passes the same suite in tests/contract.
"""

from ingather.ports.analyses import Analyses
from ingather.ports.clock import Clock
from ingather.ports.giveaways import Beacon, Draws, Giveaways
from ingather.ports.jobs import Adopting, Batch, Claim, Jobs, Leases, Outcome, Queue, Stand
from ingather.ports.rows import Rows
from ingather.ports.secrets import Secrets
from ingather.ports.sources import Cache, Limiter, Source, Take, Turns

__all__ = [
    "Adopting",
    "Analyses",
    "Batch",
    "Beacon",
    "Cache",
    "Claim",
    "Clock",
    "Draws",
    "Giveaways",
    "Jobs",
    "Leases",
    "Limiter",
    "Outcome",
    "Queue",
    "Rows",
    "Secrets",
    "Source",
    "Stand",
    "Take",
    "Turns",
]
