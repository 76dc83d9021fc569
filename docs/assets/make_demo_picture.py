"""Draw docs/assets/demo.svg: what `ingather demo` really prints, on a terminal of our own.

    make picture

Runs the program under a pseudo-terminal (Linux or macOS), keeps one state of its progress bar and
everything that stays on the screen, and has rich draw it.
"""

import fcntl
import html
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDE = 92
PROMPT = "$ make demo"
PICTURE = Path(__file__).with_name("demo.svg")

_ERASED = re.compile(r"\x1b\[1A\x1b\[2K|\x1b\[2K|\x1b\[\?25[lh]")
_EMOJI = re.compile(
    r'<text class="(?P<class>[^"]+)" x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)" textLength="[\d.]+"'
    r' clip-path="(?P<clip>[^"]+)">(?P<plain>[^<]*?)(?P<emoji>[\U0001f000-\U0001ffff][^<]*)</text>'
)
_CELL = 12.2  # rich's width of a character


def _apart(found: re.Match[str]) -> str:
    """A line's text, and its emoji behind it: fonts disagree on how wide these are."""
    part = '<text class="{class}" x="{x:.1f}" y="{y}"{length} clip-path="{clip}">{text}</text>'
    known = found.groupdict()
    long = _CELL * len(html.unescape(known["plain"]))
    start = float(known.pop("x"))
    plain = part.format(**known, x=start, length=f' textLength="{long:.1f}"', text=known["plain"])
    return plain + part.format(**known, x=start + long, length="", text=known["emoji"])


def seen() -> str:
    """All that the terminal received."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, WIDE, 0, 0))
    program = Path(sys.executable).with_name("ingather")
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [program, "demo"],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            cwd=folder,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        )
        os.close(follower)
        received = b""
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:
                break
            if not piece:
                break
            received += piece
        process.wait()
        said = received.decode().replace("\r\n", "\n")
        said = said.replace(str(program), ".venv/bin/ingather")
        return said.replace(os.path.realpath(folder), "~/ingather").replace(folder, "~/ingather")


def screen(received: str) -> str:
    """What stays to be read, and the progress bar as it stood in the middle."""
    bars, lines = [], []
    for line in received.split("\n"):
        frames = [frame.strip("\r") for frame in _ERASED.split(line)]
        bars += [frame for frame in frames if "Comments" in frame and "/5000" in frame]
        lines.append(frames[-1])
    half = [bar for bar in bars if re.search(r"[23]\d\d\d/5000", bar)]
    shown = "\n".join(line for line in lines if "/5000" not in line).strip("\n")
    first, _, rest = shown.partition("\n")
    return "\n".join([first, (half or bars)[len(half or bars) // 2], rest.lstrip("\n")])


def main() -> None:
    """Draw it."""
    console = Console(
        record=True, width=WIDE, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text(PROMPT, style="bold"))
    console.print(Text.from_ansi(screen(seen())), soft_wrap=False)
    drawn = console.export_svg(title="ingather demo", unique_id="demo")
    # The reader's own fonts: a picture that fetches others would tell where it is looked at.
    drawn = re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
    drawn = drawn.replace(
        "Fira Code, monospace", "ui-monospace, Menlo, DejaVu Sans Mono, monospace"
    )
    drawn = _EMOJI.sub(_apart, drawn)
    PICTURE.write_text(drawn, "utf-8")


if __name__ == "__main__":
    main()
