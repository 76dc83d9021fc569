"""Public randomness: drand over HTTP, or recorded rounds in a file; verified before it is used.

A round that is not there yet is None, and whoever draws waits; nothing here makes randomness.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.domain.beacon import QUICKNET, SANDBOX, Chain
from ingather.providers.http import Http

KNOWN = {chain.hash: chain for chain in (QUICKNET, SANDBOX)}


class Round(Struct, frozen=True):
    """A round as drand tells it; its other fields follow from these. signature: hex."""

    round: int
    signature: str


class Recorded(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of rounds. chain: its hash, quicknet's where it is not named."""

    rounds: list[Round]
    chain: str = QUICKNET.hash


class DrandBeacon:
    """A relay of drand's HTTP interface; whichever relay it is, only the chain's key counts."""

    def __init__(self, http: Http, url: str, chain: Chain = QUICKNET) -> None:
        self.chain = chain
        self._http = http
        self._url = url

    async def round(self, number: int) -> bytes | None:
        """The verified signature of a round, 48 bytes; None while it is not there yet.

        Raises BeaconUnavailable where the relay does not answer, BeaconFalse for a signature that
        the chain's key did not make.
        """
        try:
            answer = await self._http.get(f"{self._url}/{self.chain.hash}/public/{number}")
        except errors.SourceError as failure:
            raise errors.BeaconUnavailable(failure.message, hint=_WAIT) from None
        if answer.status in (404, 425):  # drand: not there yet; some relays say 404 for it
            return None
        if answer.status != 200:
            raise errors.BeaconUnavailable(
                f"The beacon answered with HTTP {answer.status}.", hint=_WAIT
            )
        try:
            told = msgspec.json.decode(answer.body, type=Round)
        except msgspec.DecodeError:
            raise errors.BeaconUnavailable(
                "What the beacon answered is not a round.", hint=_WAIT
            ) from None
        return await _verified(self.chain, number, told)


class FileBeacon:
    """Rounds that were recorded: one object as drand answers, a list of them, or
    `{"chain": hash, "rounds": [...]}`. Raises BadInput where the file is none of these."""

    def __init__(self, path: Path) -> None:
        recorded = _read(path)
        chain = KNOWN.get(recorded.chain)
        if chain is None:
            raise errors.BadInput(
                f"{path} holds rounds of a chain that is not known.",
                hint=f"Its chain may be {QUICKNET.hash} (drand's quicknet).",
            )
        self.chain = chain
        self._rounds: Mapping[int, Round] = {each.round: each for each in recorded.rounds}

    async def round(self, number: int) -> bytes | None:
        """The verified signature of a round; None where the file has it not. Raises BeaconFalse."""
        told = self._rounds.get(number)
        return None if told is None else await _verified(self.chain, number, told)


def named(words: str | None, http: Http, url: str, sandbox: bool) -> DrandBeacon | FileBeacon:
    """The beacon that is asked for: drand, sandbox or file:ROUNDS.json. Without words it is the
    sandbox's own within it, else drand. Raises BadInput."""
    own = "sandbox" if sandbox else "drand"
    name = words or own
    if name.startswith("file:"):
        return FileBeacon(Path(name.removeprefix("file:")))
    if name not in ("drand", "sandbox"):
        raise errors.BadInput(
            f"There is no beacon {name!r}.", hint="It is drand, sandbox or file:ROUNDS.json."
        )
    if name != own:
        raise errors.BadInput("The sandbox's beacon is for --sandbox, and drand for all else.")
    return DrandBeacon(http, url, SANDBOX if sandbox else QUICKNET)


_WAIT = "Nothing is lost: the commitment stands, and the round can be read at any later time."


def _read(path: Path) -> Recorded:
    try:
        found: Any = msgspec.json.decode(path.read_bytes())
        if isinstance(found, dict) and "rounds" not in found:
            found = [found]
        if isinstance(found, list):
            found = {"rounds": found}
        return msgspec.convert(found, Recorded)
    except OSError as failure:
        raise errors.BadInput(f"{path} cannot be read: {failure.strerror}.") from None
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise errors.BadInput(
            f"{path} is no file of recorded rounds.",
            hint='It holds [{"round": 123, "signature": "…"}, …], as drand answers them.',
        ) from None


async def _verified(chain: Chain, number: int, told: Round) -> bytes:
    try:
        signature = bytes.fromhex(told.signature)
    except ValueError:
        signature = b""
    if told.round != number or not await asyncio.to_thread(chain.holds, number, signature):
        raise errors.BeaconFalse(
            f"What came as round {number} of {chain.name} is not signed by the chain's key.",
            hint="It was not used. Ask another relay, by DRAND_URL.",
        )
    return signature
