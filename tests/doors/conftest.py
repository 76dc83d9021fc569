"""What sources are tried against: the sandbox in this process, and a client to ask it with."""

import pytest

from ingather.providers.http import Http
from ingather.sandbox.server import serve


@pytest.fixture
async def sandbox():
    async with await serve() as sandbox:
        yield sandbox


@pytest.fixture
async def http():
    http = Http(deadline=5)
    yield http
    await http.close()
