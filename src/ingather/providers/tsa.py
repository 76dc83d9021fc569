"""A time-stamp authority (RFC 3161): a third party's word for when a commitment was there."""

import importlib
from typing import Any

from ingather import errors
from ingather.providers.http import Http

_HINT = "The commitment stands. Ask again with `ingather giveaways anchor ID --tsa`."


class TimeStamps:
    """The authority at an address."""

    def __init__(self, http: Http, url: str) -> None:
        self._http = http
        self._url = url

    async def stamp(self, data: bytes) -> bytes:
        """The authority's answer (TimeStampResp, DER) over the SHA-256 of these bytes; that it is
        about them and about this very question is checked, its signature is not: that is the
        verifier's, which pins whom it believes. Raises Transient, Refused."""
        rfc3161: Any = importlib.import_module("rfc3161_client")
        question = (
            rfc3161.TimestampRequestBuilder()
            .data(data)
            .hash_algorithm(rfc3161.HashAlgorithm.SHA256)
            .nonce(nonce=True)
            .cert_request(cert_request=True)
            .build()
        )
        answer = await self._http.post(
            self._url,
            question.as_bytes(),
            headers={"Content-Type": "application/timestamp-query"},
        )
        if answer.status != 200:
            raise errors.Transient(
                f"The time-stamp authority answered with HTTP {answer.status}.", hint=_HINT
            )
        try:
            told = rfc3161.decode_timestamp_response(answer.body)
            granted = rfc3161.PKIStatus(told.status) in (
                rfc3161.PKIStatus.GRANTED,
                rfc3161.PKIStatus.GRANTED_WITH_MODS,
            )
            info = told.tst_info if granted else None
        except ValueError:
            raise errors.Transient(
                "What the time-stamp authority answered is no time stamp.", hint=_HINT
            ) from None
        if info is None:
            raise errors.Refused("The time-stamp authority refused to stamp.", hint=_HINT)
        asked = question.message_imprint.message
        if info.message_imprint.message != asked or info.nonce != question.nonce:
            raise errors.Refused(
                "The time-stamp authority stamped something else than was asked.", hint=_HINT
            )
        body: bytes = answer.body
        return body
