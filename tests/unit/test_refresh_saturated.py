"""The limit of the refresh when there is always more to ask (figure of the refresh's issue)."""


async def test_all_of_a_limit_is_used_and_never_more(simulation) -> None:
    """Three tokens, two consumers with 64 messages each that begin in the same moment, headers
    obeyed: at least 95 % of what the tokens allow, no token above 200 calls in any hour, and none
    left to others."""
    used = await simulation.saturated(hours=3)
    assert used.part >= 0.95 and used.most == simulation.LIMIT
    assert min(used.by_token.values()) >= 0.95 * 3 * simulation.LIMIT
