"""The sandbox's loop ends a wait when it is over, by a clock that is told."""

import selectors
import socket
import sys
from types import SimpleNamespace

import pytest

from ingather.sandbox import exact

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only epoll counts milliseconds")


@pytest.fixture
def told(monkeypatch):
    """A clock on which a sleep ends when it was asked to, and each look takes 10 µs."""
    clock = SimpleNamespace(now=100.0, slept=[], heard=())

    def look():
        clock.now += 0.00001
        return clock.now

    def sleep(reading, writing, failing, seconds):
        clock.slept.append(seconds)
        clock.heard = reading
        clock.now += seconds

    monkeypatch.setattr(exact, "time", SimpleNamespace(monotonic=look))
    monkeypatch.setattr(exact, "select", SimpleNamespace(select=sleep))
    return clock


@pytest.mark.parametrize("seconds", [0.05, 0.0504, 0.0012, 0.0001])
def test_a_wait_ends_on_time(told, seconds):
    """A wait takes what was asked for and 50 µs more at the most, whatever part of a millisecond
    that is; it never ends early."""
    with exact._selector() as selector:
        assert selector.select(seconds) == []
    assert seconds <= told.now - 100.0 < seconds + 0.00005


def test_only_the_end_of_a_long_wait_is_watched_for(told):
    """Short waits, which are those of many answers at once, are slept to their end."""
    with exact._selector() as selector:
        selector.select(0.05)
        selector.select(0.002)
    assert 0.0495 < told.slept[0] < 0.05
    assert told.slept[1] == 0.002


def test_what_arrives_ends_a_wait(told):
    """A wait listens for whatever the selector is to hear of, and tells it."""
    ours, theirs = socket.socketpair()
    with ours, theirs, exact._selector() as selector:
        selector.register(ours, selectors.EVENT_READ)
        theirs.send(b"x")
        ((key, _),) = selector.select(60)
        assert key.fileobj is ours
        assert told.heard == (selector.fileno(),)
