"""A warm Ingather, run as a script: it imports everything once, and forks for each command.

Its one argument is the number of a socket's end. A line of JSON comes there for each command, with
four files: its standard input, output and error, and a socket that is told its process id, and its
exit code in the end, in the words of `subprocess` (a signal's number negated). What runs in a fork
is what `python -m ingather` would run, but for the second that starting an interpreter and
importing everything takes; or, where the line names one, another script.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
import threading
from pathlib import Path
from select import select
from typing import NoReturn

import ingather
from ingather import points

STREAMS = (0, 1, 2)


def warm() -> None:
    """Import all that a command may import, but for what runs by being imported."""
    for module in pkgutil.walk_packages(ingather.__path__, "ingather."):
        if not module.name.endswith((".__main__", ".env")):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


def serve(door: socket.socket) -> NoReturn:
    """Fork for each line that comes, until nobody is there any more; never returns."""
    running: dict[int, socket.socket] = {}
    ended, wake = socket.socketpair()
    for each in (ended, wake):
        each.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        ready = select([door, ended], [], [])[0]
        if ended in ready:
            ended.recv(1_000)
            reap(running)
        if door not in ready:
            continue
        line, files, _, _ = socket.recv_fds(door, 1 << 16, len(STREAMS) + 1)
        while line and not line.endswith(b"\n"):
            line += door.recv(1 << 16)
        if not line:  # nobody is there any more
            for pid in running:
                os.kill(pid, signal.SIGKILL)
            os._exit(0)
        *streams, told = files
        if pid := os.fork():
            for file in streams:
                os.close(file)
            running[pid] = socket.socket(fileno=told)
            tell(running[pid], pid)
            continue
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for each in (door, ended, wake, *running.values()):
            each.close()
        os.close(told)
        wish = json.loads(line)
        become(wish, streams)
        run(wish["before"], wish["script"])


def reap(running: dict[int, socket.socket]) -> None:
    """Tell of each command that has ended."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with running.pop(pid) as told:
            tell(told, os.waitstatus_to_exitcode(status))


def tell(told: socket.socket, number: int) -> None:
    """To whoever started a command, if they are still there."""
    with contextlib.suppress(BrokenPipeError):
        told.send(b"%d\n" % number)


def become(wish: dict, streams: list[int]) -> None:
    """Make of this fork a process that was started with these words, and there."""
    for number, file in zip(STREAMS, streams, strict=True):
        os.dup2(file, number)
        os.close(file)
    os.chdir(wish["folder"])
    os.environ.clear()
    os.environ.update(wish["environ"])
    sys.argv = [str(Path(ingather.__file__).with_name("__main__.py")), *wish["words"]]
    points.arm(os.environ.get("INGATHER_TEST_POINT"))


def run(before: str, script: str | None) -> NoReturn:
    """Run the program, or a script, to its exit code. The interpreter is not taken down: that would
    touch, and so copy, every page that the fork shares."""
    code = 0
    try:
        exec(before, {})
        if script is not None:
            runpy.run_path(script, run_name="__main__")
        else:
            importlib.import_module("ingather.__main__").main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does
        code = 1
        sys.excepthook(*sys.exc_info())
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except OSError as error:
        code = 120
        print("Exception ignored at the end:", repr(error), file=sys.stderr)
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    warm()
    with socket.socket(fileno=int(sys.argv[1])) as ours:
        ours.send(b"warm\n")
        serve(ours)
