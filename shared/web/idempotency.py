"""The ``Idempotency-Key`` header (IETF draft-ietf-httpapi-idempotency-key-header): the same key, the same answer.

The key's row is stored in the registration's own transaction, so there is no state in which one exists without the
other, and a process that dies leaves nothing behind that would have to lapse.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import orjson
from flask import request
from werkzeug.exceptions import BadRequest

HEADER = "Idempotency-Key"
_SHAPE = re.compile(r"[\x21-\x7e]{8,200}")


def idempotency_key() -> str:
    """The key of the request, without the quotes some clients send; empty if there is none.

    Raises:
        BadRequest: present but not 8 to 200 visible ASCII characters.
    """
    return checked_key(request.headers.get(HEADER, "").strip().strip('"'))


def checked_key(key: str) -> str:
    """``key`` if it has the shape of one, or is empty.

    Raises:
        BadRequest: it has not.
    """
    if key and not _SHAPE.fullmatch(key):
        raise BadRequest("Idempotency-Key: 8 to 200 visible characters are required")
    return key


def fingerprint(scope: str, content: Mapping[str, Any]) -> bytes:
    """SHA-256 of what was asked for, independent of the order of its fields, 32 bytes."""
    try:
        canonical = orjson.dumps([scope, content], default=str, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # halves of characters and huge numbers, which orjson does not write; the form refuses them later
        canonical = json.dumps([scope, content], sort_keys=True, default=str).encode()
    return hashlib.sha256(canonical).digest()
