"""The peers' own environment, .bench/venv, made from requirements.lock when that has changed."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE.parent / ".bench" / "venv"
LOCK = HERE / "requirements.lock"
PEERS = {
    "httpx_loop": "httpx async + json + csv",
    "requests_loop": "requests + json + csv",
    "aiohttp_loop": "aiohttp + json + csv",
    "hikerapi_comments": "hikerapi (async)",
    "instagrapi_comments": "instagrapi",
    "airbyte_cdk_source": "airbyte-cdk (declarative)",
    "scrapy_spider": "Scrapy",
    "facebook_business_sdk": "facebook-business",
}
SPEAK_PRIVATE = {"hikerapi_comments", "instagrapi_comments"}


def python() -> Path:
    folder = FOLDER / ("Scripts" if sys.platform == "win32" else "bin")
    return folder / "python"


def make() -> None:
    """Install what the lock names, by hash. Where that fails, peers that import are measured."""
    stamp = FOLDER / "lock.sha256"
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"Installing the peers into {FOLDER.relative_to(HERE.parent)}", file=sys.stderr)
    if not python().exists():
        venv.create(FOLDER, with_pip=True)
    pip = [str(python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--require-hashes", "-r", str(LOCK)],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1_200,
    )
    if done.returncode == 0:
        stamp.write_text(digest)
    else:
        print("Not every peer could be installed.", file=sys.stderr)


def missing() -> dict[str, str]:
    """Peers that cannot be imported, and why."""
    found = {}
    for name in PEERS:
        done = subprocess.run(
            [str(python()), "-c", f"import {name}"],
            check=False,
            cwd=HERE / "peers",
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode:
            found[name] = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return found
