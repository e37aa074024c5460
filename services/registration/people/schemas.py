"""Schemas of coordinators' requests about people, and of the responses."""

from typing import Any

import marshmallow as ma

from services.registration.forms.model import MAX_OFFER_HOURS
from services.registration.people.answer_filters import PREFIX
from services.registration.people.decisions import SEAT_REASONS
from services.registration.people.listing_store import ARRIVAL, SORTS
from shared.http.lists import PageArguments
from shared.http.request_data import DayOrInstant
from shared.messaging.contracts.payloads import REGISTRATION_STATUSES
from shared.messaging.contracts.schemas import SLUG

SLUG_OR_NOTHING = [ma.validate.Length(max=80), ma.validate.Regexp(rf"^$|{SLUG}")]
PLAIN = [ma.validate.Length(max=100), ma.validate.Regexp(r"^[^\x00-\x1f\x7f]*$")]


class RegistrationQuery(PageArguments):
    """Filters of the list of registrations; those that begin with ``answer.`` are parsed separately."""

    beginnings = (PREFIX,)

    form = ma.fields.String(load_default="", validate=SLUG_OR_NOTHING)
    event = ma.fields.String(load_default="", validate=SLUG_OR_NOTHING)
    status = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *REGISTRATION_STATUSES]))
    working_group = ma.fields.String(load_default="", validate=SLUG_OR_NOTHING)
    partner = ma.fields.String(load_default="", validate=SLUG_OR_NOTHING)
    country = ma.fields.String(load_default="", validate=ma.validate.Regexp(r"^([A-Z]{2})?$"))
    q = ma.fields.String(
        load_default="",
        validate=PLAIN,
        metadata={
            "description": "Beginning of an address, or of a word of a name or an organisation; accents do not count"
        },
    )
    since = DayOrInstant(
        load_default=None,
        metadata={"description": "Registered on this day (UTC) or later, or from this instant on (RFC 3339)"},
    )
    until = DayOrInstant(
        load_default=None,
        metadata={"description": "Registered on this day (UTC) or earlier, or before this instant (RFC 3339)"},
    )
    not_registered_for = ma.fields.String(
        load_default="",
        validate=SLUG_OR_NOTHING,
        metadata={
            "description": "An event or a form: people who are not registered for it. Without ``status`` only people "
            "who have a seat or wait for one"
        },
    )
    details = ma.fields.String(
        load_default="",
        validate=ma.validate.OneOf(["", "missing", "given"]),
        metadata={
            "description": "Whether the further details were given. `missing` without ``status``: only "
            "people who have a seat or wait for one"
        },
    )

    language = ma.fields.String(load_default="", validate=ma.validate.Regexp(r"^([a-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$"))
    representative = ma.fields.Boolean(
        load_default=None, metadata={"description": "Whether they represent their working group"}
    )
    tag = ma.fields.String(load_default="", validate=PLAIN, metadata={"description": "A coordinators' tag"})
    offer_since = DayOrInstant(load_default=None, metadata={"description": "With an offer that expires then or later"})
    offer_until = DayOrInstant(load_default=None, metadata={"description": "With an offer that expires by then"})
    sort = ma.fields.String(
        load_default=ARRIVAL,
        validate=ma.validate.OneOf(list(SORTS)),
        metadata={"description": "`-` before a name: descending"},
    )
    total = ma.fields.Boolean(load_default=False, metadata={"description": "Whether to return the total number"})
    columns = ma.fields.String(
        data_key="fields",
        load_default="",
        validate=ma.validate.Length(max=500),
        metadata={
            "description": "Names of the fields to return, separated by commas; all by default. In a file also of the "
            "questions of `form`, as its header has them"
        },
    )
    group_by = ma.fields.String(
        load_default="",
        validate=ma.validate.Length(max=200),
        metadata={
            "description": "Return counts instead of a list, by one or two of `form`, `event`, `status`, "
            "`working_group`, `partner`, `country`, `language`, `organisation`, `representative`, `day` and "
            "`answer.<field>`, separated by a comma; the largest first, at most 1,000"
        },
    )
    at_least = ma.fields.Integer(
        load_default=1,
        validate=ma.validate.Range(min=1, max=1_000_000),
        metadata={"description": "With `group_by`: leave out groups with fewer registrations"},
    )


