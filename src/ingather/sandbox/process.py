"""A sandbox as a process of its own, which never outlives the one that started it."""

import json
import subprocess
import sys
import threading
import urllib.request
from queue import Empty, Queue
from types import TracebackType

from ingather.sandbox.options import (
    BEACON_PATH,
    CONTROL_PATH,
    HIKER_PATH,
    TSA_PATH,
    VERSION,
    WEB_PATH,
)

_READY = "sandbox ready at "


class SandboxProcess:
    """Runs `python -m ingather.sandbox` while the context lasts; url and ways in as `Sandbox`."""

    def __init__(
        self,
        *,
        port: int = 0,
        seed: int = 1,
        latency_ms: float = 0.0,
        faults: dict[str, float] | None = None,
        start_seconds: float = 20.0,
    ) -> None:
        self._command = [sys.executable, "-m", "ingather.sandbox", "--watch-stdin"]
        self._command += ["--port", str(port), "--seed", str(seed), "--latency", f"{latency_ms}ms"]
        if faults:
            self._command += ["--fault", *(f"{name}:{odds}" for name, odds in faults.items())]
        self._start_seconds = start_seconds
        self.url = ""

    @property
    def graph_url(self) -> str:
        return f"{self.url}/{VERSION}"

    @property
    def login_url(self) -> str:
        return f"{self.url}/{VERSION}/dialog/oauth"

    @property
    def hiker_url(self) -> str:
        return f"{self.url}{HIKER_PATH}"

    @property
    def beacon_url(self) -> str:
        """Stands for api.drand.sh."""
        return f"{self.url}{BEACON_PATH}"

    @property
    def tsa_url(self) -> str:
        """Stands for a time-stamp authority; its root is at /root.pem below it."""
        return f"{self.url}{TSA_PATH}"

    @property
    def web_url(self) -> str:
        return f"{self.url}{WEB_PATH}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> "SandboxProcess":
        """Start it and wait for its address; TimeoutError or RuntimeError where it does not."""
        self._process = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        said: Queue[str] = Queue()
        # A thread, because a pipe cannot be waited for with a deadline on every platform.
        threading.Thread(target=self._listen, args=(said,), daemon=True).start()
        try:
            line = said.get(timeout=self._start_seconds)
        except Empty:
            self.stop()
            raise TimeoutError("the sandbox did not come up in time") from None
        if not line.startswith(_READY):
            self.stop()
            raise RuntimeError(f"the sandbox did not start: {line!r}")
        self.url = line.removeprefix(_READY).strip()
        return self

    def stop(self) -> None:
        """Close its standard input, which ends it; kill it where that does not."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def control(self, **wish: object) -> dict[str, object]:
        """POST a wish to the control door; with none, what it shows."""
        return self._ask(CONTROL_PATH, json.dumps(wish).encode() if wish else None)

    def calls(self, since: int = 0) -> list[dict[str, object]]:
        """The calls after number `since`, oldest first, at most the last 10,000."""
        found = self._ask(f"{CONTROL_PATH}/calls?since={since}")["calls"]
        assert isinstance(found, list)
        return found

    def catalogue(self) -> dict[str, object]:
        """What there is, as told at the front door."""
        return self._ask("/")

    def __enter__(self) -> "SandboxProcess":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _listen(self, said: "Queue[str]") -> None:
        assert self._process.stdout is not None
        said.put(self._process.stdout.readline())

    def _ask(self, path: str, body: bytes | None = None) -> dict[str, object]:
        request = urllib.request.Request(self.url + path, data=body)  # noqa: S310 - loopback http
        # Without proxies: an environment's proxy must not see loopback calls.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            found = json.load(answer)
        assert isinstance(found, dict)
        return found
