"""Encryption: sealed boxes between services, AES-256-GCM at rest, re-encryption.

A sealed box (libsodium ``crypto_box_seal``) can be made by anyone with the public key and opened only by the holder of
the private one, so that the broker, its disk and its backups contain nothing readable.

After a key rotation rows are re-encrypted by the newest key while all processes keep reading and writing them. A row
that is locked is left for the next pass, so no deadlock can occur. Until the last row is done both keys open
everything, and an interrupted run is continued by the next one.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from sqlalchemy import TextClause

from shared.db.unit_of_work import UnitOfWork
from shared.security.keys import KEY_BYTES, new_key, read_keys

__all__ = [
    "KEY_BYTES",
    "Unsealable",
    "Vault",
    "new_key",
    "open_sealed",
    "public_key_of",
    "read_keys",
    "seal_to",
]

NONCE_BYTES = 12


class Unsealable(Exception):
    """The box does not open: another key, another row, or altered bytes. It reveals nothing about its content."""


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


AT_ONCE = 200
PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class EncryptedRows:
    """Statements on a table that holds one closed value a row.

    Attributes:
        read: ``(id, closed)`` of at most ``:most`` rows whose id follows ``:after`` (empty: from the first), in order.
        take: the same of those of ``:ids`` that no other transaction has locked, and locks them.
        put: ``:closed`` in place of the value of the row ``:id``.
    """

    read: TextClause
    take: TextClause
    put: TextClause


@dataclass(slots=True)
class ReEncryption:
    """One run of the re-encryption of a table's rows.

    Attributes:
        work: the unit of work on the database.
        rows: the statements on the table.
        keys: the keys of the vault, newest first.
        wait: how to wait for so many seconds for rows that another transaction has locked.
        changed: rows that were closed by another key before.
        unopened: ids of rows that open by none of the keys; they are left as they are.
    """

    work: UnitOfWork
    rows: EncryptedRows
    keys: Sequence[bytes]
    wait: Callable[[float], object]
    changed: int = 0
    unopened: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Pass over the table until no row is left that another key opens."""
        while True:
            found = settled = 0
            for ids in self._old():
                found += len(ids)
                settled += self._close(ids)
            if not found:
                return
            if settled < found:
                self.wait(PAUSE_S)

    def _old(self) -> Iterator[list[str]]:
        """Ids of the rows that the newest key does not open, a batch at a time, over the whole table."""
        newest, after = Vault(list(self.keys[:1])), ""
        while True:
            with self.work.transaction() as connection:
                read = connection.execute(self.rows.read, {"after": after, "most": AT_ONCE}).all()
            if not read:
                return
            after = str(read[-1][0])
            old = [str(row) for row, closed in read if not _opens(newest, str(row), bytes(closed))]
            if left := [row for row in old if row not in self.unopened]:
                yield left

    def _close(self, ids: list[str]) -> int:
        """Re-encrypt those of the rows that no other transaction has locked; returns how many need no further pass."""
        vault, new, before = Vault(list(self.keys)), [], len(self.unopened)
        with self.work.transaction() as connection:
            for row, closed in connection.execute(self.rows.take, {"ids": ids}):
                try:
                    content = vault.open(bytes(closed), row=str(row))
                except Unsealable:
                    self.unopened.add(str(row))
                    continue
                new.append({"id": str(row), "closed": vault.close(content, row=str(row))})
            if new:
                connection.execute(self.rows.put, new)
        self.changed += len(new)
        return len(new) + len(self.unopened) - before


def _opens(vault: Vault, row: str, closed: bytes) -> bool:
    try:
        vault.open(closed, row=row)
    except Unsealable:
        return False
    return True
