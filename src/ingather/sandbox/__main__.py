"""`python -m ingather.sandbox`: serve until told to stop, and say where in one line."""

import argparse
import asyncio
import os
import signal
import sys
import threading

from ingather.sandbox import exact
from ingather.sandbox.options import Options
from ingather.sandbox.server import serve
from ingather.sandbox.spoken import fault, milliseconds


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m ingather.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency", type=milliseconds, default=0.0, metavar="50ms")
    parser.add_argument("--fault", nargs="+", action="extend", type=fault, default=[],
                        metavar="NAME:PROB")  # fmt: skip
    parser.add_argument("--usage-after", type=int, default=20, metavar="CALLS")
    parser.add_argument("--watch-stdin", action="store_true", help="stop when stdin closes")
    given = parser.parse_args(arguments)
    options = Options(
        seed=given.seed,
        latency_ms=given.latency,
        faults=dict(given.fault),
        usage_after=given.usage_after,
    )
    try:
        with exact.runner() as loop:
            loop.run(_run(options, given.host, given.port, given.watch_stdin))
    except (OSError, ValueError) as error:
        parser.exit(1, f"sandbox: {error}\n")
    except KeyboardInterrupt:
        pass
    return 0


async def _run(options: Options, host: str, port: int, watch_stdin: bool) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(name, over.set)
        except NotImplementedError:  # Windows: Ctrl-C arrives as KeyboardInterrupt
            break
    async with await serve(options, host, port) as sandbox:
        sys.stdout.write(f"sandbox ready at {sandbox.url}\n")
        sys.stdout.flush()
        if watch_stdin:
            _when_stdin_closes(loop, over)
        await over.wait()


def _when_stdin_closes(loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
    def wait() -> None:
        # os.read, because a thread within sys.stdin's lock would upset the interpreter's end.
        while os.read(0, 1 << 16):
            pass
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
