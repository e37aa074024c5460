"""Encrypts sealed answers to a form's public key, and opens them with its private key.

A process that seals cannot open: the content key is drawn again for each submission, sealed by HPKE (RFC 9180: X25519,
HKDF-SHA-256, AES-256-GCM) to the form's public key with a separate ephemeral key, and forgotten. ``info`` names the
form, so a content key that was sealed for another form does not open.

Each field is encrypted by AES-256-GCM under that content key. The key encrypts the few fields of one submission once
and nothing else, so random nonces of 96 bits cannot repeat in practice. The associated data names form, submission and
field, so no ciphertext opens in another place. Values are padded to steps of 64 bytes (PKCS #7) before encryption: a
ciphertext reveals only the size step of the length. The padding is inside what is authenticated, so it is no oracle.
The caller seals every sealed question of a form, unanswered ones as null: names of fields do not reveal which of them
were answered.

The form's key does not authenticate the sender: it is public, so a process that may write to the database can also
write answers that no one gave.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.padding import PKCS7

from services.registration.sealing.model import SealedEnvelope, decode_envelopes, encode_envelopes
from shared.security.sealing import Unsealable, new_key

PADDED_TO_BYTES = 64
NONCE_BYTES = 12
_PURPOSE = "troika sealed answers"


def seal_answers(public_key: bytes, form: str, submission: str, answers: Mapping[str, Any]) -> bytes:
    """Return ``answers`` as one envelope in a list, as it is stored.

    Args:
        public_key: the public key of the form, 32 bytes.
        form: the slug of the form.
        submission: the reference of the submission, which no other has.
        answers: the JSON values by field name, with None for each sealed question that was not answered.
    """
    content_key = new_key()
    cipher = AESGCM(content_key)
    fields = {name: _encrypt(cipher, value, _bound_to(form, submission, name)) for name, value in answers.items()}
    return encode_envelopes([SealedEnvelope(submission, _seal_key(public_key, form, content_key), fields)])


def open_answers(
    private_keys: Sequence[bytes],
    form: str,
    submissions: Collection[str],
    sealed: bytes,
    only: Collection[str] | None = None,
) -> dict[str, Any]:
    """Return the answers of a stored value by field name, the newest of each; what was not answered is left out.

    Args:
        private_keys: the private keys of the form, newest first.
        form: the slug of the form.
        submissions: the references that may occur in the value: those of the registration it is stored with.
        sealed: the stored value.
        only: the names of the fields to open, all others stay closed; None for all.

    Raises:
        Unsealable: an envelope opens by none of the keys, belongs to another form or submission, or was altered.
    """
    found: dict[str, Any] = {}
    for envelope in _decode(sealed):
        if envelope.submission not in submissions:
            raise Unsealable
        names = envelope.fields.keys() - found.keys()
        if only is not None and not (names := names & set(only)):
            continue
        cipher = AESGCM(_open_key(private_keys, form, envelope.sealed_key))
        for name in names:
            found[name] = _decrypt(cipher, envelope.fields[name], _bound_to(form, envelope.submission, name))
    return {name: value for name, value in found.items() if value is not None}


def reseal(private_keys: Sequence[bytes], form: str, sealed: bytes) -> bytes | None:
    """Return a stored value whose content keys are all sealed to the newest key; None if they are already.

    The answers themselves stay encrypted: only content keys are opened.

    Args:
        private_keys: the private keys of the form, newest first.
        form: the slug of the form.
        sealed: the stored value.

    Raises:
        Unsealable: an envelope opens by none of the keys.
    """
    envelopes, newest = _decode(sealed), private_keys[:1]
    old = [not _opens(newest, form, envelope.sealed_key) for envelope in envelopes]
    if not any(old):
        return None
    public_key = public_half(private_keys[0])
    return encode_envelopes(
        replace(envelope, sealed_key=_seal_key(public_key, form, _open_key(private_keys, form, envelope.sealed_key)))
        if is_old
        else envelope
        for envelope, is_old in zip(envelopes, old, strict=True)
    )


def public_half(private_key: bytes) -> bytes:
    """Return the public key of an X25519 private key, 32 bytes."""
    return X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def _encrypt(cipher: AESGCM, value: Any, bound_to: bytes) -> bytes:
    nonce, padder = os.urandom(NONCE_BYTES), PKCS7(PADDED_TO_BYTES * 8).padder()
    return nonce + cipher.encrypt(nonce, padder.update(orjson.dumps(value)) + padder.finalize(), bound_to)


def _decrypt(cipher: AESGCM, text: bytes, bound_to: bytes) -> Any:
    unpadder = PKCS7(PADDED_TO_BYTES * 8).unpadder()
    try:
        padded = cipher.decrypt(text[:NONCE_BYTES], text[NONCE_BYTES:], bound_to)
        return orjson.loads(unpadder.update(padded) + unpadder.finalize())
    except (InvalidTag, ValueError):
        raise Unsealable from None


def _seal_key(public_key: bytes, form: str, content_key: bytes) -> bytes:
    return _suite().encrypt(content_key, _public(public_key), info=_info(form))


def _open_key(private_keys: Sequence[bytes], form: str, sealed_key: bytes) -> bytes:
    for private_key in private_keys:
        try:
            return _suite().decrypt(sealed_key, X25519PrivateKey.from_private_bytes(private_key), info=_info(form))
        except InvalidTag:
            continue
    raise Unsealable


def _opens(private_keys: Sequence[bytes], form: str, sealed_key: bytes) -> bool:
    try:
        _open_key(private_keys, form, sealed_key)
    except Unsealable:
        return False
    return True


def _decode(sealed: bytes) -> list[SealedEnvelope]:
    try:
        return decode_envelopes(sealed)
    except ValueError:
        raise Unsealable from None


def _info(form: str) -> bytes:
    return orjson.dumps([_PURPOSE, form])


def _bound_to(form: str, submission: str, name: str) -> bytes:
    return orjson.dumps([form, submission, name])


@lru_cache(maxsize=1)
def _suite() -> Suite:
    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


@lru_cache(maxsize=64)
def _public(public_key: bytes) -> X25519PublicKey:
    return X25519PublicKey.from_public_bytes(public_key)
