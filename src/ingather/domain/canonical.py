"""Canonical JSON (RFC 8785): one value, one text, so that a hash of it can be taken."""

from typing import Any

import rfc8785

from ingather import errors


def dumps(value: Any) -> bytes:
    """The canonical text in UTF-8.

    Raises BadInput where there is none: numbers beyond 2^53, NaN, half an emoji, odd types.
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as failure:
        raise errors.BadInput(
            f"This has no canonical JSON: {failure}.",
            hint="Write ids as strings; leave out NaN, infinities and lone surrogates.",
        ) from None
