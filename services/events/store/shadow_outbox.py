"""What is written in place of a message that nobody is to get: as much, read by nobody, and soon deleted."""

from sqlalchemy import Connection, text

from shared.contracts.envelope import Message, encode

_ADD = text("""
    INSERT INTO shadow_outbox (message_id, type, subject, body, stored_at)
    VALUES (:message_id, :type, :subject, :body, :stored_at)
""")
_FORGET = text("DELETE FROM shadow_outbox WHERE ctid = ANY(ARRAY(SELECT ctid FROM shadow_outbox LIMIT :most))")


def add_shadow(connection: Connection, message: Message) -> None:
    """Store ``message`` where no relay looks; it must hold nothing of a person."""
    values = {"message_id": message.id, "type": message.type, "subject": message.subject, "stored_at": message.time}
    connection.execute(_ADD, {**values, "body": encode(message)})


def forget_shadows(connection: Connection, most: int) -> None:
    """Delete up to ``most``."""
    connection.execute(_FORGET, {"most": most})
