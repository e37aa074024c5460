"""Reads our calendar files as calendars do: by icalendar, and in Chromium by ical.js and ts-ics.

The last two know nothing of Python, of its time zones or of icalendar, by which the files are written.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from icalendar import Calendar
from playwright.sync_api import Browser, Page

FOLDER = Path(__file__).parent / "readers"
LIBRARIES = {"ical.js": "ical.min.js", "ts-ics": "ts-ics.js"}

_LOAD = """async (sources) => {
  const load = (source) => import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  window.read = (await load(sources.read)).readWith;
  window.libraries = {};
  for (const [name, source] of Object.entries(sources.libraries)) window.libraries[name] = await load(source);
}"""
_READ = "([name, texts]) => window.read(name, window.libraries[name], texts)"


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """An entry as a calendar sees it.

    Attributes:
        method: of the file; None without.
        starts, ends: instants in UTC, or days; no end if there is none.
        alarms: minutes relative to the start.
    """

    method: str | None
    uid: str
    sequence: int
    stamped: datetime
    starts: date
    ends: date | None
    status: str
    title: str
    alarms: tuple[float, ...]


Reader = Callable[[Sequence[str]], list[ReadEntry]]
"""Returns the one entry of each file."""


def calendar_readers(browser: Browser) -> Mapping[str, Reader]:
    """All readers by name; ``browser`` stays open as long as they are used."""
    page = browser.new_page()
    libraries = {name: (FOLDER / file).read_text() for name, file in LIBRARIES.items()}
    page.evaluate(_LOAD, {"read": (FOLDER / "read.js").read_text(), "libraries": libraries})
    return {"icalendar": _read_in_python} | {name: _in_chromium(page, name) for name in LIBRARIES}


def shown_at_the_end(entries: Iterable[ReadEntry]) -> ReadEntry | None:
    """What a calendar that follows RFC 5546 (2.1.5) shows of one UID, in any order: None if it shows nothing.

    The larger SEQUENCE wins, then the later DTSTAMP; CANCEL takes out.
    """
    best = None
    for entry in entries:
        if best is None or (entry.sequence, entry.stamped) >= (best.sequence, best.stamped):
            best = entry
    return None if best is None or best.method == "CANCEL" else best


def _in_chromium(page: Page, name: str) -> Reader:
    def read(texts: Sequence[str]) -> list[ReadEntry]:
        found: list[list[dict[str, Any]]] = page.evaluate(_READ, [name, list(texts)])
        return [_entry(one) for (one,) in found]

    return read


def _entry(values: dict[str, Any]) -> ReadEntry:
    whens = {name: _when(values[name]) for name in ("stamped", "starts", "ends") if values[name] is not None}
    return ReadEntry(**{**values, "ends": None, **whens, "alarms": tuple(values["alarms"])})


def _when(text: str) -> date:
    return date.fromisoformat(text) if len(text) == len("2020-03-04") else datetime.fromisoformat(text)


def _read_in_python(texts: Sequence[str]) -> list[ReadEntry]:
    return [read_one(text) for text in texts]


def read_one(text: str) -> ReadEntry:
    """The one entry of a file, as icalendar reads it."""
    calendar: Any = Calendar.from_ical(text)
    (event,) = calendar.walk("VEVENT")
    return ReadEntry(
        method=str(calendar["METHOD"]) if "METHOD" in calendar else None,
        uid=str(event["UID"]),
        sequence=int(event["SEQUENCE"]),
        stamped=event["DTSTAMP"].dt,
        starts=_in_utc(event["DTSTART"].dt),
        ends=_in_utc(event["DTEND"].dt) if "DTEND" in event else None,
        status=str(event["STATUS"]),
        title=str(event["SUMMARY"]),
        alarms=tuple(alarm["TRIGGER"].dt.total_seconds() / 60 for alarm in event.walk("VALARM")),
    )


def _in_utc(when: date) -> date:
    return when.astimezone(UTC) if isinstance(when, datetime) else when
