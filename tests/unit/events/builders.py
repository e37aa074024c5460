"""Valid values for the tests of the events domain, of which a test changes what it needs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.events.event.model import Event, EventKind, EventStatus, Mode
from shared.i18n.languages import Text

START = datetime(2020, 3, 4, 19, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def an_event(status: EventStatus = EventStatus.TENTATIVE, **changes: Any) -> Event:
    """A webinar of one hour; a draft and a postponed one have no date."""
    draft = Event(
        id="upr-webinar-10",
        kind=EventKind.WEBINAR,
        title=Text.of("UPR Webinar Wednesday #10"),
        status=EventStatus.DRAFT,
        mode=Mode.ONLINE,
        time_zone="America/New_York",
    )
    if status in (EventStatus.DRAFT, EventStatus.POSTPONED):
        return replace(draft, status=status, **changes)
    return replace(draft, status=status, **{"starts_at": START, "ends_at": START + HOUR, **changes})
