"""Scrapy: one spider, items to its CSV feed."""

from urllib.parse import urlencode

import scrapy
from graph import COLUMNS, after, csv_path, headers, params, row
from scrapy.crawler import CrawlerProcess


class Comments(scrapy.Spider):
    name = "comments"
    edge = ""

    async def start(self):
        yield self.ask(None)

    def ask(self, cursor):
        return scrapy.Request(f"{self.edge}?{urlencode(params(cursor))}", headers=headers())

    def parse(self, response):
        page = response.json()
        for one in page["data"]:
            yield dict(zip(COLUMNS, row(one), strict=True))
        if cursor := after(page):
            yield self.ask(cursor)


def main(url: str, post: str, rows: int) -> int:
    path = csv_path()
    Comments.edge = f"{url}/{post}/comments"
    process = CrawlerProcess(
        {
            "FEEDS": {str(path): {"format": "csv", "overwrite": True}},
            "LOG_ENABLED": False,
            "TELNETCONSOLE_ENABLED": False,
            "ROBOTSTXT_OBEY": False,
            "DOWNLOAD_DELAY": 0,
            "HTTPPROXY_ENABLED": False,
        }
    )
    try:
        crawler = process.create_crawler(Comments)
        process.crawl(crawler)
        process.start()
        return crawler.stats.get_value("item_scraped_count", 0)
    finally:
        path.unlink()