class PersonSchema(ma.Schema):
    """A registration with the person's data. Sealed answers are not here."""

    id = ma.fields.String(required=True)
    revision = ma.fields.Integer(required=True, metadata={"description": "Value for `If-Match` of a decision"})
    form = ma.fields.String(required=True)
    event = ma.fields.String(allow_none=True)
    status = ma.fields.String(required=True, metadata={"enum": list(REGISTRATION_STATUSES)})
    position = ma.fields.Integer(
        allow_none=True,
        metadata={"description": "Place on the waiting list now, from 1, in order of receipt; null unless waitlisted"},
    )
    name = ma.fields.String(required=True, allow_none=True)
    email = ma.fields.String(required=True)
    organisation = ma.fields.String(allow_none=True)
    working_group = ma.fields.String(allow_none=True)
    representative = ma.fields.Boolean(required=True)
    country = ma.fields.String(allow_none=True)
    language = ma.fields.String(required=True)
    partner = ma.fields.String(allow_none=True)
    offer_expires_at = ma.fields.AwareDateTime(
        format="iso",
        allow_none=True,
        metadata={"description": "Until when a seat is held for the waiting person; null: no offer"},
    )
    offer_passed = ma.fields.Boolean(
        required=True,
        metadata={"description": "An offer was declined or has expired; a coordinator decides about them"},
    )
    answers = ma.fields.Dict(keys=ma.fields.String(), required=True)
    has_sealed = ma.fields.Boolean(required=True)
    details_at = ma.fields.AwareDateTime(
        format="iso",
        allow_none=True,
        metadata={"description": "When the further details were last given; null if never"},
    )
    verified = ma.fields.Boolean(required=True, metadata={"description": "The owner of the address has confirmed it"})
    tags = ma.fields.List(ma.fields.String(), metadata={"description": "Coordinators' tags, sorted"})
    accepted_at = ma.fields.AwareDateTime(format="iso", required=True)


class ChosenPersonSchema(PersonSchema):
    """What `fields` chooses of a registration; all of it by default."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"partial": True, **options})


class GroupSchema(ma.Schema):
    """Registrations that have something in common."""

    by = ma.fields.Dict(
        keys=ma.fields.String(),
        required=True,
        metadata={"description": "The value of each name in `group_by`; null: no value"},
    )
    registrations = ma.fields.Integer(required=True)
    people = ma.fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Distinct people; null over all forms"},
    )


class PersonListSchema(ma.Schema):
    """One page of registrations; or, with `group_by`, the `groups` in place of `items` and `next`."""

    items = ma.fields.List(ma.fields.Nested(ChosenPersonSchema))
    next = ma.fields.String(metadata={"description": "Cursor of the next page; empty at the end"})
    total = ma.fields.Integer(metadata={"description": "With `total=true`: the total number"})
    groups = ma.fields.List(ma.fields.Nested(GroupSchema))
    more = ma.fields.Boolean(metadata={"description": "With `group_by`: there are further, smaller groups"})


class RegistrationChangeSchema(ma.Schema):
    """A line of a registration's history."""

    revision = ma.fields.Integer(required=True)
    status = ma.fields.String(required=True)
    changed_at = ma.fields.AwareDateTime(format="iso", required=True)
    capacity_then = ma.fields.Integer(allow_none=True, metadata={"description": "Where a seat was given"})
    reason = ma.fields.String(required=True)
    changed_by = ma.fields.String(
        allow_none=True, metadata={"description": "Name of the key of the coordinator who decided it"}
    )


