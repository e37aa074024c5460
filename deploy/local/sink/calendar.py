"""The calendar part of a mail in readable form. Hostile input: what cannot be read is reported as unreadable."""

from dataclasses import dataclass
from datetime import date, datetime

from icalendar import Calendar, Component


@dataclass(frozen=True, slots=True)
class CalendarSummary:
    """``dtstart`` and ``dtend`` are ISO 8601 with their offset; ``time_zone`` is the TZID. All are empty if absent."""

    method: str
    uid: str
    sequence: int | None
    status: str
    summary: str
    dtstart: str
    dtend: str
    time_zone: str
    attendee: str
    problem: str = ""


def read_calendar(source: str) -> CalendarSummary:
    """The first event of an iCalendar object; ``problem`` states why there is none."""
    try:
        calendar = Calendar.from_ical(source)
        event = next(iter(calendar.walk("VEVENT")), None)
        if event is None:
            return _unreadable("it holds no event")
        return _read_event(calendar, event)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        return _unreadable(f"it cannot be read ({type(error).__name__})")


def _read_event(calendar: Component, event: Component) -> CalendarSummary:
    sequence = _text(event, "SEQUENCE")
    start = event.get("DTSTART")
    return CalendarSummary(
        method=_text(calendar, "METHOD"),
        uid=_text(event, "UID"),
        sequence=int(sequence) if sequence.isdecimal() and len(sequence) < 10 else None,
        status=_text(event, "STATUS"),
        summary=_text(event, "SUMMARY"),
        dtstart=_instant(start),
        dtend=_instant(event.get("DTEND")),
        time_zone=str(getattr(start, "params", {}).get("TZID", "")),
        attendee=_text(event, "ATTENDEE").removeprefix("mailto:"),
    )


def _text(component: Component, name: str) -> str:
    value = component.get(name)
    return "" if value is None else " ".join(str(value).split())[:500]


def _instant(value: object) -> str:
    instant = getattr(value, "dt", None)
    return instant.isoformat() if isinstance(instant, datetime | date) else ""


def _unreadable(problem: str) -> CalendarSummary:
    return CalendarSummary("", "", None, "", "", "", "", "", "", problem)
