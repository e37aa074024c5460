"""What the events service says: an event's whole public state, and the working groups."""

from marshmallow import fields, validate

from shared.contracts.schemas import MessageSchema, moment, one_of, revision, slug, text

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


class EventData(MessageSchema):
    """State of an event. Times are UTC; ``time_zone`` is where it takes place. ``join_url`` goes into mails only."""

    id = slug()
    kind = one_of(*EVENT_KINDS)
    series = slug(required=False)
    series_number = fields.Integer(allow_none=True, load_default=None)
    title = text(300)
    summary = text(4000)
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
    """A working group as the public may know it."""

    id = slug()
    title = text(200)
    revision = revision()
