"""What the notifications service publishes: what became of a mail. Ids only."""

from shared.contracts.schemas import MessageSchema, identity, moment, one_of, revision, slug, text

MAIL_ABOUT = ("registration", "confirmation", "former-address", "invitation", "bulletin-test")


class MailData(MessageSchema):
    """One mail: the relay took it, refused its recipient for good, or it was suppressed, ``occurred_at`` that moment.

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
    caused_at = moment()
    occurred_at = moment()
