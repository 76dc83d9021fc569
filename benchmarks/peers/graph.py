"""What every peer that speaks Graph asks for: the same fields, the same page."""

import os
import tempfile
from pathlib import Path

TOKEN = "sandbox-token"
PAGE = 50
FIELDS = "id,text,timestamp,username,from{id,username},like_count"
COLUMNS = ("id", "user", "username", "timestamp", "likes", "text")


def params(after: str | None = None) -> dict[str, str]:
    found = {"fields": FIELDS, "limit": str(PAGE)}
    return {**found, "after": after} if after else found


def headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


def row(one: dict) -> tuple:
    writer = one.get("from") or {}
    return (
        one["id"],
        writer.get("id"),
        one.get("username"),
        one["timestamp"],
        one.get("like_count"),
        one.get("text"),
    )


def after(page: dict) -> str | None:
    paging = page.get("paging") or {}
    return paging["cursors"]["after"] if paging.get("next") else None


def csv_path() -> Path:
    handle, path = tempfile.mkstemp(suffix=".csv", prefix="igb-")
    os.close(handle)
    return Path(path)
