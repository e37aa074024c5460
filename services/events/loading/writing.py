"""Writes what is stored as the files that ``read_folder`` and ``read_rooms`` read: the same values come back."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

import yaml

from services.events.domain.event import Event, EventStatus
from services.events.domain.room import Room
from services.events.domain.schedule import Slot
from services.events.domain.spans import moment_text, span_text
from services.events.loading.folder import Loaded
from services.events.loading.rooms import FILE
from shared.core.errors import SettingsError
from shared.core.yaml_source import LIMIT_BYTES
from shared.i18n.content import DEFAULT, Text

_LEFT_OUT = ("revision", "announced")
"""What loading reckons itself."""
USUAL_ZONE = "UTC"


def written(loaded: Loaded, rooms: Iterable[Room], slots: Iterable[Slot]) -> Mapping[str, str]:
    """The text of each file, by its name.

    Raises:
        SettingsError: a file would be larger than loading reads.
    """
    content: dict[str, Any] = {
        "series.yaml": [_row(one) for one in loaded.series],
        "working-groups.yaml": [_row(one) for one in loaded.working_groups],
        "events.yaml": [_event(one) for one in loaded.events],
        "consultations.yaml": [_row(one) for one in loaded.consultations],
        "resources.yaml": [_row(one) for one in loaded.resources],
        "hotels.yaml": [_row(one) for one in loaded.hotels],
        "group-contacts.yaml": [_row(one) for one in loaded.contacts],
        FILE: _rooms(list(rooms), list(slots)),
    }
    files = {name: _text(rows) for name, rows in content.items()}
    large = [f"{name}: is larger than {LIMIT_BYTES} bytes" for name, text in files.items() if _size(text) > LIMIT_BYTES]
    if large:
        raise SettingsError(large)
    return files


def _size(text: str) -> int:
    return len(text.encode())


def _text(content: Any) -> str:
    return yaml.dump(content, Dumper=_Plain, allow_unicode=True, sort_keys=False, width=120)


class _Plain(yaml.SafeDumper):
    """Without anchors, which loading refuses."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _row(value: Any) -> dict[str, Any]:
    """The fields of a value but those that are as they are by default."""
    rows = ((field.name, _plain(field.name, getattr(value, field.name))) for field in fields(value))
    return {name: plain for name, plain in rows if plain is not None}


def _plain(name: str, field: Any) -> Any:
    if name in _LEFT_OUT or field is None or field in ("", ()):
        return None
    if isinstance(field, Text):
        return _text_plain(field)
    if isinstance(field, date):
        return field.isoformat()
    if isinstance(field, tuple):
        return [_plain("", one) for one in field]
    if is_dataclass(field):
        return _row(field)
    return str(field) if isinstance(field, str) else field


def _text_plain(text: Text) -> dict[str, str] | str | None:
    """By language, or the plain string where there is English alone."""
    texts = text.as_mapping
    return texts[DEFAULT] if list(texts) == [DEFAULT] else texts or None


def _event(event: Event) -> dict[str, Any]:
    moments = ("starts_at", "ends_at", "last_starts_at", "last_ends_at")
    row = _row(event)
    for name in moments:
        row.pop(name, None)
    dates = {name: getattr(event, name) for name in moments if getattr(event, name) is not None}
    begin = "last_" if event.status is EventStatus.POSTPONED else ""
    for name, moment in dates.items():
        key = name.removesuffix("_at").removeprefix(begin)
        row[key] = moment_text(moment, event.time_zone)
    return row


def _rooms(rooms: list[Room], slots: list[Slot]) -> dict[str, Any]:
    zone = _commonest([*(room.time_zone for room in rooms), *(slot.time_zone for slot in slots)], USUAL_ZONE)
    city = _commonest([room.city for room in rooms], "unknown")
    return {
        "city": city,
        "time_zone": zone,
        "slots": [
            {"time": span_text(slot.span, slot.time_zone), **_other("time_zone", slot.time_zone, zone)}
            for slot in slots
        ],
        "rooms": [
            {
                **{name: plain for name, plain in _row(room).items() if name not in ("open", "city", "time_zone")},
                **_other("city", room.city, city),
                **_other("time_zone", room.time_zone, zone),
                "open": [span_text(span, room.time_zone) for span in room.open],
            }
            for room in rooms
        ],
    }


def _other(name: str, value: str, usual: str) -> dict[str, str]:
    return {} if value == usual else {name: value}


def _commonest(values: list[str], default: str) -> str:
    return Counter(values).most_common(1)[0][0] if values else default
