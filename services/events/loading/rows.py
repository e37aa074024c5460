"""Schemas of the rows of YAML files: the fields of the interface, and those that a file writes differently.

Times are local to the row's zone. Broken rules of the domain become faults of the field as the file calls it.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import marshmallow as ma

from services.events.event.model import Event, EventStatus
from services.events.event.schemas import NewEventSchema
from services.events.fields import Fields
from services.events.local_time import datetime_from, is_zone
from services.events.network.model import (
    Allotment,
    Consultation,
    GroupContact,
    HotelBlock,
    Resource,
    Series,
    WorkingGroup,
)
from services.events.network.schemas import (
    CONSULTATION_FIELDS,
    CONTACT_FIELDS,
    GROUP_FIELDS,
    HOTEL_FIELDS,
    RESOURCE_FIELDS,
    SERIES_FIELDS,
    AllotmentSchema,
)
from services.events.rules import RulesBroken
from shared.messaging.contracts.schemas import StrictBoolean
from shared.runtime.errors import DomainError
from shared.runtime.schema_fields import Parsed, Place, check_by, one_of_field, raise_faults, text_field
from shared.runtime.yaml_source import FileSchema

Values = dict[str, Any]

_TIMES = ("starts", "ends", "last_starts", "last_ends")
_KEY_OF = {f"{key}_at": key for key in _TIMES}


def _rows_of(fields: Fields, make: Callable[[Values], Any], required: Iterable[str] = ()) -> FileSchema:
    """The schema of a file with values that coordinators set up.

    Args:
        fields: those of the interface, and what else the file has.
        make: makes a value of the domain; raises RulesBroken.
        required: what a file must have besides; the id is always one of them.
    """

    class Row(FileSchema.from_dict(dict(fields))):  # type: ignore[misc]  # the fields are those of the kind
        def on_bind_field(self, field_name: str, field_obj: ma.fields.Field[Any]) -> None:
            field_obj.required = field_obj.required or field_name in ("id", *required)

        @ma.post_load
        def _make(self, values: Values, **_more: Any) -> Any:
            return _made(lambda: make(values))

    return Row()


def _made(make: Callable[[], Any], key_of: Mapping[str, str] = _KEY_OF) -> Any:
    """What ``make`` returns.

    Raises:
        ValidationError: it would break rules, each of which is a fault of its field; ``key_of`` has the keys of fields
            that are called otherwise in the file.
    """
    try:
        return make()
    except RulesBroken as error:
        raise_faults(((key_of.get(rule.field, rule.field),), rule.detail) for rule in error.broken)


class _AllotmentRow(FileSchema, AllotmentSchema):
    """Rooms of one kind; ``last_night`` is the first one where it is left out."""

    last_night = ma.fields.Date()

    @ma.post_load
    def _make(self, values: Values, **_more: Any) -> Allotment:
        made: Allotment = _made(lambda: Allotment(**{"last_night": values["first_night"], **values}))
        return made


def a_zone(value: Any) -> str:
    """An IANA time zone.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or not is_zone(value):
        raise ValueError("must be an IANA time zone such as Europe/Zurich")
    return value


def _a_local_time(value: Any) -> str:
    """A local time that some zone has; whether the zone of the row has it, is known once that is read."""
    if not isinstance(value, str):
        raise ValueError("must be a date and a local time such as 2020-03-04 14:00")
    datetime_from(value, "UTC")
    return value


class _EventRow(FileSchema, NewEventSchema):
    """An event with its local times. A postponed one may keep its times: they are then the date that is remembered."""

    class Meta(FileSchema.Meta):
        exclude = ("starts_at", "ends_at")

    status = one_of_field(EventStatus, required=True)
    time_zone = ma.fields.String(required=True, validate=check_by(a_zone))
    starts, ends, last_starts, last_ends = (Parsed(_a_local_time) for _ in _TIMES)
    internal = StrictBoolean()

    @ma.post_load
    def _make(self, values: Values, **_more: Any) -> Event:
        values["asked_groups"] = tuple(values.get("asked_groups", ()))
        before = "last_" if values["status"] is EventStatus.POSTPONED and {"starts", "ends"} & values.keys() else ""
        times = _instants({key: values.pop(key, None) for key in _TIMES}, values["time_zone"])
        values |= {f"{key}_at": times[key] for key in ("last_starts", "last_ends")}
        values |= {f"{before}{key}_at": times[key] for key in ("starts", "ends")}
        known = _KEY_OF | ({"last_starts_at": "starts", "last_ends_at": "ends"} if before else {})
        made: Event = _made(lambda: Event(**values), known)
        return made


def _instants(local: Mapping[str, str | None], zone: str) -> dict[str, datetime | None]:
    """The instants of local times, by the same keys.

    Raises:
        ValidationError: clocks in the zone skip some of them, or show them twice.
    """
    found: dict[str, datetime | None] = {}
    faults: list[tuple[Place, str]] = []
    for key, text in local.items():
        try:
            found[key] = None if text is None else datetime_from(text, zone)
        except (DomainError, ValueError) as error:
            faults.append(((key,), error.detail if isinstance(error, DomainError) else str(error)))
    raise_faults(faults)
    return found


def _hotel(values: Values) -> HotelBlock:
    return HotelBlock(**values | {"allotments": tuple(values.get("allotments", ()))})


def row_schemas() -> Mapping[str, FileSchema]:
    """The schema of the rows of each file."""
    allotments = ma.fields.List(ma.fields.Nested(_AllotmentRow))
    rounds = {**CONSULTATION_FIELDS, "recorded_by": text_field()}
    return {
        "series.yaml": _rows_of(SERIES_FIELDS, lambda values: Series(**values)),
        "working-groups.yaml": _rows_of(GROUP_FIELDS, lambda values: WorkingGroup(**values)),
        "events.yaml": _EventRow(),
        "consultations.yaml": _rows_of(rounds, lambda values: Consultation(**values), required=("title", "hosts")),
        "resources.yaml": _rows_of(RESOURCE_FIELDS, lambda values: Resource(**values)),
        "hotels.yaml": _rows_of({**HOTEL_FIELDS, "allotments": allotments}, _hotel),
        "group-contacts.yaml": _rows_of(
            {**CONTACT_FIELDS, "recorded_by": text_field()}, lambda values: GroupContact(**values)
        ),
    }
