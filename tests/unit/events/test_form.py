"""The events service decides whether a form is open as registration does: no button leads to a closed form."""

from datetime import timedelta
from itertools import product

from services.events.event.model import Event, EventKind, EventStatus, Form, Mode, is_open
from services.events.rules import RulesBroken
from services.registration.forms.opening import Opening, closed_reason
from shared.i18n.languages import NO_TEXT, Text
from tests.support.clock import WEBINAR_WEEK

NOW = WEBINAR_WEEK
BOUNDS = (None, NOW - timedelta(hours=1), NOW, NOW + timedelta(hours=1))
HOURS = (*((one, None) for one in BOUNDS), *((None, one) for one in BOUNDS[1:]))
STATUSES = (None, *EventStatus)
DATES = (
    (None, None),
    *((NOW + timedelta(hours=a), NOW + timedelta(hours=b)) for a, b in ((-2, -1), (-1, 0), (-1, 1), (0, 1), (1, 2))),
    (NOW + timedelta(hours=48), NOW + timedelta(hours=49)),
    (NOW + timedelta(hours=48, seconds=1), NOW + timedelta(hours=49)),
)


def _event(status: EventStatus, mode: Mode, starts_at: object, ends_at: object) -> Event:
    return Event(
        id="an-event",
        kind=EventKind.WEBINAR,
        title=Text.of("An event"),
        status=status,
        mode=mode,
        time_zone="UTC",
        starts_at=starts_at,  # type: ignore[arg-type]
        ends_at=ends_at,  # type: ignore[arg-type]
    )


def test_form_is_open_when_registration_has_it_open() -> None:
    kinds, hours = (("webinar", None), ("webinar", "start"), ("delegation", "end"), ("interest", None)), (0, 48)
    modes = (Mode.ONLINE, Mode.HYBRID)
    seen = set()
    for switch, (opens, closes), status, (starts, ends), (kind, until), before, needs, mode in product(
        (True, False), HOURS, STATUSES, DATES, kinds, hours, (True, False), modes
    ):
        form = Form("a-form", 1, kind, "an-event" if needs else None, NO_TEXT, switch, opens, closes, before, until)
        try:
            event = _event(status, mode, starts, ends) if status is not None and needs else None
        except RulesBroken:
            continue  # no such event can be
        opening = Opening(
            switched_on=switch,
            needs_event=needs,
            event_status=str(status) if event else None,
            starts_at=starts if event else None,
            ends_at=ends if event else None,
            kind=kind,
            closes_hours_before=before,
            opens_at=opens,
            closes_at=closes,
            open_until=until,
            mode=str(mode) if event else None,
        )
        answer = is_open(form, event, NOW)
        assert answer == (closed_reason(opening, NOW) == ""), opening
        seen.add(answer)
    assert seen == {True, False}
