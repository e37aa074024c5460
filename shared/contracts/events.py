"""What the events service says: an event's whole public state, and the working groups."""

from marshmallow import fields, validate

from shared.contracts.schemas import MessageSchema, identity, moment, one_of, revision, slug, text
from shared.i18n.content_field import TextByLanguage

EVENT_KINDS = (
    "webinar",
    "side_event",
    "review",
    "council_session",
    "press_conference",
    "consultation",
    "training",
)
EVENT_STATUSES = ("draft", "tentative", "confirmed", "postponed", "cancelled", "held")
EVENT_MODES = ("online", "in_person", "hybrid")
RESOURCE_KINDS = ("recording", "slides", "brief")
PROPOSAL_STATUSES = ("submitted", "accepted", "scheduled", "returned", "declined", "withdrawn")


class EventData(MessageSchema):
    """State of an event. Times are UTC; ``time_zone`` is where it takes place. ``join_url`` goes into mails only."""

    id = slug()
    kind = one_of(*EVENT_KINDS)
    series = slug(required=False)
    series_number = fields.Integer(allow_none=True, load_default=None)
    title = TextByLanguage(300, written=False, required=True)
    summary = TextByLanguage(4000, written=False, least=0, required=True)
    starts_at = moment(required=False)
    ends_at = moment(required=False)
    time_zone = text(64)
    status = one_of(*EVENT_STATUSES)
    mode = one_of(*EVENT_MODES)
    city = text(200, required=False)
    place = text(300, required=False)
    join_url = text(500, required=False)
    asked_groups = fields.List(fields.String(validate=validate.Length(max=80)), required=True)
    revision = revision()


class WorkingGroupData(MessageSchema):
    """A working group as the public may know it; forms do not offer one that is not ``active``."""

    id = slug()
    title = TextByLanguage(200, written=False, required=True)
    active = fields.Boolean(load_default=True)
    revision = revision()


class AllotmentData(MessageSchema):
    """Rooms of one kind for each night from the first to the last, both included."""

    kind = text(20)
    rooms = fields.Integer(required=True, strict=True, validate=validate.Range(min=1))
    first_night = fields.Date(required=True)
    last_night = fields.Date(required=True)


class HotelData(MessageSchema):
    """Rooms that a hotel keeps for the delegation, as of ``occurred_at``; none once it is ``withdrawn``."""

    id = slug()
    name = text(200)
    allotments = fields.List(fields.Nested(AllotmentData), required=True, validate=validate.Length(max=50))
    withdrawn = fields.Boolean(required=True)
    occurred_at = moment()


class ResourceData(MessageSchema):
    """A recording, slides or a brief that can be seen now; ``event``, ``series``, ``city`` are what it belongs to."""

    id = slug()
    revision = revision()
    kind = one_of(*RESOURCE_KINDS)
    title = TextByLanguage(200, written=False, required=True)
    url = text(500)
    language = text(35)
    event = slug(required=False)
    series = slug(required=False)
    city = text(200, required=False)


class DecisionData(MessageSchema):
    """What coordinators have decided about a proposal for a side event.

    Both parts that are sealed are base64 of libsodium sealed boxes: ``sealed`` holds ``{note}`` for notifications,
    ``note`` holds ``{note}`` for registration, which shows it on the own page.

    ``proposal_id`` is the id of its registration, ``revision`` counts the states of the review, and
    ``answers_revision`` is the registration's revision that the decision is about: whoever knows a later one of a
    ``returned`` proposal takes it as submitted again. ``event`` is the side event that the proposal became, once it
    was in a published timetable.
    """

    proposal_id = identity()
    answers_revision = revision()
    revision = revision()
    status = one_of(*PROPOSAL_STATUSES)
    event = slug(required=False)
    occurred_at = moment()
    note = text(12_288)
    sealed = text(12_288)
