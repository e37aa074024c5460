"""How sealed answers are stored: envelopes as JSON, newest first, handled here without any key.

An envelope holds what one submission sealed: its reference, its content key sealed to the form's public key, and one
ciphertext for each field. So a later submission adds an envelope and need not read the earlier ones, and a field is
deleted by deleting its ciphertext. Encryption is in ``sealing.py``; this module never needs a key.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class SealedEnvelope:
    """What one submission sealed.

    Attributes:
        submission: the reference to which every ciphertext is bound.
        sealed_key: the content key, sealed to the form's public key.
        fields: the nonce and ciphertext by field name.
    """

    submission: str
    sealed_key: bytes
    fields: Mapping[str, bytes]


def encode_envelopes(envelopes: Iterable[SealedEnvelope]) -> bytes:
    """Return envelopes, newest first, as they are stored: a JSON list, binary values in base64."""
    return json.dumps([_to_json(envelope) for envelope in envelopes], separators=(",", ":")).encode()


def decode_envelopes(sealed: bytes) -> list[SealedEnvelope]:
    """Return the envelopes of a stored value, newest first.

    Raises:
        ValueError: it is not what :func:`encode_envelopes` makes.
    """
    try:
        return [
            SealedEnvelope(
                str(row["submission"]),
                b64decode(row["key"], validate=True),
                {str(name): b64decode(text, validate=True) for name, text in row["fields"].items()},
            )
            for row in json.loads(sealed)
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a list of envelopes") from error


def field_names(sealed: bytes | None) -> list[str]:
    """Return the names of the fields that a stored value holds, sorted; none for no value."""
    return sorted({name for envelope in decode_envelopes(sealed or b"[]") for name in envelope.fields})


def merge_sealed(newer: bytes | None, older: bytes | None) -> bytes | None:
    """Return the envelopes of a later submission before those of an earlier one, which lose the fields it has again."""
    if newer is None or older is None:
        return newer or older
    rest = drop_fields(older, field_names(newer))
    return newer if rest is None else encode_envelopes([*decode_envelopes(newer), *decode_envelopes(rest)])


def drop_fields(sealed: bytes, names: Collection[str]) -> bytes | None:
    """Return a stored value without the fields called ``names``; None if no field is left. Needs no key."""
    return keep_fields(sealed, set(field_names(sealed)).difference(names))


def keep_fields(sealed: bytes, names: Collection[str]) -> bytes | None:
    """Return a stored value with only the fields called ``names``; None if no field is left. Needs no key."""
    all_kept = [_with_only(envelope, names) for envelope in decode_envelopes(sealed)]
    kept = [envelope for envelope in all_kept if envelope.fields]
    return encode_envelopes(kept) if kept else None


def keep_submissions(sealed: bytes | None, submissions: Collection[str]) -> bytes | None:
    """Return a stored value with only the envelopes of ``submissions``; None if none is left. Needs no key."""
    kept = [envelope for envelope in decode_envelopes(sealed or b"[]") if envelope.submission in submissions]
    return encode_envelopes(kept) if kept else None


def _with_only(envelope: SealedEnvelope, names: Collection[str]) -> SealedEnvelope:
    return replace(envelope, fields={name: text for name, text in envelope.fields.items() if name in names})


def _to_json(envelope: SealedEnvelope) -> dict[str, object]:
    return {
        "submission": envelope.submission,
        "key": b64encode(envelope.sealed_key).decode(),
        "fields": {name: b64encode(text).decode() for name, text in envelope.fields.items()},
    }