class PromotionSchema(ma.Schema):
    """A decision about the waiting list that left this person on it."""

    decided_at = ma.fields.AwareDateTime(format="iso", required=True)
    cause = ma.fields.String(required=True, metadata={"description": "The event that may have freed a seat"})
    capacity = ma.fields.Integer(allow_none=True, required=True, metadata={"description": "Then; null: no limit"})
    free = ma.fields.Integer(allow_none=True, required=True, metadata={"description": "Then; null: no limit"})
    waiting = ma.fields.Integer(required=True, metadata={"description": "How many waited"})
    promoted = ma.fields.Integer(required=True, metadata={"description": "How many of them got a seat"})
    withheld = ma.fields.String(
        required=True,
        metadata={
            "enum": [
                *("no-free-seat", "too-late", "not-taking-place", "out-of-turn"),
                *("reserved", "domain-share", "by-hand"),
            ],
            "description": "Why this person got no seat. `too-late`: no one is invited so close to the start",
        },
    )


class OtherRegistrationSchema(ma.Schema):
    """Another registration of the same address."""

    id = ma.fields.String(required=True)
    form = ma.fields.String(required=True)
    status = ma.fields.String(required=True)
    accepted_at = ma.fields.AwareDateTime(format="iso", required=True)


class LoggedMailSchema(ma.Schema):
    """The outcome of a mail."""

    registration_id = ma.fields.String(required=True)
    form = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    outcome = ma.fields.String(required=True, metadata={"enum": ["sent", "bounced", "suppressed"]})
    occurred_at = ma.fields.AwareDateTime(format="iso", required=True)


class PersonDetailSchema(PersonSchema):
    """One registration; for coordinators with its history, and with everything else of its address."""

    others = ma.fields.List(
        ma.fields.Nested(OtherRegistrationSchema),
        metadata={"description": "For coordinators: other registrations of the address, on forms of the key"},
    )
    mails = ma.fields.List(
        ma.fields.Nested(LoggedMailSchema),
        metadata={"description": "For coordinators: what became of mails to the address, newest first; at most 200"},
    )

    history = ma.fields.List(
        ma.fields.Nested(RegistrationChangeSchema), metadata={"description": "For coordinators: every change, and why"}
    )
    while_waiting = ma.fields.List(
        ma.fields.Nested(PromotionSchema),
        metadata={
            "description": "For coordinators: why this person was not promoted; the latest 50 decisions, newest first"
        },
    )


class OfferWantedSchema(ma.Schema):
    """An offer of a seat."""

    class Meta:
        unknown = ma.RAISE

    hours = ma.fields.Integer(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Range(min=1, max=MAX_OFFER_HOURS),
        metadata={"description": "How long it is valid; null: as set on the form. Never beyond the last promotion"},
    )
    reason = ma.fields.String(
        load_default="",
        validate=ma.validate.OneOf(["", *SEAT_REASONS]),
        metadata={"description": "Required unless the person is first on the list. It is written to the audit log"},
    )


class ChangeWantedSchema(ma.Schema):
    """A coordinator's decision about one registration, or the person's own change: one of the two members."""

    class Meta:
        unknown = ma.RAISE

    status = ma.fields.String(
        validate=ma.validate.OneOf(["confirmed", "cancelled"]),
        metadata={"description": "`confirmed`: a free seat for a waiting person; `cancelled`: the seat is given back"},
    )
    reason = ma.fields.String(
        validate=ma.validate.OneOf(list(SEAT_REASONS)),
        metadata={
            "description": "With `confirmed`, by a coordinator: let them in though what is left is reserved for "
            "others, or beyond the capacity. It is in the audit log"
        },
    )
    answers = ma.fields.Dict(
        keys=ma.fields.String(),
        metadata={
            "description": "Only with the link of the registration: new answers by field. Those to fields that are not"
            " sent stay; null deletes one. Address and consents cannot be changed here"
        },
    )

    @ma.validates_schema
    def one_of_them(self, data: dict[str, Any], **_: Any) -> None:
        """Either a status or answers, as the schema of marshmallow asks for it."""
        if len(data.keys() & {"status", "answers"}) != 1 or ("reason" in data and "status" not in data):
            raise ma.ValidationError("exactly one of `status` and `answers` is required", "status")
