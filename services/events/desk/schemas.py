"""Schemas of requests for events and of the answers, for checking and for the OpenAPI document."""

import marshmallow as ma

from services.events.event.model import MAX_NOTE_CHARACTERS, EventKind, EventStatus, Mode
from services.events.event.notices import NoticeState
from services.events.event.store import BY_START, EVENT_GROUPS, EVENT_SORTS
from services.events.fields import slug_field
from services.events.http import counted_list, group_fields, instant_field, number_by_name, sort_field, total_field
from shared.http.lists import PageArguments
from shared.http.request_data import DayOrInstant
from shared.i18n.languages import LANGUAGES
from shared.messaging.contracts.schemas import TextByLanguage
from shared.runtime.schema_fields import one_of_field, text_field


class EventSchema(ma.Schema):
    """An event. Instants are RFC 3339, in UTC and in the event's own zone."""

    id = ma.fields.String(required=True, metadata={"description": "A lower-case name with hyphens"})
    kind = ma.fields.String(validate=ma.validate.OneOf([str(kind) for kind in EventKind]))
    title = TextByLanguage(200, "By language", written=False)
    summary = TextByLanguage(2000, "By language; empty if there is none", least=0, written=False)
    series = ma.fields.String(allow_none=True, metadata={"description": "Id of the series it belongs to"})
    series_number = ma.fields.Integer(allow_none=True, metadata={"description": "Its number in the series"})
    starts_at = instant_field("Start in UTC; null while there is no date", allow_none=True)
    ends_at = instant_field("End in UTC; null while there is no date", allow_none=True)
    starts_at_local = instant_field("Start in the event's own zone, with the offset of that day", allow_none=True)
    ends_at_local = instant_field("End in the event's own zone, with the offset of that day", allow_none=True)
    time_zone = ma.fields.String(metadata={"description": "IANA name of the event's own zone"})
    status = ma.fields.String(validate=ma.validate.OneOf([str(status) for status in EventStatus]))
    mode = ma.fields.String(validate=ma.validate.OneOf([str(mode) for mode in Mode]))
    city = ma.fields.String(allow_none=True)
    place = ma.fields.String(allow_none=True)
    asked_groups = ma.fields.List(
        ma.fields.String(),
        metadata={"description": 'Ids of the invited working groups; `["*"]` invites all'},
    )
    revision = ma.fields.Integer(metadata={"description": "Increases with every change that participants see"})
    last_starts_at = instant_field("Start, in UTC, of the date a postponed event had", allow_none=True)
    last_ends_at = instant_field("End, in UTC, of the date a postponed event had", allow_none=True)
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

    kind = one_of_field(list(EventKind), metadata={"description": "Only this kind of event"})
    series = slug_field("Only events of the series with this id")
    status = one_of_field(
        list(EventStatus), metadata={"description": "Only events with this status; only coordinators find drafts"}
    )
    mode = one_of_field(list(Mode), metadata={"description": "Only events that people attend in this way"})
    on_from = DayOrInstant(
        data_key="from",
        metadata={"description": "Only events that end after this instant (RFC 3339), or on this day or later (UTC)"},
    )
    on_until = DayOrInstant(
        data_key="to",
        metadata={
            "description": "Only events that start before this instant (RFC 3339), or on this day or earlier (UTC)"
        },
    )
    working_group = slug_field("Only events that invite the working group with this id")
    city = text_field(200, "Only events in this city, upper or lower case alike")
    internal = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "Internal events instead of all others; only for coordinators and operators"},
    )
    q = text_field(
        200,
        "Only events with this text in title or summary in any language, in city or place, upper or lower case alike",
    )
    missing_language = one_of_field(
        LANGUAGES, metadata={"description": "Only events whose title or summary lacks a text in this language"}
    )
    sort = sort_field(
        EVENT_SORTS, BY_START, "`confirmed` and `waitlisted` count registrations: with a key for all forms"
    )
    total = total_field()


EventArguments = EventFilters.from_dict(group_fields(tuple(EVENT_GROUPS)), name="EventArguments")
EventListSchema = counted_list(EventSchema, "EventListSchema")


class StepArguments(ma.Schema):
    """Query of a step."""

    dry_run = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "Change nothing and notify no one; return who would be notified"},
    )


class StepSchema(ma.Schema):
    """Values of a step: `reschedule` needs both instants; it and `revive` accept a status."""

    starts_at = ma.fields.AwareDateTime(format="iso", metadata={"description": "With an offset; `reschedule` only"})
    ends_at = ma.fields.AwareDateTime(format="iso", metadata={"description": "With an offset; `reschedule` only"})
    status = one_of_field(
        (EventStatus.TENTATIVE, EventStatus.CONFIRMED),
        metadata={"description": "Status afterwards; by default tentative, or unchanged if rescheduled"},
    )


class AudienceSchema(ma.Schema):
    """Whom a change reaches. One person on two forms is one person."""

    people = ma.fields.Integer(
        required=True,
        metadata={"description": "Distinct people who will be notified"},
    )
    by_status = number_by_name("Registrations that mean attendance, by status; ended ones are not notified")
    by_form_kind = number_by_name("Registrations with a seat or on the waiting list, by kind of form")
    by_language = number_by_name("Registrations of the people to be notified, by language")


class DependentEventSchema(ma.Schema):
    """An event that was planned around another one."""

    id = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    kind = one_of_field(EventKind, required=True)
    status = one_of_field(EventStatus, required=True)
    starts_at = ma.fields.AwareDateTime(format="iso", required=True)
    ends_at = ma.fields.AwareDateTime(format="iso", required=True)
    time_zone = ma.fields.String(required=True)


