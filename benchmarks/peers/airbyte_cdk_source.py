"""airbyte-cdk: a declarative source with a cursor paginator; its records to CSV."""

import csv
import logging

from airbyte_cdk.models import ConfiguredAirbyteCatalogSerializer, Type
from airbyte_cdk.sources.declarative.concurrent_declarative_source import (
    ConcurrentDeclarativeSource,
)
from graph import COLUMNS, FIELDS, PAGE, TOKEN, csv_path, row


def manifest(url: str, post: str) -> dict:
    return {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["comments"]},
        "streams": [
            {
                "type": "DeclarativeStream",
                "name": "comments",
                "primary_key": ["id"],
                "schema_loader": {
                    "type": "InlineSchemaLoader",
                    "schema": {"type": "object", "properties": {}},
                },
                "retriever": {
                    "type": "SimpleRetriever",
                    "requester": {
                        "type": "HttpRequester",
                        "url_base": url,
                        "path": f"/{post}/comments",
                        "http_method": "GET",
                        "request_parameters": {"fields": FIELDS},
                        "authenticator": {"type": "BearerAuthenticator", "api_token": TOKEN},
                    },
                    "record_selector": {
                        "type": "RecordSelector",
                        "extractor": {"type": "DpathExtractor", "field_path": ["data"]},
                    },
                    "paginator": {
                        "type": "DefaultPaginator",
                        "page_token_option": {
                            "type": "RequestOption",
                            "inject_into": "request_parameter",
                            "field_name": "after",
                        },
                        "page_size_option": {
                            "type": "RequestOption",
                            "inject_into": "request_parameter",
                            "field_name": "limit",
                        },
                        "pagination_strategy": {
                            "type": "CursorPagination",
                            "page_size": PAGE,
                            "cursor_value": "{{ response['paging']['cursors']['after'] }}",
                            "stop_condition": "{{ 'next' not in response.get('paging', {}) }}",
                        },
                    },
                },
            }
        ],
    }


def main(url: str, post: str, rows: int) -> int:
    logging.disable(logging.CRITICAL)
    catalog = ConfiguredAirbyteCatalogSerializer.load(
        {
            "streams": [
                {
                    "stream": {
                        "name": "comments",
                        "json_schema": {},
                        "supported_sync_modes": ["full_refresh"],
                    },
                    "sync_mode": "full_refresh",
                    "destination_sync_mode": "overwrite",
                }
            ]
        }
    )
    source = ConcurrentDeclarativeSource(
        catalog=catalog, config={}, state=[], source_config=manifest(url, post)
    )
    path, got = csv_path(), 0
    try:
        with path.open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(COLUMNS)
            for message in source.read(logging.getLogger("airbyte"), {}, catalog, []):
                if message.type == Type.RECORD:
                    out.writerow(row(message.record.data))
                    got += 1
        return got
    finally:
        path.unlink()
