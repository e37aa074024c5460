"""What notifications alone can read of registration's messages: whom they are about, and the tokens of their links."""

import base64
import json
from typing import Any

from shared.core.sealing import open_sealed, read_keys
from tests.support.clients import rows
from tests.support.installation import TestInstallation


def opened_boxes(installation: TestInstallation) -> list[dict[str, Any]]:
    """The sealed part of every message that registration has stored and not erased, in order."""
    keys = read_keys(installation.secrets.folder / "notifications.key")
    said = "SELECT body FROM outbox WHERE body <> '' AND type <> 'org.troika.person.erased.v1' ORDER BY id"
    bodies = rows(installation.urls["registration"], said)
    contents = [json.loads(bytes(body))["data"] for (body,) in bodies]
    return [open_sealed(keys, base64.b64decode(data["sealed"])) for data in contents if "sealed" in data]


def mailed_to(installation: TestInstallation, number: int) -> dict[str, Any]:
    """The sealed part of the first message about the participant with this number."""
    address = f"participant-{number}@example.org"
    return next(content for content in opened_boxes(installation) if content["address"] == address)
