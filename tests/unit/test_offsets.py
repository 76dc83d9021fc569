"""Which offset of a partition may be committed."""

from ingather.consumer.pump import Lane


def test_no_offset_passes_a_message_that_is_not_done() -> None:
    """Messages end in any order, and offsets may have holes; the next one is after the last before
    which every message is done."""
    lane = Lane([5, 7, 8, 12])
    told = [lane.next]
    for offset in (8, 5, 12, 7):
        assert not lane.whole
        lane.finish(offset)
        told.append(lane.next)
    assert told == [5, 5, 6, 6, 13]
    assert lane.whole
