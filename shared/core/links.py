"""Tokens of the links in mails: a random secret that opens one thing for one purpose; only its hash is kept.

A token is 256 random bits, so its hash needs neither salt nor slowness, and a row is found by the hash of whatever was
sent: how long that takes may tell something of the hash of a guess, and nothing of any token. The purpose is hashed in
front of the token. A token of one kind of link therefore opens nothing at another, in whichever column or database its
hash may have come to stand.
"""

import hashlib
import re

OWN, CONFIRMATION, VIEW, JOIN = "own", "confirmation", "view", "join"
"""Purposes: a person's own registration; what waits for the owner of an address; event, time and status of a
registration, read-only; the online meeting of a registration's event."""

UNDO_ADDRESS = "undo-address"
"""The purpose of a link that restores the address of a registration."""

_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")
"""What ``new_token`` makes."""


def link_hash(token: str, purpose: str) -> bytes:
    """What is stored of ``token``, 32 bytes: SHA-256 of the purpose, a NUL and the token."""
    return hashlib.sha256(f"{purpose}\0{token}".encode()).digest()


def sent_hash(text: str, purpose: str) -> bytes | None:
    """The hash by which what ``text`` opens is stored; None if its length or characters show that it is no token."""
    return link_hash(text, purpose) if _SHAPE.fullmatch(text) else None
