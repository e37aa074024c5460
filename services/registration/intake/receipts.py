"""Receipts, codes and fingerprints: what the sender of a submission gets, made from a key of the forms process.

Nothing here depends on the address or on what is stored about it, so an answer cannot tell whether somebody is known.
"""

import base64
import hashlib
import hmac
import secrets

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Of codes: no character is easily taken for another."""

CODE_LENGTH = 4
RECEIPT_BYTES = 20
RECEIPT_SHAPE = r"[a-z2-7]{32}"


def receipt_for(key: bytes, form: str, idempotency_key: str) -> str:
    """Return the receipt of a submission: the same for the same key on the same form, random without a key.

    Args:
        key: of the forms processes, 32 bytes.
        form: slug.
        idempotency_key: as the client sent it; empty if it sent none.
    """
    if not idempotency_key:
        return _text(secrets.token_bytes(RECEIPT_BYTES))
    return _text(_mac(key, "receipt", f"{form}\0{idempotency_key}")[:RECEIPT_BYTES])


def receipt_hash(receipt: str) -> bytes:
    """Return what is stored of a receipt, 32 bytes: whoever reads the table cannot ask for its page."""
    return hashlib.sha256(f"receipt\0{receipt}".encode()).digest()


def code_for(key: bytes, receipt: str) -> str:
    """Return the code by which a sender recognises their own submission. No sender can choose it."""
    number = int.from_bytes(_mac(key, "code", receipt)[:8], "big")
    letters = []
    for _ in range(CODE_LENGTH):
        number, place = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "".join(letters)


def content_fingerprint(key: bytes, digest: bytes) -> bytes:
    """Return a keyed hash of a submission's content, 32 bytes.

    Args:
        key: of the forms processes.
        digest: SHA-256 of the canonical content.
    """
    return _mac(key, "fingerprint", digest.hex())


def network_hash(key: bytes, day: str, network: str) -> bytes:
    """Return what stands for a client network on one day (ISO 8601), 32 bytes."""
    return _mac(key, f"client network {day}", network)


def _mac(key: bytes, purpose: str, text: str) -> bytes:
    return hmac.digest(key, f"{purpose}\0{text}".encode(), hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().lower()
