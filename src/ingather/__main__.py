"""The way in from a shell: `ingather` and `python -m ingather`."""

import errno
import io
import os
import sys

from ingather.cli import app
from ingather.cli.run import CLOSED, nowhere, say, writable


def main() -> None:
    """Run the command line."""
    _three_streams()
    _any_letter()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # what waits to be written may not find its place
    except BrokenPipeError:  # whoever read our output has had enough of it
        nowhere()
    except OSError as failure:
        from ingather.exports.aside import FULL

        if failure.errno not in FULL | {errno.EBADF}:
            raise
        closed = not writable()
        nowhere()
        say(f"Error: {CLOSED if closed else 'There is no room left for the output.'}")
        sys.exit(1)


def _three_streams() -> None:
    """Whoever starts us with a standard stream closed, as some supervisors do, gets one that holds
    its place: else the next file or socket takes its number, and uvloop aborts the process at its
    end. What is written to that output fails, as it should: rows must not be lost in silence."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            place = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            setattr(sys, name, open(place, mode, encoding="utf-8"))  # noqa: SIM115, PTH123


def _any_letter() -> None:
    """A terminal that lacks a letter shows `?` in its place; whoever reads us through a pipe or a
    file gets UTF-8, as JSON has to be, whatever the terminal's is."""
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):
            continue
        if stream.isatty():
            stream.reconfigure(errors="replace")
        elif stream.encoding.lower().replace("-", "") != "utf8":
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


if __name__ == "__main__":
    main()
