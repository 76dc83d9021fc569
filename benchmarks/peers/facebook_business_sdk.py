"""facebook-business, Meta's own SDK: `IGMedia.get_comments`, walked to its end."""

import csv
import os

from facebook_business.adobjects.igmedia import IGMedia
from facebook_business.api import FacebookAdsApi
from facebook_business.session import FacebookSession
from graph import COLUMNS, FIELDS, PAGE, TOKEN, csv_path, row


def main(url: str, post: str, rows: int) -> int:
    base, _, version = url.rpartition("/")
    FacebookSession.GRAPH = base
    os.environ["NO_PROXY"] = "127.0.0.1"
    api = FacebookAdsApi(FacebookSession(access_token=TOKEN), api_version=version)
    fields = ["id", "text", "timestamp", "username", "from{id,username}", "like_count"]
    assert ",".join(fields) == FIELDS
    path, got = csv_path(), 0
    try:
        with path.open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(COLUMNS)
            for one in IGMedia(post, api=api).get_comments(fields=fields, params={"limit": PAGE}):
                out.writerow(row(one))
                got += 1
        return got
    finally:
        path.unlink()
