"""What the notifications service says: that a mail was handed over. Ids only."""

from shared.contracts.schemas import MessageSchema, identity, moment, revision, slug, text


class MailData(MessageSchema):
    """One mail that the relay host has taken."""

    mail_id = identity()
    revision = revision()
    kind = text(40)
    registration_id = identity()
    event = slug(required=False)
    sent_at = moment()
