"""Keeping people's data closed: sealed boxes between services, AES-256-GCM at rest, keyed hashes for look-ups.

A sealed box (libsodium ``crypto_box_seal``) can be made by anyone with the public key and opened only by the
holder of the private one, so the broker, its disk and its backups carry nothing readable.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from shared.core.key_files import KEY_BYTES, new_key, read_keys

__all__ = [
    "KEY_BYTES",
    "Unsealable",
    "Vault",
    "keyed_hash",
    "new_key",
    "open_sealed",
    "public_key_of",
    "read_keys",
    "seal_to",
]

NONCE_BYTES = 12


class Unsealable(Exception):
    """The box does not open: another key, another row, or altered bytes. Says nothing about its content."""


def public_key_of(private: bytes) -> bytes:
    """The public half (32 bytes, X25519) of a private key."""
    return bytes(PrivateKey(private).public_key)


def seal_to(public: bytes, content: Mapping[str, Any]) -> bytes:
    """``content`` as JSON in a sealed box for the holder of ``public``'s private key."""
    return _box_to(public).encrypt(orjson.dumps(content))


@lru_cache(maxsize=16)
def _box_to(public: bytes) -> "SealedBox[PublicKey]":
    return SealedBox(PublicKey(public))


def open_sealed(privates: list[bytes], box: bytes) -> dict[str, Any]:
    """The content of a sealed box, tried with each private key, newest first.

    Raises:
        Unsealable: none of the keys opens it.
    """
    for private in privates:
        try:
            content = json.loads(SealedBox(PrivateKey(private)).decrypt(box))
        except (CryptoError, ValueError):
            continue
        if isinstance(content, dict):
            return content
    raise Unsealable


class Vault:
    """AES-256-GCM at rest. The row's identity is bound in, so a value moved to another row does not open.

    Args:
        keys: 32 bytes each, newest first; the first one encrypts, all of them decrypt.
    """

    def __init__(self, keys: list[bytes]) -> None:
        self._ciphers = [AESGCM(key) for key in keys]

    def close(self, content: Mapping[str, Any], *, row: str) -> bytes:
        """Nonce and ciphertext of ``content`` as JSON, bound to ``row``."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, orjson.dumps(content), row.encode())

    def open(self, closed: bytes, *, row: str) -> dict[str, Any]:
        """The content closed for ``row``.

        Raises:
            Unsealable: no key opens it, or it belongs to another row.
        """
        for cipher in self._ciphers:
            try:
                plain = cipher.decrypt(closed[:NONCE_BYTES], closed[NONCE_BYTES:], row.encode())
            except InvalidTag:
                continue
            content: dict[str, Any] = json.loads(plain)
            return content
        raise Unsealable


def keyed_hash(key: bytes, purpose: str, text: str) -> bytes:
    """HMAC-SHA-256 of ``text`` under ``key`` for one purpose, 32 bytes: look-ups without the text itself."""
    return hmac.digest(key, f"{purpose}\0{text}".encode(), hashlib.sha256)
