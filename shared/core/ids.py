"""Identifiers and secrets. Identifiers sort by age (kind to indexes); secrets are random, only their hash is kept.

Tokens of links are hashed with their purpose: :mod:`shared.core.links`.
"""

import hashlib
import os
import secrets
import time
import uuid
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOKEN_BYTES = 32
"""256 bit: guessing is hopeless at any rate a server can answer (OWASP ASVS 5.0, 11.5.1)."""


def new_id() -> str:
    """A UUID version 7 (RFC 9562, section 5.7) as text: 48 bits of Unix milliseconds, 74 random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def made_at_of(identifier: str) -> datetime | None:
    """When a UUID (text) was made, in UTC, to the millisecond; None if it is not one of version 7."""
    value = uuid.UUID(identifier)
    if value.version != 7:
        return None
    return _EPOCH + timedelta(milliseconds=value.int >> 80)


def first_id_of(moment: datetime) -> str:
    """The smallest identifier that :func:`new_id` can make at ``moment`` (aware): all smaller ones are older."""
    milliseconds = int(moment.timestamp() * 1000)
    return str(uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | 0x2 << 62))


def new_token() -> str:
    """A fresh URL-safe secret of 256 bits (43 characters)."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> bytes:
    """SHA-256 of a key in the access file, 32 bytes. A random 256-bit secret needs no slow hash."""
    return hashlib.sha256(token.encode()).digest()
