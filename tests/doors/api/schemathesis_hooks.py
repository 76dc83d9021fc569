"""Beside schemathesis: an Idempotency-Key that is valid names one request, as a client's would.

Made-up keys are short, so that two requests come with the same one now and then, and the second is
refused as it should be.
"""

import itertools
import re

import schemathesis

_numbers = itertools.count(1)


@schemathesis.hook
def before_call(context, case, kwargs) -> None:
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch(r"[!-~]{1,190}", key):
        case.headers["Idempotency-Key"] = f"{key}-{next(_numbers)}"
