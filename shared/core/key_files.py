"""Files of keys, without the libraries that use them: every process reads its settings, few open what is sealed."""

import os
from pathlib import Path

KEY_BYTES = 32


def read_keys(path: Path) -> list[bytes]:
    """The keys of a key file, newest first: one line of 64 hex digits each.

    Raises:
        ValueError: empty, or a line is not 64 hex digits (the line's number is named, never its content).
    """
    keys: list[bytes] = []
    for number, line in enumerate(path.read_text().split(), start=1):
        try:
            key = bytes.fromhex(line)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise ValueError(f"line {number} of the key file is not 64 hex digits")
        keys.append(key)
    if not keys:
        raise ValueError("the key file holds no key")
    return keys


def new_key() -> bytes:
    """32 random bytes."""
    return os.urandom(KEY_BYTES)
