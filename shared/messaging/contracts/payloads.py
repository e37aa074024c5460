"""Payloads: the ``data`` of every message type, by producer.

In clear: ids, slugs, and what is counted. What identifies a person is sealed to the one service that needs it.
"""

from marshmallow import fields, validate

from shared.messaging.contracts.schemas import (
    MessageSchema,
    TextByLanguage,
    identity,
    instant,
    one_of,
    revision,
    slug,
    text,
    whole,
)
from shared.vocabulary.form_kinds import FORM_KINDS
from shared.vocabulary.promotion import PROMOTION_MODES

HASH = r"^[0-9a-f]{64}$"

ROLES = ("viewer", "coordinator", "sealed-reader", "operator", "administrator", "partner")
"""What a colleague or a program may be."""


class AccessData(MessageSchema):
    """What a colleague or a program may do. ``key_hashes`` are SHA-256 of random keys of 256 bits, hexadecimal.

    ``forms`` limits it to some forms (null: all), ``partner`` is set for the role ``partner`` alone. From ``until`` on,
    and once it is revoked, it opens nothing.
    """

    holder_id = identity()
    revision = revision()
    name = text(200)
    roles = fields.List(text(40), required=True, validate=validate.Length(max=20))
    forms = fields.List(slug(), allow_none=True, load_default=None, validate=validate.Length(max=200))
    partner = slug(required=False)
    until = instant(required=False)
    key_hashes = fields.List(
        fields.String(validate=validate.Regexp(HASH)), required=True, validate=validate.Length(max=20)
    )
    revoked = fields.Boolean(required=True)
    occurred_at = instant()


class SessionData(MessageSchema):
    """A session of the console began, or was ended early. ``session`` is the SHA-256 of what its cookie holds."""

    session = fields.String(required=True, validate=validate.Regexp(HASH))
    occurred_at = instant()


class InvitationData(MessageSchema):
    """A person is invited to work with the system, or gets a new link because they lost their passkey.

    ``sealed`` is base64 of a libsodium sealed box that only notifications can open: ``{address, title, token}``, the
    name of who invites as ``title``, and the whole link as ``token``: only registration knows the console's address.
    """

    invitation_id = identity()
    purpose = one_of("invited", "recovery")
    language = text(35)
    expires_at = instant()
    occurred_at = instant()
    sealed = text(4096)


class ApprovalData(MessageSchema):
    """What a second person has to approve: a list of all sealed answers of a form, or the destruction of its key.

    ``waiting`` becomes false once, when it is approved, declined or withdrawn. From ``expires_at`` on it cannot be
    decided. No field identifies whom the list is about.
    """

    approval_id = identity()
    form = slug()
    asked_by = text(200)
    waiting = fields.Boolean(required=True)
    expires_at = instant()
    occurred_at = instant()


class AuditEntryData(MessageSchema):
    """A key holder did something, for the one audit log over the services. No field identifies a participant. ``act``
    is in the past tense (``bulletin-sent``), ``kind`` and ``subject`` are of what it was done to, or empty.
    """

    entry_id = identity()
    occurred_at = instant()
    who = text(200)
    act = text(100)
    kind = text(40)
    subject = text(200)
    detail = fields.Dict(keys=fields.String(), required=True)


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
    """State of an event. Times are UTC; ``time_zone`` is where it takes place. ``join_url`` is used in mails only."""

    id = slug()
    kind = one_of(*EVENT_KINDS)
    series = slug(required=False)
    series_number = whole(1, required=False)
    title = TextByLanguage(300, written=False, required=True)
    summary = TextByLanguage(4000, written=False, least=0, required=True)
    starts_at = instant(required=False)
    ends_at = instant(required=False)
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
    rooms = whole(1)
    first_night = fields.Date(required=True)
    last_night = fields.Date(required=True)


class HotelData(MessageSchema):
    """Rooms that a hotel keeps for the delegation, as of ``occurred_at``; none once it is ``withdrawn``."""

    id = slug()
    name = text(200)
    allotments = fields.List(fields.Nested(AllotmentData), required=True, validate=validate.Length(max=50))
    withdrawn = fields.Boolean(required=True)
    occurred_at = instant()


