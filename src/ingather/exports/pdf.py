"""A page printed by Chromium, where there is one."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from ingather import errors

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SECONDS = 60


def printed(page: str) -> bytes:
    """The PDF of a page that needs nothing beside itself. Blocks. Raises BadInput where there is no
    Chromium, StoreError where it fails."""
    browser = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if browser is None:
        raise errors.BadInput(
            "A .pdf is printed by Chromium, and there is none here.",
            hint="Install the package chromium, or write .html and print it in your browser.",
        )
    with tempfile.TemporaryDirectory(prefix="ingather-") as folder:
        source, target = Path(folder, "page.html"), Path(folder, "page.pdf")
        source.write_text(page, "utf-8")
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            f"--user-data-dir={folder}/profile",
            "--no-pdf-header-footer",
            f"--print-to-pdf={target}",
            source.as_uri(),
        ]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)  # noqa: S603
            return target.read_bytes()
        except (OSError, subprocess.SubprocessError) as failure:
            raise errors.StoreError(
                f"Chromium could not print the page ({type(failure).__name__}).",
                hint="Write .html and print it in your browser.",
            ) from None
