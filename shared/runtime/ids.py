"""Identifiers, secrets, keyed hashes, tokens of links, and slugs.

Identifiers sort by age, which indexes favour. Secrets are random, and only their hash is stored.

A token of a link is 256 random bits and opens one thing for one purpose. Its hash needs neither salt nor slowness, and
a row is found by the hash of the token that was sent: a timing attack may reveal something about the hash of a
guess, and nothing about a token. The purpose is hashed in front of the token, so a token of one kind of link opens
nothing at another, in whichever column or database its hash is stored.
"""

import hashlib
import hmac
import os
import re
import secrets
import time
import unicodedata
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


def first_id_of(instant: datetime) -> str:
    """The smallest identifier that :func:`new_id` can make at ``instant`` (aware): all smaller ones are older."""
    milliseconds = int(instant.timestamp() * 1000)
    return str(uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | 0x2 << 62))


def new_token() -> str:
    """A fresh URL-safe secret of 256 bits (43 characters)."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> bytes:
    """SHA-256 of a key in the access file, 32 bytes. A random 256-bit secret needs no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def keyed_hash(key: bytes, purpose: str, text: str) -> bytes:
    """HMAC-SHA-256 of ``text`` under ``key`` for one purpose, 32 bytes: lookups without the text itself."""
    return hmac.digest(key, f"{purpose}\0{text}".encode(), hashlib.sha256)


_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")
"""What ``new_token`` makes."""


def link_hash(token: str, purpose: str) -> bytes:
    """What is stored of ``token``, 32 bytes: SHA-256 of the purpose, a NUL and the token."""
    return hashlib.sha256(f"{purpose}\0{token}".encode()).digest()


def sent_hash(text: str, purpose: str) -> bytes | None:
    """The hash that is stored for a token ``text``; None if its length or characters show that it is no token."""
    return link_hash(text, purpose) if _SHAPE.fullmatch(text) else None


MAX_LENGTH = 80


def slug_from(title: str, separator: str = "-", longest: int = MAX_LENGTH) -> str:
    """Return ``title`` in lower-case Latin letters and digits; empty if it has none of them.

    Accents are left off; other scripts are not transcribed, since a wrong name is permanent.

    Args:
        title: what people call it.
        separator: the text between its words.
        longest: most characters; whole words are left off at the end.
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    name = ""
    for word in re.findall(r"[a-z0-9]+", plain):
        longer = f"{name}{separator}{word}" if name else word[:longest]
        if len(longer) > longest:
            break
        name = longer
    return name


def free_slug(wanted: str, taken: set[str], separator: str = "-") -> str:
    """Return ``wanted``, or with the first number from 2 on that makes it differ from all that are ``taken``."""
    number, free = 2, wanted
    while free in taken:
        number, free = number + 1, f"{wanted}{separator}{number}"
    return free
