"""The same rows in the shapes of Instagram's private API and of HikerAPI, for the peers that speak
those: `python -m benchmarks.private_api GRAPH_URL POST LATENCY_MS`, ends with its standard input.

Every page is made before the address is told, so that no peer waits for this server.
"""

import asyncio
import json
import re
import sys
import urllib.request
from datetime import datetime
from urllib.parse import parse_qs, urlencode, urlsplit

from benchmarks.servers import PAGE, TOKEN

LENGTH = re.compile(r"(?im)^content-length: *(\d+)")
FIELDS = "id,text,timestamp,username,from{id,username},like_count"


def graph_pages(url: str, post: str) -> list[list[dict]]:
    """All pages of a post, read from the sandbox."""
    pages: list[list[dict]] = []
    after: str | None = ""
    while after is not None:
        query = urlencode({"fields": FIELDS, "limit": PAGE} | ({"after": after} if after else {}))
        request = urllib.request.Request(
            f"{url}/{post}/comments?{query}", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            page = json.load(answer)
        pages.append(page["data"])
        paging = page.get("paging") or {}
        after = paging["cursors"]["after"] if paging.get("next") else None
    return pages


def comment(row: dict) -> dict:
    """A row as the private API writes it: every field of a recorded answer of
    `v2/media/comments/replies`, in which HikerAPI passes on what that API says."""
    when = int(datetime.fromisoformat(row["timestamp"]).timestamp())
    host = "scontent-dfw6-1.cdninstagram.com"
    return {
        "bit_flags": 0,
        "comment_like_count": row.get("like_count", 0),
        "content_type": "comment",
        "created_at": when,
        "created_at_for_fb_app": when,
        "created_at_utc": when,
        "did_report_as_spam": False,
        "has_disliked_comment": False,
        "has_liked_comment": False,
        "has_translation": True,
        "is_covered": False,
        "is_photo_comments_enabled_for_comment_author": False,
        "is_text_editable": False,
        "is_edited": False,
        "meta_ai_comment_type": "NONE",
        "is_ranked_comment": False,
        "liked_by_media_coauthors": [],
        "media_id": 3864286541032633353,
        "pk": row["id"],
        "private_reply_status": 0,
        "share_enabled": True,
        "status": "Active",
        "strong_id__": row["id"],
        "text": row.get("text", ""),
        "type": 0,
        "user": {
            "fbid_v2": 13809400408493083,
            "full_name": row["from"]["username"],
            "id": row["from"]["id"],
            "is_mentionable": True,
            "is_private": False,
            "is_verified": False,
            "pk": int(row["from"]["id"]),
            "pk_id": row["from"]["id"],
            "profile_pic_id": f"2772866588013207358_{row['from']['id']}",
            "profile_pic_url": f"https://{host}/v/t51.2885-15/n.jpg?_nc_ht={host}&oe=69DC19A9",
            "strong_id__": row["from"]["id"],
            "username": row["from"]["username"],
        },
        "user_id": int(row["from"]["id"]),
    }


def answers(pages: list[list[dict]]) -> dict[tuple[str, int], bytes]:
    """Whole HTTP answers by (shape, page)."""
    made: dict[tuple[str, int], bytes] = {}
    for number, rows in enumerate(pages):
        comments = [comment(row) for row in rows]
        after = str(number + 1) if number + 1 < len(pages) else None
        body: dict = {"comments": comments, "has_more_comments": after is not None, "status": "ok"}
        if after:
            body["next_max_id"] = after
        made["private", number] = whole(body)
        made["hiker", number] = whole({"response": {"comments": comments}, "next_page_id": after})
    return made


def whole(body: dict) -> bytes:
    data = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    return head.encode() + b"\r\n" + data


class Wire(asyncio.Protocol):
    """One connection. Latency is counted from the arrival of a request."""

    made: dict[tuple[str, int], bytes]
    latency: float

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].decode("latin-1")
            length = LENGTH.search(head)
            stop = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < stop:
                return
            body, self.buffer = self.buffer[end + 4 : stop].decode(), self.buffer[stop:]
            answer = self.made[asked(head.split(" ", 2)[1], body)]
            if self.latency:
                loop = asyncio.get_running_loop()
                loop.call_later(self.latency, self.transport.write, answer)
            else:
                self.transport.write(answer)


def asked(target: str, body: str) -> tuple[str, int]:
    """Shape and page: the private API has its cursor in a signed form, HikerAPI in the query."""
    url = urlsplit(target)
    if url.path.startswith("/v2/"):
        return "hiker", int(parse_qs(url.query).get("page_id", ["0"])[0])
    signed = parse_qs(body).get("signed_body", ["SIGNATURE.{}"])[0]
    return "private", int(json.loads(signed.partition(".")[2]).get("max_id", 0))


async def main(url: str, post: str, latency_ms: float) -> None:
    Wire.made, Wire.latency = answers(graph_pages(url, post)), latency_ms / 1000
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Wire, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
