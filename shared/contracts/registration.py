"""What the registration service publishes. In clear: what is counted. Sealed to notifications: who it is."""

from marshmallow import fields, validate

from shared.contracts.schemas import MessageSchema, identity, moment, one_of, revision, slug, text

FORM_KINDS = ("webinar", "delegation", "working_group", "attendance", "interest", "proposal")
REGISTRATION_STATUSES = ("confirmed", "waitlisted", "cancelled")


class RegistrationData(MessageSchema):
    """State of one registration.

    ``person_ref`` is a keyed hash of the address (the key never leaves registration). ``sealed`` is base64 of a
    libsodium sealed box that only notifications can open: ``{name, address, time_zone, title, token, view, join}``, the
    last three being tokens of the managing, the read-only and the join link (``join`` is empty once it has ended), and
    ``title`` that of a proposal, empty for every other kind of form.
    ``verified`` says that the owner of the address has confirmed it; until then no mail quotes the form. ``attend`` is
    the event that everybody on this form should attend as well. ``by_coordinator`` says that a coordinator has
    registered the person, and ``mailed`` whether the person gets a mail about this message.
    """

    registration_id = identity()
    revision = revision()
    form = slug()
    form_kind = one_of(*FORM_KINDS)
    event = slug(required=False)
    status = one_of(*REGISTRATION_STATUSES)
    position = fields.Integer(allow_none=True, load_default=None, strict=True)
    working_group = slug(required=False)
    representative = fields.Boolean(load_default=False)
    organisation_id = text(36, required=False)
    country = fields.String(allow_none=True, load_default=None, validate=validate.Length(equal=2))
    mode = one_of("online", "in_person", required=False)
    language = text(35)
    partner = slug(required=False)
    person_ref = fields.String(required=True, validate=validate.Regexp(r"^[0-9a-f]{64}$"))
    occurred_at = moment()
    verified = fields.Boolean(load_default=False)
    attend = slug(required=False)
    by_coordinator = fields.Boolean(load_default=False)
    mailed = fields.Boolean(load_default=True)
    sealed = text(4096)


class TagsData(MessageSchema):
    """The tags of one registration: short words of coordinators, sorted. ``revision`` counts their changes alone.

    They are no part of the registration's own messages: nobody outside sees a difference, and no link is made anew.
    """

    registration_id = identity()
    revision = revision()
    tags = fields.List(text(40), required=True, validate=validate.Length(max=50))
    occurred_at = moment()


class OfferData(RegistrationData):
    """Somebody on the waiting list for whom a seat is held until ``offer_expires_at``."""

    offer_expires_at = moment()


class ProposalData(MessageSchema):
    """What a proposal for a side event says; ``proposal_id`` and ``revision`` are those of its registration.

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
    occurred_at = moment()
    sealed = text(32_768)


class WithdrawnProposalData(MessageSchema):
    """A proposal was withdrawn: its registration is cancelled."""

    proposal_id = identity()
    revision = revision()
    occurred_at = moment()


class ConfirmationData(MessageSchema):
    """A link to everything that waits for the owner of an address, and to their registrations; says neither what nor
    whose. ``pending`` is false where nothing waits for confirmation.

    ``sealed`` is base64 of a libsodium sealed box that only notifications can open: ``{address, token}``.
    """

    link_id = identity()
    language = text(35)
    pending = fields.Boolean(required=True)
    occurred_at = moment()
    sealed = text(4096)


class AddressChangedData(MessageSchema):
    """A registration has another address; this goes to the former one, which can be restored until ``undo_until``.

    Without ``undo_until`` it cannot be restored, and the token is empty: the change is the undo of another one, or a
    coordinator has corrected an address that was never verified.

    It says neither which registration nor the new address. ``sealed`` is base64 of a libsodium sealed box that only
    notifications can open: ``{name, address, token, time_zone}``; the token opens the undo and nothing else.
    """

    former_address_id = identity()
    form_kind = one_of(*FORM_KINDS)
    event = slug(required=False)
    working_group = slug(required=False)
    language = text(35)
    verified = fields.Boolean(load_default=False)
    undo_until = moment(required=False)
    occurred_at = moment()
    sealed = text(4096)


class FormData(MessageSchema):
    """What anybody may know of a form: its title by language, and what decides whether it takes registrations.

    ``open`` is the coordinators' switch and ``opens_at``, ``closes_at`` are their hours; ``event`` is the event that it
    registers for, if any, and ``closes_hours_before`` tells how long before its start the guest list closes (0: never).
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
    opens_at = moment(required=False)
    closes_at = moment(required=False)
    closes_hours_before = fields.Integer(required=True, strict=True, validate=validate.Range(min=0))
    alarm_minutes = fields.Integer(
        allow_none=True, load_default=None, strict=True, validate=validate.Range(min=0, max=40_320)
    )


class PartnerData(MessageSchema):
    """What the console shows of a partner: its name, and on how many addresses of its sites a coordinator must decide.

    ``waiting_origins`` is their number; which addresses they are, only registration knows.
    """

    slug = slug()
    revision = revision()
    name = text(200)
    waiting_origins = fields.Integer(required=True, strict=True, validate=validate.Range(min=0))
    occurred_at = moment()


class ErasedData(MessageSchema):
    """Whoever was on a registration is erased. ``status`` is that under which it goes on counting; nobody is named.

    ``former_addresses`` are ids of former addresses, see :class:`AddressChangedData`, that are erased with them.
    """

    registration_id = identity()
    revision = revision()
    form = slug()
    form_kind = one_of(*FORM_KINDS)
    event = slug(required=False)
    status = one_of(*REGISTRATION_STATUSES)
    occurred_at = moment()
    former_addresses = fields.List(identity(), load_default=list)
