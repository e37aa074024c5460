"""The canary's programme beside the scenario, and registrations on it."""

from typing import Any

import pytest

from services.events.loading.folder import read_folder
from services.events.loading.service import load_sample
from shared.db.unit_of_work import UnitOfWork
from tests.integration.events.builders import NOON, WEBINAR, consume, mail_message, registered, registration_message
from tests.support.clock import FrozenClock
from tests.support.processes import PROJECT

CANARY = "canary"


@pytest.fixture
def canary(loaded: UnitOfWork, clock: FrozenClock) -> UnitOfWork:
    """The scenario with the canary's programme beside it, and someone on both."""
    load_sample(loaded, clock, read_folder(PROJECT / "deploy" / "operations" / "canary_programme"))
    consume(
        loaded,
        [
            registration_message(registered(1, country="CH", working_group="housing", representative=True)),
            registration_message(on_canary(2)),
            registration_message(on_canary(3, form_kind="delegation", attend=WEBINAR)),
            registration_message(on_canary(4, form_kind="working_group", working_group="health")),
            mail_message(90, 4, NOON),
        ],
    )
    return loaded


def on_canary(number: int, **changes: Any) -> Any:
    """Someone on the canary's form."""
    return registered(number, **{"event_id": CANARY, "form": CANARY, "partner": None, "country": "MX"} | changes)
