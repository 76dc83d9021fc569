"""The way in from a shell: `ingather` and `python -m ingather`."""

import os
import sys

from ingather.cli import app


def main() -> None:
    """Run the command line."""
    _three_streams()
    app()


def _three_streams() -> None:
    """Whoever starts us with a standard stream closed, as some supervisors do, gets an empty one:
    else the next file or socket takes its number, and uvloop aborts the process at its end."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123


if __name__ == "__main__":
    main()
