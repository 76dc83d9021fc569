"""Followers in the shapes of HikerAPI: `python -m benchmarks.followers_api ROWS`, ends with its
standard input.

A page is one formatted text, so that no client waits for this server.
"""

import asyncio
import json
import re
import sys

PAGE = 50
ACCOUNT = {"pk": 787132, "username": "followed", "full_name": "", "is_private": False}
_MARK = re.compile(r"(?:page_id|max_id)=([0-9]+)")
_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_USER = (
    '{"pk":"5%09d","id":"5%09d","username":"user.%07d_x","full_name":"Jane D\u00f6e %d \u2728",'
    '"is_private":false,"is_verified":false,"profile_pic_url":"https://scontent.example.invalid/v/'
    't51.2885-19/%d_n.jpg?stp=dst-jpg_s150x150&_nc_ht=scontent&oe=69DC19A9"}'
)
_USERS = ",".join([_USER] * PAGE)


def page(number: int, rows: int, *, wrapped: bool) -> bytes:
    """One page: v2 wraps the users in a response, v1 puts the cursor beside them."""
    first = number * PAGE
    users = _USERS % tuple(place for at in range(first, first + PAGE) for place in [at] * 5)
    then = json.dumps(str(number + 1) if first + PAGE < rows else None)
    if wrapped:
        return whole(f'{{"response":{{"users":[{users}]}},"next_page_id":{then}}}')
    return whole(f"[[{users}],{then}]")


def whole(body: str) -> bytes:
    data = body.encode()
    return (_HEAD % len(data)).encode() + data


class Wire(asyncio.Protocol):
    """One connection; requests come one after the other."""

    rows = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            target = self.buffer[:end].split(b" ", 2)[1].decode("latin-1")
            self.buffer = self.buffer[end + 4 :]
            if "followers" not in target:
                counted = {**ACCOUNT, "follower_count": self.rows}
                self.transport.write(whole(json.dumps(counted)))
                continue
            found = _MARK.search(target)
            number = int(found[1]) if found else 0
            self.transport.write(page(number, self.rows, wrapped=target.startswith("/v2/")))


async def main(rows: int) -> None:
    Wire.rows = rows
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Wire, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
