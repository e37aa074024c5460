"""Messages as the registration service says them, by the thousand: each of another registration and another person."""

import secrets
from collections.abc import Iterator

from services.registration.outgoing import CONFIRMED, registration_message

from services.registration.domain.registration import Registration
from shared.contracts.envelope import Message
from shared.core.clock import system_clock
from shared.core.ids import new_id, new_token
from shared.core.sealing import seal_to
from tests.support.clients import WEBINAR
from tests.support.installation import TestInstallation

COUNTRIES = ("CH", "US", "KE", "BR", "PH")


def confirmed(installation: TestInstallation, count: int) -> Iterator[Message]:
    """``count`` different people have a seat; names and addresses are sealed to the installation's mail service."""
    key = bytes.fromhex(installation.environment("registration")["TROIKA_NOTIFICATIONS_PUBLIC_KEY"])
    for number in range(count):
        personal = {
            "name": f"Participant {number}",
            "address": f"participant-{number}@example.org",
            "token": new_token(),
            "time_zone": "Europe/Zurich",
        }
        registration = _registration(number, seal_to(key, personal))
        yield registration_message(CONFIRMED, registration, registration.accepted_at)


def _registration(number: int, box: bytes) -> Registration:
    return Registration(
        id=new_id(),
        form=WEBINAR,
        form_kind="webinar",
        event_id=WEBINAR,
        status="confirmed",
        position=None,
        revision=1,
        person_ref=secrets.token_hex(32),
        working_group=None,
        representative=False,
        organisation_id=f"organisation-{number % 20}",
        country=COUNTRIES[number % len(COUNTRIES)],
        language="en",
        partner=None,
        box=box,
        accepted_at=system_clock(),
    )
