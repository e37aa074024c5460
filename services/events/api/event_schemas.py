"""Shapes of requests for events and of the answers, for checking and for the OpenAPI document."""

from collections.abc import Sequence

import marshmallow as ma

from services.events.api.grouping import counted_list, group_fields, sort_field, total_field
from services.events.domain.event import EventKind, EventStatus, Mode
from services.events.domain.rules import SLUG, SLUG_LENGTH
from services.events.store.events import BY_START, GROUPS, SORTS
from shared.i18n.content_field import TextByLanguage
from shared.i18n.languages import LANGUAGES
from shared.web.paging import PageArguments
from shared.web.query_parameters import DayOrInstant

_NO_NUL = ma.validate.Regexp(r"^[^\x00]*$", error="must not contain a NUL character")


def _moment(description: str) -> ma.fields.AwareDateTime:
    return ma.fields.AwareDateTime(format="iso", allow_none=True, metadata={"description": description})


def _slug(description: str) -> ma.fields.String:
    return ma.fields.String(
        validate=[ma.validate.Length(max=SLUG_LENGTH), ma.validate.Regexp(f"^{SLUG.pattern}$")],
        metadata={"description": description},
    )


def _text(most: int, description: str) -> ma.fields.String:
    return ma.fields.String(
        validate=[ma.validate.Length(min=1, max=most), _NO_NUL],
        metadata={"description": description},
    )


def _one_of(values: Sequence[str], description: str) -> ma.fields.String:
    choices = [str(value) for value in values]
    return ma.fields.String(validate=ma.validate.OneOf(choices), metadata={"description": description})


class EventSchema(ma.Schema):
    """An event. Moments are RFC 3339, in UTC and in the event's own zone."""

    id = ma.fields.String(required=True, metadata={"description": "A lower-case name with hyphens"})
    kind = ma.fields.String(validate=ma.validate.OneOf([str(kind) for kind in EventKind]))
    title = TextByLanguage(200, "By language", written=False)
    summary = TextByLanguage(2000, "By language; empty if there is none", least=0, written=False)
    series = ma.fields.String(allow_none=True, metadata={"description": "Id of the series it belongs to"})
    series_number = ma.fields.Integer(allow_none=True, metadata={"description": "Its number in the series"})
    starts_at = _moment("Start in UTC; null while there is no date")
    ends_at = _moment("End in UTC; null while there is no date")
    starts_at_local = _moment("Start in the event's own zone, with the offset of that day")
    ends_at_local = _moment("End in the event's own zone, with the offset of that day")
    time_zone = ma.fields.String(metadata={"description": "IANA name of the event's own zone"})
    status = ma.fields.String(validate=ma.validate.OneOf([str(status) for status in EventStatus]))
    mode = ma.fields.String(validate=ma.validate.OneOf([str(mode) for mode in Mode]))
    city = ma.fields.String(allow_none=True)
    place = ma.fields.String(allow_none=True)
    asked_groups = ma.fields.List(
        ma.fields.String(),
        metadata={"description": 'Ids of the working groups that are asked to come; `["*"]` asks all of them'},
    )
    revision = ma.fields.Integer(metadata={"description": "Rises with every change that a participant would see"})
    last_starts_at = _moment("Start, in UTC, of the date a postponed event had")
    last_ends_at = _moment("End, in UTC, of the date a postponed event had")
    form = ma.fields.String(allow_none=True, metadata={"description": "Slug of the form by which people register"})
    join_url = ma.fields.String(allow_none=True, metadata={"description": "Meeting link; only with a key"})
    internal_note = ma.fields.String(metadata={"description": "For coordinators; only with a key"})
    internal = ma.fields.Boolean(
        metadata={"description": "Internal event of the system, not announced to anyone; only with a key"}
    )


_FIELD = f"({'|'.join(EventSchema().fields)})"


class SparseArguments(ma.Schema):
    """Query of one event."""

    fields = ma.fields.String(  # type: ignore[assignment]  # the name of the query argument
        validate=[ma.validate.Length(max=500), ma.validate.Regexp(f"^{_FIELD}(,{_FIELD})*$", error="no such field")],
        metadata={"description": "Only these fields, separated by commas; `id` always comes with them"},
    )


class EventFilters(PageArguments, SparseArguments):
    """Filters of the list of events; an event must fit all that are given."""

    kind = _one_of(list(EventKind), "Only this kind of event")
    series = _slug("Only events of the series with this id")
    status = _one_of(list(EventStatus), "Only events with this status; only coordinators find drafts")
    mode = _one_of(list(Mode), "Only events that people attend in this way")
    on_from = DayOrInstant(
        data_key="from",
        metadata={
            "description": "Only events that are still on after this instant (RFC 3339), or on this day or later (UTC)"
        },
    )
    on_until = DayOrInstant(
        data_key="to",
        metadata={
            "description": "Only events that start before this instant (RFC 3339), or on this day or earlier (UTC)"
        },
    )
    working_group = _slug("Only events to which the working group with this id is asked")
    city = _text(200, "Only events in this city, upper or lower case alike")
    internal = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "The system's own events instead of all others; only for coordinators and operators"},
    )
    q = _text(
        200,
        "Only events with this text in title or summary in any language, in city or place, upper or lower case alike",
    )
    missing_language = _one_of(LANGUAGES, "Only events whose title or summary lacks a text in this language")
    sort = sort_field(SORTS, BY_START, "`confirmed` and `waitlisted` count registrations: with a key for all forms")
    total = total_field()


EventArguments = EventFilters.from_dict(group_fields(tuple(GROUPS)), name="EventArguments")
EventListSchema = counted_list(EventSchema, "EventListSchema")
