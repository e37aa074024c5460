"""Tokens of the links in mails: a random secret that opens one thing for one purpose; only its hash is kept.

A token is 256 random bits, so its hash needs neither salt nor slowness, and a row is found by the hash of whatever was
sent: how long that takes may tell something of the hash of a guess, and nothing of any token. The purpose is hashed in
front of the token. A token of one kind of link therefore opens nothing at another, in whichever column or database its
hash may have come to stand.
"""

import hashlib
import re

OWN, VERIFY, PROPOSAL = "own", "verify", "proposal"
"""Purposes: a person's own registration, confirming its address, a proposer's own proposal."""

_UNBOUND_BEFORE = frozenset({OWN, PROPOSAL})
"""Purposes whose tokens were stored as their bare SHA-256 by version 0.1; links in mails of that time go on working."""

_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")
"""What ``new_token`` makes."""


def link_hash(token: str, purpose: str) -> bytes:
    """What is stored of a new ``token``, 32 bytes: SHA-256 of the purpose, a NUL and the token."""
    return hashlib.sha256(f"{purpose}\0{token}".encode()).digest()


def known_hashes(text: str, purpose: str) -> list[bytes]:
    """By which hashes what ``text`` opens may be stored; none if it can be no token, whatever its length or signs."""
    if _SHAPE.fullmatch(text) is None:
        return []
    bound = [link_hash(text, purpose)]
    return [*bound, hashlib.sha256(text.encode()).digest()] if purpose in _UNBOUND_BEFORE else bound
