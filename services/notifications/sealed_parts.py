"""Opens the sealed parts of messages, in which registration tells notifications about people."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from shared.core.errors import Poison
from shared.core.sealing import Unsealable, open_sealed


def read_personal(
    sealed: str, private_keys: list[bytes], names: tuple[str, ...], *, with_link: bool = True
) -> dict[str, str]:
    """What a message says of a person in its sealed part: ``names``, with an address and, ``with_link``, a link.

    Raises:
        Poison: it does not open, or something is missing.
    """
    content = open_part(sealed, private_keys)
    personal = {name: text_in(content, name) for name in names}
    links = [personal["token"], personal.get("view", "none")] if with_link else []
    if not personal["address"] or not all(links):
        raise Poison("sealed part has no address or no link")
    return personal


def open_part(sealed: str, private_keys: list[bytes]) -> Mapping[str, Any]:
    """The content of a sealed part.

    Raises:
        Poison: it does not open.
    """
    try:
        return open_sealed(private_keys, base64.b64decode(sealed, validate=True))
    except (Unsealable, binascii.Error):
        raise Poison("sealed part does not open") from None


def text_in(content: Mapping[str, Any], name: str) -> str:
    """A text of an opened part; empty if it is not there.

    Raises:
        Poison: it is no text.
    """
    value = content.get(name)
    if value is not None and not isinstance(value, str):
        raise Poison(f"sealed part: {name} is not text")
    return value or ""
