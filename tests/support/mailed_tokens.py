"""What only notifications can read of registration's messages: the people they are about, and the tokens of links."""

import base64
import json
from typing import Any

from shared.security.sealing import open_sealed, read_keys
from tests.support.clients import rows
from tests.support.installation import TestInstallation

_BODIES = """
    SELECT type, body FROM outbox WHERE body <> '' AND NOT starts_with(type, 'org.troika.proposal.') ORDER BY id
"""
"""Of those that are sealed to notifications; the content of a proposal is sealed to events."""

WANTED = "org.troika.confirmation.wanted.v1"


def opened_boxes(installation: TestInstallation) -> list[dict[str, Any]]:
    """The sealed part of every message that registration has stored and not erased, in order."""
    return [box for _type, box in _opened(installation)]


def confirmation_token(installation: TestInstallation, address: str) -> str:
    """The token of the newest confirmation link that was minted for ``address``.

    Raises:
        LookupError: none was.
    """
    return _newest(installation, address, confirmation=True)


def managing_token(installation: TestInstallation, address: str) -> str:
    """The token of the newest managing link of someone with ``address``.

    Raises:
        LookupError: there is none.
    """
    return _newest(installation, address, confirmation=False)


def _newest(installation: TestInstallation, address: str, *, confirmation: bool) -> str:
    found = [
        str(box["token"])
        for kind, box in _opened(installation)
        if box["address"] == address and (kind == WANTED) == confirmation
    ]
    if not found:
        raise LookupError(f"no link was minted for {address}")
    return found[-1]


def _opened(installation: TestInstallation) -> list[tuple[str, dict[str, Any]]]:
    """Type and sealed part of each message that has one."""
    keys = read_keys(installation.secrets.folder / "notifications.key")
    published = rows(installation.urls["registration"], _BODIES)
    contents = [(kind, json.loads(bytes(body))["data"]) for kind, body in published]
    return [(kind, open_sealed(keys, base64.b64decode(data["sealed"]))) for kind, data in contents if "sealed" in data]