class DependentHotelSchema(ma.Schema):
    """A hotel block that was made for another date."""

    id = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    city = ma.fields.String(required=True)
    book_until = ma.fields.Date(allow_none=True, required=True)


class RoomDaySchema(ma.Schema):
    """A day on which rooms for side events are reserved."""

    on = ma.fields.Date(required=True, metadata={"description": "In the rooms' own zone"})
    city = ma.fields.String(required=True)
    rooms = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "Their titles"})


class DependentsSchema(ma.Schema):
    """What was planned around the date of a review or a Council session."""

    events = ma.fields.List(ma.fields.Nested(DependentEventSchema), required=True)
    hotels = ma.fields.List(ma.fields.Nested(DependentHotelSchema), required=True)
    room_days = ma.fields.List(ma.fields.Nested(RoomDaySchema), required=True)


class NoticeSchema(ma.Schema):
    """The mails about a change, which further changes within a minute join."""

    state = one_of_field(
        NoticeState,
        required=True,
        metadata={
            "description": "`waiting` until `due_at`; `withdrawn` if the change was put back before, so that no one is "
            "notified; `due` from then on"
        },
    )
    due_at = instant_field("When the mails are made, unless a further change delays them by a minute", required=True)
    fields = ma.fields.List(  # type: ignore[assignment]  # the name in the answer
        ma.fields.String(),
        required=True,
        metadata={"description": "Fields in which the event differs from what participants know; empty if put back"},
    )
    mails_sent = ma.fields.Integer(required=True, metadata={"description": "Mails that were sent about it so far"})


class EventActionResultSchema(ma.Schema):
    """What a step did, or with `dry_run` would do."""

    dry_run = ma.fields.Boolean(required=True)
    change = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(["published", "changed", "none"]),
        metadata={"description": "Kind of change as published to others: `none` if participants see no difference"},
    )
    differs = ma.fields.List(
        ma.fields.String(), required=True, metadata={"description": "Fields in which participants see a difference"}
    )
    audience = ma.fields.Nested(AudienceSchema, required=True)
    notice = ma.fields.Nested(
        NoticeSchema,
        required=True,
        allow_none=True,
        metadata={"description": "The mails to this audience; null if the change causes none"},
    )
    dependents = ma.fields.Nested(
        DependentsSchema,
        required=True,
        metadata={
            "description": "Press conferences, side events, hotel blocks and room days in the same city that were "
            "planned around the old date. They do not move; a key limited to some forms sees public events only"
        },
    )
    event = ma.fields.Nested(EventSchema, required=True)


class NewNoteSchema(ma.Schema):
    """What a coordinator writes for the others."""

    words = text_field(MAX_NOTE_CHARACTERS, "No spaces at either end; line breaks are kept", required=True)
    id = ma.fields.UUID(
        metadata={
            "description": "Chosen by the caller, so that a repeated request creates one note; generated if left out"
        }
    )


class EventNoteSchema(ma.Schema):
    """One note. It is never changed."""

    id = ma.fields.String(required=True)
    words = ma.fields.String(required=True)
    written_by = ma.fields.String(required=True, metadata={"description": "Name of the key"})
    written_at = ma.fields.AwareDateTime(format="iso", required=True)


class EventNoteListSchema(ma.Schema):
    """One page of notes, the newest first."""

    items = ma.fields.List(ma.fields.Nested(EventNoteSchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})


class EventChangeSchema(ma.Schema):
    """What was done to an event or to a resource of it. Values are not in it."""

    id = ma.fields.String(required=True)
    action = ma.fields.String(
        required=True,
        metadata={
            "description": "`made`, `edited`, `loaded`, a step, `resource-made`, `resource-changed` or "
            "`timetable-published`"
        },
    )
    revision = ma.fields.Integer(required=True, metadata={"description": "Of the event, afterwards"})
    resource_id = ma.fields.String(required=True, allow_none=True)
    fields = ma.fields.List(  # type: ignore[assignment]  # the name in the answer
        ma.fields.String(), required=True, metadata={"description": "Names of the fields that differ"}
    )
    changed_by = ma.fields.String(required=True, metadata={"description": "Name of the key, or the cause"})
    changed_at = ma.fields.AwareDateTime(format="iso", required=True)
    notice = ma.fields.Nested(
        NoticeSchema,
        required=True,
        allow_none=True,
        metadata={"description": "The mails about it, the same for changes in one mail; null if it causes none"},
    )


class HistorySchema(ma.Schema):
    """One page of changes, the newest first."""

    items = ma.fields.List(ma.fields.Nested(EventChangeSchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})


class GroupCoverageSchema(ma.Schema):
    """One working group that is asked to an event."""

    id = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    representatives = ma.fields.Integer(required=True, metadata={"description": "Representatives who have a seat"})
    waiting = ma.fields.Integer(required=True, metadata={"description": "Representatives on the waiting list"})
    last_mail_at = ma.fields.AwareDateTime(
        format="iso",
        allow_none=True,
        required=True,
        metadata={"description": "When the last bulletin was sent to a member of the group; null if never"},
    )


class CoverageSchema(ma.Schema):
    """Which of the asked working groups have a representative, and which have none."""

    event = ma.fields.String(required=True, metadata={"description": "Id of the event"})
    covered = ma.fields.List(ma.fields.Nested(GroupCoverageSchema), required=True)
    missing = ma.fields.List(ma.fields.Nested(GroupCoverageSchema), required=True)
