"""instagrapi: `media_comments`, sent to loopback in the shape of the private API."""

import requests
from instagrapi import Client

SPEAKS = "private"


class ToLoopback(requests.adapters.HTTPAdapter):
    """Takes what is meant for Instagram to our own server."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def send(self, request, **more):
        request.url = self.url + request.path_url
        return super().send(request, **more)


def main(url: str, post: str, rows: int) -> int:
    client = Client()
    client.request_timeout = 0  # it sleeps that long before every call
    client.private.trust_env = False
    client.private.mount("https://", ToLoopback(url))
    return len(client.media_comments(f"{post}_1", amount=0))
