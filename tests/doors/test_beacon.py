"""Beacons as a draw meets them: over HTTP and from files, verified before they are used."""

import json
import time

import pytest

from ingather import errors
from ingather.domain.beacon import QUICKNET, SANDBOX
from ingather.providers.beacon import DrandBeacon, FileBeacon, named
from ingather.sandbox import beacon as played
from ingather.sandbox.options import Options
from ingather.sandbox.server import serve

PUBLIC = {
    "round": 123,
    "randomness": "fb8f7bc29bf24db51871ec8c79f3a1e4bd0557bc0dfcee9ed1d924e69d1c60dc",
    "signature": "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92",  # noqa: E501
}


@pytest.fixture
async def outside():
    async with await serve(Options()) as sandbox:
        yield sandbox


async def test_a_round_is_read_and_verified(outside, http):
    """The sandbox's newest round verifies under the sandbox's chain."""
    beacon = DrandBeacon(http, outside.beacon_url, SANDBOX)
    newest = SANDBOX.round_at(time.time()) - 1
    signature = await beacon.round(newest)
    assert signature == played.sign(newest)


async def test_a_round_to_come_is_waited_for(outside, http):
    """A future round is None, never a substitute; so is one that is late."""
    beacon = DrandBeacon(http, outside.beacon_url, SANDBOX)
    newest = SANDBOX.round_at(time.time()) - 1
    assert await beacon.round(newest + 100) is None
    outside.control(beacon_late=600)
    assert await beacon.round(newest) is None


async def test_a_false_signature_is_never_used(outside, http):
    """A relay that answers with another round's signature is found out."""
    outside.control(beacon_false=True)
    beacon = DrandBeacon(http, outside.beacon_url, SANDBOX)
    with pytest.raises(errors.BeaconFalse):
        await beacon.round(1000)


async def test_another_chain_is_never_taken_for_quicknet(outside, http):
    """The sandbox does not know the public chain, and a draw over it waits."""
    beacon = DrandBeacon(http, outside.beacon_url, QUICKNET)
    assert await beacon.round(1000) is None


async def test_a_relay_that_is_down_says_to_wait(http):
    """No answer is BeaconUnavailable, which may be tried again."""
    beacon = DrandBeacon(http, "http://127.0.0.1:9/none", SANDBOX)
    with pytest.raises(errors.BeaconUnavailable, match="commitment stands") as raised:
        await beacon.round(1)
    assert raised.value.retry


@pytest.mark.parametrize(
    "written",
    [PUBLIC, [PUBLIC], {"rounds": [PUBLIC]}, {"chain": QUICKNET.hash, "rounds": [PUBLIC]}],
    ids=["one", "a list", "rounds", "with its chain"],
)
async def test_recorded_rounds_are_read(tmp_path, written):
    """A file of rounds as drand answers them; what it has not is None."""
    path = tmp_path / "rounds.json"
    path.write_text(json.dumps(written))
    beacon = FileBeacon(path)
    assert (await beacon.round(123)).hex() == PUBLIC["signature"]
    assert await beacon.round(124) is None


async def test_a_recorded_round_is_verified_too(tmp_path):
    """A file in which a signature stands under another number is found out."""
    path = tmp_path / "rounds.json"
    path.write_text(json.dumps([PUBLIC | {"round": 124}]))
    with pytest.raises(errors.BeaconFalse):
        await FileBeacon(path).round(124)


@pytest.mark.parametrize("text", ["", "{}}", "3", '{"rounds": 1}', '{"chain": "00", "rounds": []}'])
def test_a_file_that_is_none_is_refused(tmp_path, text):
    """One sentence that names the file."""
    path = tmp_path / "rounds.json"
    path.write_text(text)
    with pytest.raises(errors.BadInput, match=r"rounds\.json"):
        FileBeacon(path)


async def test_beacons_have_names(http, tmp_path):
    """drand outside the sandbox, the sandbox's within it, a file in both."""
    assert named(None, http, "https://x", sandbox=False).chain is QUICKNET
    assert named("sandbox", http, "https://x", sandbox=True).chain is SANDBOX
    for words, sandbox in (("sandbox", False), ("drand", True), ("dice", False)):
        with pytest.raises(errors.BadInput):
            named(words, http, "https://x", sandbox=sandbox)


def test_the_sandbox_plays_the_chain_that_is_known_for_it():
    """Both sides, which import nothing of each other, mean the same chain; it is not trusted."""
    assert (SANDBOX.hash, SANDBOX.public_key) == (played.CHAIN, played.PUBLIC_KEY)
    assert (SANDBOX.period, SANDBOX.genesis) == (played.PERIOD, played.GENESIS)
    assert SANDBOX.own_hash() == SANDBOX.hash
    assert not SANDBOX.trusted and QUICKNET.trusted
    assert SANDBOX.holds(5, played.sign(5))
    assert not QUICKNET.holds(5, played.sign(5))
