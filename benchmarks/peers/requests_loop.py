"""requests, json, csv, in one session."""

import csv

import requests
from graph import COLUMNS, after, csv_path, headers, params, row


def main(url: str, post: str, rows: int) -> int:
    path, got, cursor = csv_path(), 0, None
    session = requests.Session()
    session.trust_env = False
    session.headers.update(headers())
    try:
        with path.open("w", newline="") as file, session:
            out = csv.writer(file)
            out.writerow(COLUMNS)
            while True:
                answer = session.get(f"{url}/{post}/comments", params=params(cursor), timeout=30)
                answer.raise_for_status()
                page = answer.json()
                out.writerows(map(row, page["data"]))
                got += len(page["data"])
                cursor = after(page)
                if cursor is None:
                    return got
    finally:
        path.unlink()