class ResourceData(MessageSchema):
    """A recording, slides or a brief that the public has seen, and sees while it is ``published``.

    ``event``, ``series`` and ``city`` are what it belongs to.
    """

    id = slug()
    revision = revision()
    kind = one_of(*RESOURCE_KINDS)
    title = TextByLanguage(200, written=False, required=True)
    url = text(500)
    language = text(35)
    event = slug(required=False)
    series = slug(required=False)
    city = text(200, required=False)
    published = fields.Boolean(load_default=True)


class DecisionData(MessageSchema):
    """What coordinators have decided about a proposal for a side event.

    Both parts that are sealed are base64 of libsodium sealed boxes: ``sealed`` holds ``{note}`` for notifications,
    ``note`` holds ``{note}`` for registration, which shows it on the own page.

    ``proposal_id`` is the id of its registration, ``revision`` counts the states of the review, and
    ``answers_revision`` is the registration's revision that the decision is about: a consumer with a later one of a
    ``returned`` proposal takes it as submitted again. ``event`` is the side event that the proposal became, once it
    was in a published timetable.
    """

    proposal_id = identity()
    answers_revision = revision()
    revision = revision()
    status = one_of(*PROPOSAL_STATUSES)
    event = slug(required=False)
    occurred_at = instant()
    note = text(12_288)
    sealed = text(12_288)


MAIL_ABOUT = ("registration", "confirmation", "former-address", "invitation", "bulletin-test")


class MailData(MessageSchema):
    """One mail: the relay took it, it failed, or it was suppressed, ``occurred_at`` that instant.

    ``subject`` is the id of what the mail is about: a registration, a confirmation link, a former address, an
    invitation or a test copy of a bulletin. ``revision`` is the number of the mail among those of its kind and subject,
    ``caused_at`` when what it is about happened.
    """

    mail_id = identity()
    revision = revision()
    kind = text(40)
    about = one_of(*MAIL_ABOUT)
    subject = identity()
    event = slug(required=False)
    caused_at = instant()
    occurred_at = instant()


class BouncedMailData(MailData):
    """A mail that failed. ``refused``: the relay refused its recipient for good; otherwise it may be sent again."""

    refused = fields.Boolean(load_default=False)


REGISTRATION_STATUSES = ("confirmed", "waitlisted", "cancelled")


class RegistrationData(MessageSchema):
    """State of one registration.

    ``person_ref`` is a keyed hash of the address (the key never leaves registration). ``sealed`` is base64 of a
    libsodium sealed box that only notifications can open: ``{name, address, time_zone, title, token, view, join}``, the
    last three being tokens of the managing, the read-only and the join link (``join`` is empty once it has ended), and
    ``title`` that of a proposal, empty for every other kind of form.
    ``verified`` means that the owner of the address has confirmed it; until then no mail quotes the form. ``attend`` is
    the event that everyone on this form should attend as well. ``by_coordinator`` means that a coordinator has
    registered the person, and ``mailed`` whether the person gets a mail about this message. ``promotion_mode`` is how
    those who wait get free seats, in the message about a new person on the waiting list; null if it is not known.
    ``lapses_at`` is when the registration is cancelled unless its owner uses a link before, null for never, and
    ``lapsed`` whether it was cancelled because they used none.
    """

    registration_id = identity()
    revision = revision()
    form = slug()
    form_kind = one_of(*FORM_KINDS)
    event = slug(required=False)
    status = one_of(*REGISTRATION_STATUSES)
    position = whole(1, required=False)
    working_group = slug(required=False)
    representative = fields.Boolean(load_default=False)
    organisation_id = text(36, required=False)
    country = fields.String(allow_none=True, load_default=None, validate=validate.Length(equal=2))
    mode = one_of("online", "in_person", required=False)
    language = text(35)
    partner = slug(required=False)
    person_ref = fields.String(required=True, validate=validate.Regexp(r"^[0-9a-f]{64}$"))
    occurred_at = instant()
    verified = fields.Boolean(load_default=False)
    attend = slug(required=False)
    by_coordinator = fields.Boolean(load_default=False)
    mailed = fields.Boolean(load_default=True)
    promotion_mode = one_of(*PROMOTION_MODES, required=False)
    lapses_at = instant(required=False)
    lapsed = fields.Boolean(load_default=False)
    sealed = text(4096)


class TagsData(MessageSchema):
    """The tags of one registration: short words of coordinators, sorted. ``revision`` counts only their changes.

    They are no part of the registration's own messages: no outsider sees a difference, and no link is replaced.
    Coordinators can add up to 20; a registration that was merged keeps the tags of all that were merged into it.
    """

    registration_id = identity()
    revision = revision()
    tags = fields.List(text(40), required=True, validate=validate.Length(max=200))
    occurred_at = instant()


