"""Webhooks: a signed request tells somebody of a job's end, and is tried again till it arrives.

What is to be told rests beside the jobs from the moment the job is made, so that no crash between
a job's end and its message loses the message. It may come twice: its `webhook-id` is the same then.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import structs

from ingather import errors
from ingather.domain import receipt
from ingather.domain.access import PAUSES, Webhook, signed
from ingather.domain.addresses import check_address
from ingather.domain.instants import iso
from ingather.domain.job import ALL, Job
from ingather.ports import Clock, Secrets

log = logging.getLogger("ingather.webhooks")

LOOK = 2.0
"""Seconds between two looks at a job that has not ended."""

GONE = 410
"""The answer that says: never again."""


class Hooks(Protocol):
    """Where webhooks rest."""

    async def add(self, hook: Webhook) -> bool: ...

    async def of(self, job: str) -> Webhook | None: ...

    async def take(self, limit: int) -> Sequence[Webhook]: ...

    async def later(self, hook: Webhook, seconds: float) -> None: ...

    async def tried(self, hook: Webhook, seconds: float = 0.0) -> None: ...

    async def forget(self, job: str) -> None: ...


Post = Callable[[str, bytes, dict[str, str]], Awaitable[int]]
"""Send a body to an address under these headers; the status answered. Raises SourceError."""

Find = Callable[[str, str, int], Awaitable[Job]]
"""The job of this kind and id, as it stands, with so many of its targets; raises JobNotFound."""


class Webhooks:
    """Take them down, and deliver them."""

    def __init__(
        self,
        hooks: Hooks,
        secrets: Callable[[], Secrets],
        post: Post,
        find: Find,
        clock: Clock,
        *,
        private: bool = False,
    ) -> None:
        self._hooks = hooks
        self._secrets = secrets
        self._post = post
        self._find = find
        self._clock = clock
        self._private = private

    def check(self, url: str | None, secret: str | None) -> None:
        """Raise BadInput for what can never be delivered."""
        if url is None:
            if secret is not None:
                raise errors.BadInput("There is a secret for a webhook, and no address.")
            return
        if secret is None:
            raise errors.BadInput(
                "A webhook takes a secret that its messages are signed with.",
                hint="Send webhookSecret: 16 letters or more that only you know.",
            )
        check_address(url, private=self._private)

    async def want(self, job: Job, url: str, secret: str) -> None:
        """Tell this address when the job has ended."""
        hook_id = f"msg_{uuid.uuid4().hex}"
        sealed = self._secrets().seal(f"webhook:{hook_id}", secret.encode())
        made = iso(self._clock.now())
        await self._hooks.add(
            Webhook(id=hook_id, job=job.id, kind=job.kind, url=url, secret=sealed, created_at=made)
        )

    async def of(self, job: Job) -> Webhook | None:
        """The webhook of a job, and how it stands."""
        return await self._hooks.of(job.id)

    async def forget(self, job: Job) -> None:
        """The job is deleted: nobody is told."""
        await self._hooks.forget(job.id)

    async def round(self, limit: int = 20) -> int:
        """Look at those that are due, and deliver those whose job has ended; how many were sent.

        All at once: one after the other, slow receivers would outlast the time for which the last
        of them are ours, and somebody else would tell these as well.
        """
        looks = [self._look(hook) for hook in await self._hooks.take(limit)]
        ends = await asyncio.gather(*looks, return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return ends.count(True)

    async def run(self, sent: Callable[[int], None]) -> None:
        """Rounds, till cancelled; what is out of order is tried again. sent: told how many went
        out."""
        while True:
            try:
                sent(await self.round())
            except errors.IngatherError:
                await self._clock.sleep(10.0)
            except Exception:  # a fault of ours: whoever waits to be told is told all the same
                log.exception("A round of webhooks failed.")
                await self._clock.sleep(10.0)
            await self._clock.sleep(LOOK)

    async def _look(self, hook: Webhook) -> bool:
        """Deliver it if its job has ended; whether it was sent."""
        try:
            job = await self._find(hook.kind, hook.job, 0)
            if not job.unfinished:
                job = await self._find(hook.kind, hook.job, ALL)
        except errors.JobNotFound:
            await self._hooks.forget(hook.job)
            return False
        except (errors.DamagedRecord, errors.StateLost) as failure:
            await self._ended(hook, "failed", failure.message)
            return False
        except errors.StoreError:  # it is away, and with it what is to be told
            await self._hooks.later(hook, LOOK)
            return False
        if job.unfinished:
            await self._hooks.later(hook, LOOK)
            return False
        await self._deliver(hook, job)
        return True

    async def _deliver(self, hook: Webhook, job: Job) -> None:
        body = msgspec.json.encode(message(job))
        try:
            secret = self._secrets().unseal(f"webhook:{hook.id}", hook.secret).decode()
        except errors.StoreError as failure:
            await self._ended(hook, "failed", failure.message)
            return
        headers = signed(
            secret, message_id=hook.id, timestamp=int(self._clock.now()), body=body
        ) | {"content-type": "application/json"}
        hook = structs.replace(hook, attempts=hook.attempts + 1, status=None, error=None)
        try:
            status = await self._post(hook.url, body, headers)
        except errors.IngatherError as failure:
            await self._again(structs.replace(hook, error=failure.message))
            return
        hook = structs.replace(hook, status=status)
        if 200 <= status < 300:
            await self._ended(hook, "delivered")
        elif status == GONE:
            await self._ended(hook, "failed", "It answered 410: it wants to hear no more.")
        else:
            await self._again(structs.replace(hook, error=f"It answered {status}."))

    async def _again(self, hook: Webhook) -> None:
        if hook.attempts > len(PAUSES):
            await self._ended(hook, "failed", hook.error)
        else:
            await self._hooks.tried(hook, PAUSES[hook.attempts - 1])

    async def _ended(self, hook: Webhook, state: str, error: str | None = None) -> None:
        ended = iso(self._clock.now())
        await self._hooks.tried(structs.replace(hook, state=state, error=error, ended_at=ended))


def message(job: Job) -> dict[str, Any]:
    """What is told: the job, how it ended, and its receipt."""
    return {
        "event": "job.ended",
        "id": job.id,
        "kind": job.kind,
        "status": job.status,
        "reason": job.reason,
        "error": {"message": job.error.message, "code": job.error.code} if job.error else None,
        "receipt": receipt.full(job),
    }
