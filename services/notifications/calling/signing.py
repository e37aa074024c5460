"""Standard Webhooks: secrets, and the headers that show a receiver who has written and that nobody has changed it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook

PREFIX = "whsec_"
SECRET_BYTES = 32
"""The specification asks for 24 to 64."""


def new_secret() -> str:
    """A fresh secret as receivers' libraries take it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(delivery_id: str, at: datetime, body: bytes, signing: Sequence[str]) -> dict[str, str]:
    """Headers of a call.

    Args:
        delivery_id: the same for each attempt, so that a receiver can tell a repetition.
        at: of this attempt (aware).
        body: exactly as it is sent.
        signing: secrets, newest first; one signature each, so that a receiver may know either.
    """
    moment = at.astimezone(UTC)
    signatures = [Webhook(secret).sign(delivery_id, moment, body.decode()) for secret in signing]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Troika-Webhooks",
        "Connection": "close",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
