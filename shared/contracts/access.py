"""Who may work with the system, as registration publishes it; the other services keep a copy and ask nobody."""

from marshmallow import fields, validate

from shared.contracts.schemas import MessageSchema, identity, moment, one_of, revision, slug, text

HASH = r"^[0-9a-f]{64}$"


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
    until = moment(required=False)
    key_hashes = fields.List(
        fields.String(validate=validate.Regexp(HASH)), required=True, validate=validate.Length(max=20)
    )
    revoked = fields.Boolean(required=True)
    occurred_at = moment()


class SessionEndedData(MessageSchema):
    """A session of the console was ended before its time. ``session`` is the SHA-256 of what its cookie holds."""

    session = fields.String(required=True, validate=validate.Regexp(HASH))
    occurred_at = moment()


class InvitationData(MessageSchema):
    """Somebody is invited to work with the system, or gets a new link because they lost their passkey.

    ``sealed`` is base64 of a libsodium sealed box that only notifications can open: ``{address, title, token}``, the
    name of who invites as ``title``, and the whole link as ``token``: only registration knows the console's address.
    """

    invitation_id = identity()
    purpose = one_of("invited", "recovery")
    language = text(35)
    expires_at = moment()
    occurred_at = moment()
    sealed = text(4096)


class ApprovalData(MessageSchema):
    """What a second person has to approve: a list of all sealed answers of a form, or the destruction of its key.

    ``waiting`` becomes false once, when it is approved, declined or withdrawn. From ``expires_at`` on it cannot be
    decided. Nothing in it says whom the list is about.
    """

    approval_id = identity()
    form = slug()
    asked_by = text(200)
    waiting = fields.Boolean(required=True)
    expires_at = moment()
    occurred_at = moment()


class AuditEntryData(MessageSchema):
    """Somebody with a key did something, for the one audit log over the services. Nothing in it says who a participant
    is. ``act`` is in the past tense (``bulletin-sent``), ``kind`` and ``subject`` are of what it was done to, or empty.
    """

    entry_id = identity()
    occurred_at = moment()
    who = text(200)
    act = text(100)
    kind = text(40)
    subject = text(200)
    detail = fields.Dict(keys=fields.String(), required=True)