class OfferData(RegistrationData):
    """A person on the waiting list for whom a seat is held until ``offer_expires_at``."""

    offer_expires_at = instant()


class ProposalData(MessageSchema):
    """The content of a proposal for a side event; ``proposal_id`` and ``revision`` are those of its registration.

    ``sealed`` is base64 of a libsodium sealed box that only events can open: ``{title, summary, organisation, speakers,
    named_speakers, attendance, preferred_days, unavailable_days}``, with a list of names as ``speakers``, those
    who agree to be named publicly as ``named_speakers``, and days as ISO 8601.
    """

    proposal_id = identity()
    revision = revision()
    working_group = slug(required=False)
    language = text(35)
    partner = slug(required=False)
    person_ref = fields.String(required=True, validate=validate.Regexp(r"^[0-9a-f]{64}$"))
    occurred_at = instant()
    sealed = text(32_768)


class WithdrawnProposalData(MessageSchema):
    """A proposal was withdrawn: its registration is cancelled."""

    proposal_id = identity()
    revision = revision()
    occurred_at = instant()


class ConfirmationData(MessageSchema):
    """A link to everything that waits for the owner of an address, and to their registrations; names neither what nor
    whose. ``pending`` is false where nothing waits for confirmation.

    ``sealed`` is base64 of a libsodium sealed box that only notifications can open: ``{address, token}``.
    """

    link_id = identity()
    language = text(35)
    pending = fields.Boolean(required=True)
    occurred_at = instant()
    sealed = text(4096)


class AddressChangedData(MessageSchema):
    """A registration has another address; this is sent to the former one, which can be restored until ``undo_until``.

    Without ``undo_until`` it cannot be restored, and the token is empty: the change is the undo of another one, or a
    coordinator has corrected an address that was never verified.

    It contains neither the registration nor the new address. ``sealed`` is base64 of a libsodium sealed box that only
    notifications can open: ``{name, address, token, time_zone}``; the token opens the undo and nothing else.
    """

    former_address_id = identity()
    form_kind = one_of(*FORM_KINDS)
    event = slug(required=False)
    working_group = slug(required=False)
    language = text(35)
    verified = fields.Boolean(load_default=False)
    undo_until = instant(required=False)
    occurred_at = instant()
    sealed = text(4096)


class FormData(MessageSchema):
    """What anyone may know of a form: its title by language, and what decides whether it takes registrations.

    ``open`` is the coordinators' switch and ``opens_at``, ``closes_at`` are their hours; ``event`` is the event that it
    registers for, if any, and ``closes_hours_before`` is how long before its start the guest list closes (0: never).
    ``open_until`` is whether it is open until the ``start`` or the ``end`` of the event; null: those who attend an
    online event may register until its end.
    ``alarm_minutes`` is how long before the start calendars alert people; null leaves that to their calendars.
    """

    id = slug()
    revision = revision()
    kind = one_of(*FORM_KINDS)
    event = slug(required=False)
    title = fields.Dict(
        keys=fields.String(validate=validate.Length(max=35)),
        values=fields.String(validate=validate.Length(min=1, max=4000)),
        required=True,
    )
    open = fields.Boolean(required=True)
    opens_at = instant(required=False)
    closes_at = instant(required=False)
    closes_hours_before = whole(0)
    alarm_minutes = whole(0, 40_320, required=False)
    open_until = fields.String(allow_none=True, load_default=None, validate=validate.OneOf(("start", "end")))


class PartnerData(MessageSchema):
    """What the console shows of a partner: its name, and on how many addresses of its sites a coordinator must decide.

    ``waiting_origins`` is their number; which addresses they are, only registration knows.
    """

    slug = slug()
    revision = revision()
    name = text(200)
    waiting_origins = whole(0)
    occurred_at = instant()


class ErasedData(MessageSchema):
    """The person on a registration is erased. The registration still counts under ``status``; no one is named.

    ``former_addresses`` are ids of former addresses, see :class:`AddressChangedData`, that are erased with them.
    """

    registration_id = identity()
    revision = revision()
    form = slug()
    form_kind = one_of(*FORM_KINDS)
    event = slug(required=False)
    status = one_of(*REGISTRATION_STATUSES)
    occurred_at = instant()
    former_addresses = fields.List(identity(), load_default=list)
