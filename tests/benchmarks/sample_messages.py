"""Thousands of messages as the registration service publishes them, each about another registration and person."""

import base64
import secrets
from collections.abc import Iterator
from typing import Any

from services.registration.forms.messages import make_message
from services.registration.people.messages import CONFIRMED
from shared.messaging.contracts.schemas import Message
from shared.runtime.clock import rfc3339, system_clock
from shared.runtime.ids import new_id, new_token
from shared.security.sealing import seal_to
from tests.support.clients import WEBINAR
from tests.support.installation import TestInstallation

COUNTRIES = ("CH", "US", "KE", "BR", "PH")


def confirmed(installation: TestInstallation, count: int) -> Iterator[Message]:
    """``count`` different people have a seat; names and addresses are sealed to the installation's mail service."""
    key = bytes.fromhex(installation.environment("registration")["TROIKA_NOTIFICATIONS_PUBLIC_KEY"])
    return confirmed_sealed_to(key, count)


def confirmed_sealed_to(key: bytes, count: int) -> Iterator[Message]:
    """As ``confirmed``, sealed to ``key``, the public key of a mail service."""
    for number in range(count):
        personal = {
            "name": f"Participant {number}",
            "address": f"participant-{number}@example.org",
            "token": new_token(),
            "view": new_token(),
            "time_zone": "Europe/Zurich",
        }
        identity, at = new_id(), system_clock()
        data = _data(number, seal_to(key, personal)) | {"registration_id": identity, "occurred_at": rfc3339(at)}
        yield make_message(CONFIRMED, identity, at, data, ("", ""))


def _data(number: int, box: bytes) -> dict[str, Any]:
    return {
        "revision": 1,
        "form": WEBINAR,
        "form_kind": "webinar",
        "event": WEBINAR,
        "status": "confirmed",
        "position": None,
        "working_group": None,
        "representative": False,
        "organisation_id": f"organisation-{number % 20}",
        "country": COUNTRIES[number % len(COUNTRIES)],
        "mode": None,
        "language": "en",
        "partner": None,
        "person_ref": secrets.token_hex(32),
        "verified": True,
        "attend": None,
        "sealed": base64.b64encode(box).decode(),
    }
