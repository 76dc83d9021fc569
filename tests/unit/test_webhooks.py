"""A receiver that is away for hours or for good, under a clock that is told the time."""

import itertools
from types import SimpleNamespace

import pytest

from ingather import errors
from ingather.domain.access import PAUSES, Webhook
from ingather.features.webhooks import Webhooks
from ingather.stores.sql import SqliteSql
from ingather.stores.sql_link import SqliteLink
from ingather.stores.sql_webhooks import HELD, SqlWebhooks

HOUR = 3_600.0


class ToldSql(SqliteSql):
    """A database whose clock is ours."""

    def __init__(self, link, clock) -> None:
        super().__init__(link)
        self._clock = clock

    async def now(self) -> float:
        return self._clock.now()


class Receiver:
    """Away until so many seconds have passed; then it answers what it is told to."""

    def __init__(self, clock, *, back: float, answer: int = 200) -> None:
        self._clock = clock
        self._back = clock.now() + back
        self._answer = answer
        self.asked: list[tuple[float, str]] = []

    async def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self.asked.append((self._clock.now(), headers["webhook-id"]))
        if self._clock.now() < self._back:
            raise errors.Transient("It was not reached (ClientConnectorError).")
        return self._answer


@pytest.fixture
async def hooks(tmp_path, clock):
    link = SqliteLink(tmp_path / "ingather.db")
    yield SqlWebhooks(ToldSql(link, clock))
    await link.close()


@pytest.fixture
def courier(hooks, clock, make):
    """Who delivers the end of any job to a receiver."""

    async def find(kind: str, job: str, targets: int):
        return make.job(status="done")

    secrets = SimpleNamespace(unseal=lambda place, sealed: b"s" * 16)
    return lambda receiver: Webhooks(hooks, lambda: secrets, receiver, find, clock)


def hook(job: str = "one") -> Webhook:
    return Webhook(
        id=f"msg_{job}", job=job, kind="comments", url="https://a/", secret=b"s", created_at="then"
    )


async def through(courier, hooks, clock, *, hours: float) -> None:
    """Let so many hours pass, with a round whenever something is due."""
    end = clock.now() + hours * HOUR
    while (told := await hooks.of("one")).state == "waiting" and told.due <= end:
        clock.time = max(clock.time, told.due)
        await courier.round()
    clock.time = end
    await courier.round()


async def test_a_receiver_that_is_away_for_hours_is_told_in_the_end(hooks, courier, clock) -> None:
    """Seven hours without an answer: asked with growing pauses under one id, then told, once."""
    await hooks.add(hook())
    receiver = Receiver(clock, back=7 * HOUR)
    await through(courier(receiver), hooks, clock, hours=72)
    told = await hooks.of("one")
    assert (told.state, told.status, told.error) == ("delivered", 200, None)
    times = [at for at, _ in receiver.asked]
    assert [b - a for a, b in itertools.pairwise(times)] == list(PAUSES[: len(times) - 1])
    assert len(times) == told.attempts == 9
    assert {name for _, name in receiver.asked} == {"msg_one"}


@pytest.mark.parametrize(("back", "answer"), [(1_000, 200), (0, 503)])
async def test_one_that_never_answers_is_given_up_and_said_so(
    hooks, courier, clock, back, answer
) -> None:
    """After eleven tries over about two days: what was wrong last is told with it, and it is never
    asked again."""
    await hooks.add(hook())
    receiver = Receiver(clock, back=back * HOUR, answer=answer)
    began = clock.now()
    await through(courier(receiver), hooks, clock, hours=500)
    told = await hooks.of("one")
    words = "It answered 503." if answer == 503 else "It was not reached (ClientConnectorError)."
    assert (told.state, told.attempts, told.error) == ("failed", 11, words)
    assert told.ended_at is not None
    assert len(receiver.asked) == 11
    assert receiver.asked[-1][0] - began == sum(PAUSES)


async def test_a_courier_killed_in_the_middle_is_followed_by_another(hooks, courier, clock) -> None:
    """What it had taken is taken again after a minute, and sent under the same id."""
    await hooks.add(hook())
    await hooks.take(20)
    receiver = Receiver(clock, back=0)
    assert await courier(receiver).round() == 0
    clock.time += HELD
    assert await courier(receiver).round() == 1
    assert [name for _, name in receiver.asked] == ["msg_one"]


async def test_a_fault_of_ours_keeps_nobody_else_from_being_told(
    hooks, courier, clock, tmp_path
) -> None:
    """A row that is broken is given up, and whoever delivers goes on after what nobody foresaw."""
    for job in ("one", "two", "three"):
        await hooks.add(hook(job))
    await hooks._sql.run("UPDATE webhooks SET secret = 'x' WHERE job = 'one'")
    receiver, rounds = Receiver(clock, back=0), []

    async def post(url: str, body: bytes, headers: dict[str, str]) -> int:
        if headers["webhook-id"] == "msg_two":
            raise RuntimeError("nobody foresaw this")
        return await receiver(url, body, headers)

    class Over(BaseException):
        """Enough rounds."""

    def sent(count: int) -> None:
        rounds.append(count)
        raise Over

    couriers = courier(post)
    couriers._secrets = lambda: SimpleNamespace(unseal=unsealed)
    with pytest.raises(Over):
        await couriers.run(sent)
    assert (await hooks.of("one")).state == "failed"
    assert (await hooks.of("two")).state == "waiting"
    assert (await hooks.of("three")).state == "delivered"


def unsealed(place: str, sealed: bytes) -> bytes:
    if not sealed:
        raise errors.DamagedRecord("It cannot be read.")
    return b"s" * 16
