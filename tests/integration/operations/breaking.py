"""Ways to break an installation behind the services' back, each with the one equation that must see it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Break:
    """Attributes:
    equation: that must find it, alone.
    name: of the case.
    database: that is changed.
    statements: as an administrator.
    """

    equation: str
    name: str
    database: str
    statements: tuple[str, ...]


def _registration(equation: str, name: str, *statements: str) -> Break:
    return Break(equation, name, "registration", statements)


def _events(equation: str, name: str, *statements: str) -> Break:
    return Break(equation, name, "events", statements)


def _notifications(equation: str, name: str, *statements: str) -> Break:
    return Break(equation, name, "notifications", statements)


def _bus(equation: str, name: str, *statements: str) -> Break:
    return Break(equation, name, "bus", statements)


_ONE_MORE = """
    INSERT INTO outbox (message_id, type, subject, body, stored_at, published_at)
    SELECT uuidv7(), type, subject, body, stored_at, now() + interval '1 hour' FROM outbox WHERE type = '{type}' LIMIT 1
"""
_ON_BUS = """
    INSERT INTO bus_message (queue, body, properties, headers, stored_at, visible_at)
    VALUES ('{queue}', '', jsonb_build_object('message_id', uuidv7()), '{headers}', now() - interval '{age}', now()
        - interval '{age}')
"""
_CONFIRMED = "form = 'upr-webinar-10' AND status = 'confirmed' AND position IS NULL"
_ENDED_MAIL = "id = (SELECT id FROM mail WHERE kind = '{kind}' AND state = 'sent' ORDER BY id LIMIT 1)"
_A_CONFIRMATION, _A_BULLETIN = (_ENDED_MAIL.format(kind=kind) for kind in ("confirmation", "bulletin"))
_DELETED = (
    "DELETE FROM mail_attempt WHERE mail_{one}",
    "DELETE FROM mail WHERE {one}",
)

BREAKS: tuple[Break, ...] = (
    _registration("A2", "seats miscounted", "UPDATE seat SET confirmed = confirmed + 1 WHERE form = 'upr-webinar-10'"),
    _registration("A2", "waiting miscounted", "UPDATE seat SET waiting = waiting + 1 WHERE form = 'upr-webinar-10'"),
    _registration(
        "A2",
        "registration lost",
        f"DELETE FROM registration WHERE id = (SELECT id FROM registration WHERE {_CONFIRMED} ORDER BY id LIMIT 1)",
        "UPDATE seat SET confirmed = confirmed - 1 WHERE form = 'upr-webinar-10'",
    ),
    _registration(
        "A2",
        "registration lost with its history",
        "DELETE FROM registration_change WHERE registration_id = "
        f"(SELECT id FROM registration WHERE {_CONFIRMED} ORDER BY id LIMIT 1)",
        "DELETE FROM registration r WHERE NOT EXISTS "
        "(SELECT FROM registration_change c WHERE c.registration_id = r.id)",
        "UPDATE seat SET confirmed = confirmed - 1 WHERE form = 'upr-webinar-10'",
    ),
    _registration(
        "A2",
        "never given up",
        "UPDATE registration SET hold_until = NULL, expires_at = now() - interval '2 days' WHERE status = 'unverified'",
    ),
    _events("A2", "event miscounted", "UPDATE event_count SET registrations = registrations + 1"),
    _registration(
        "A3",
        "more seats than ever",
        f"UPDATE registration SET capacity_then = 1 WHERE {_CONFIRMED.partition(' AND pos')[0]}",
    ),
    _registration(
        "A3",
        "confirmed beyond the capacity",
        "UPDATE registration_change SET capacity_then = 1 WHERE status = 'confirmed'",
    ),
    _registration(
        "A3", "held beyond the capacity", "UPDATE seat SET capacity = 1 WHERE form = 'review-press-conference'"
    ),
    _registration(
        "A3",
        "number in line given twice",
        "UPDATE registration SET position = (SELECT min(position) FROM registration) WHERE status = 'waitlisted'",
    ),
    _registration("A3", "number in line never given", "UPDATE seat SET last_position = last_position + 1"),
    _registration(
        "A4",
        "registered twice",
        "DROP INDEX registration_live",
        f"UPDATE registration SET person_ref = (SELECT person_ref FROM registration WHERE {_CONFIRMED} "
        "ORDER BY id LIMIT 1) WHERE status = 'waitlisted'",
    ),
    _registration(
        "A4",
        "key stored twice",
        "ALTER TABLE idempotency DROP CONSTRAINT idempotency_pkey",
        "INSERT INTO idempotency SELECT * FROM idempotency LIMIT 1",
    ),
    _registration(
        "A5",
        "revision missing",
        "DELETE FROM registration_change WHERE revision = 1 AND registration_id = (SELECT id FROM registration "
        "WHERE form = 'upr-webinar-10' AND status = 'cancelled' AND position IS NULL ORDER BY id LIMIT 1)",
    ),
    _registration(
        "A5",
        "change told as another",
        "UPDATE outbox SET type = 'org.troika.registration.confirmed.v1' "
        "WHERE type = 'org.troika.registration.promoted.v1'",
    ),
    _registration("A5", "change told twice", _ONE_MORE.format(type="org.troika.registration.cancelled.v1")),
    _notifications("A5", "handover told twice", _ONE_MORE.format(type="org.troika.mail.sent.v1")),
    _events(
        "A5",
        "proposal without history",
        """INSERT INTO proposal (id, title, summary, language, attendance, speakers, preferred_on,
            unavailable_on, status, note, revision, person_ref, submitted_at, contact, token_hash, fingerprint)
        VALUES (uuidv7(), 'A', 'B', 'en', 1, '{}', '{}', '{}', 'submitted', '', 1, sha256('a'), now(), 'c',
            sha256('t'), sha256('f'))""",
    ),
    _notifications(
        "A6",
        "message lost before mail",
        "DELETE FROM inbox WHERE ctid = (SELECT ctid FROM inbox WHERE consumer = 'notifications.mail' LIMIT 1)",
    ),
    _events(
        "A6",
        "message lost before the coordinators",
        "DELETE FROM inbox WHERE ctid = (SELECT ctid FROM inbox WHERE consumer = 'events.contact' LIMIT 1)",
    ),
    _registration("A6", "event lost before the forms", "DELETE FROM inbox WHERE consumer = 'registration.copies'"),
    _registration(
        "A6",
        "never published",
        "UPDATE outbox SET published_at = NULL WHERE id = (SELECT min(id) FROM outbox)",
    ),
    _events(
        "A6",
        "message from nowhere",
        "INSERT INTO inbox (consumer, message_id, received_at) "
        "VALUES ('events.rollup', uuidv7(), now() - interval '1 second')",
    ),
    _events("A6", "coordinators see another state", "UPDATE roster SET revision = revision + 1"),
    _notifications(
        "A6",
        "mails know another state",
        "UPDATE recipient SET revision = revision + 1 WHERE about = 'registration'",
    ),
    _events(
        "A6", "contact not noted", "DELETE FROM mail_contact WHERE mail_id = (SELECT mail_id FROM mail_contact LIMIT 1)"
    ),
    _bus("A6", "message waits for ever", _ON_BUS.format(queue="events.rollup", headers="{}", age="1 hour")),
    _notifications("A7", "mail missing", *(s.format(one=_ENDED_MAIL.format(kind="waiting-list")) for s in _DELETED)),
    _notifications("A7", "bulletin missing", *(s.format(one=_A_BULLETIN) for s in _DELETED)),
    _registration("A7", "attempt not told", "UPDATE registration SET attempts = attempts + 1 WHERE attempts > 0"),
    _notifications(
        "A7",
        "state is not what happened",
        f"UPDATE mail SET state = 'failed', sent_at = NULL, reason = 'x' WHERE {_A_CONFIRMATION}",
    ),
    _notifications(
        "A7",
        "bulletin twice to one person",
        f"UPDATE mail SET recipient = (SELECT max(recipient) FROM mail WHERE kind = 'bulletin') WHERE {_A_BULLETIN} "
        "OR id = (SELECT id FROM mail WHERE kind = 'bulletin' ORDER BY id DESC LIMIT 1)",
    ),
    _notifications(
        "A8",
        "attempt under another Message-ID",
        "UPDATE mail_attempt SET message_id = '<other@example.org>' "
        "WHERE mail_id = (SELECT mail_id FROM mail_attempt LIMIT 1)",
    ),
    _notifications(
        "A8",
        "Message-ID shared",
        "ALTER TABLE mail DROP CONSTRAINT mail_message_id_key",
        f"UPDATE mail SET message_id = (SELECT message_id FROM mail WHERE {_A_BULLETIN}) WHERE {_A_CONFIRMATION}",
        "UPDATE mail_attempt a SET message_id = m.message_id FROM mail m WHERE m.id = a.mail_id",
    ),
    _notifications(
        "A8",
        "handed over twice without an unknown",
        f"UPDATE mail SET fence = fence + 1 WHERE {_A_CONFIRMATION}",
        "INSERT INTO mail_attempt (mail_id, number, message_id, phase, started_at, ended_at, outcome) "
        f"SELECT id, fence, message_id, 'data', now(), now(), 'unknown' FROM mail WHERE {_A_CONFIRMATION}",
    ),
    _bus("A9", "parked without a reason", _ON_BUS.format(queue="events.rollup.parked", headers="{}", age="1 hour")),
    _bus(
        "A9",
        "parked for long",
        _ON_BUS.format(queue="events.rollup.parked", headers='{"x-troika-reason": "broken"}', age="73 hours"),
    ),
    _registration("A10", "copies differ", "UPDATE event_copy SET revision = revision + 1 WHERE id = 'upr-webinar-10'"),
    _notifications("A10", "mail of the future", f"UPDATE mail SET event_revision = 99 WHERE {_A_CONFIRMATION}"),
    _notifications(
        "A10",
        "news that reached nobody",
        """INSERT INTO announcement (id, cause, event, number, detail, changed_at, created_at, ended_at, correlation_id)
        VALUES (uuidv7(), 'news', 'upr-webinar-10', 99, '{"shown": 99}', now(), now(), now(), '')""",
    ),
    _notifications(
        "A11",
        "bulletin against a suppression",
        "INSERT INTO suppression (person_ref, said_by, since) "
        f"SELECT recipient, 'recipient', sent_at - interval '1 day' FROM mail WHERE {_A_BULLETIN}",
    ),
    _notifications(
        "A11",
        "mail to an address that nobody confirmed",
        f"UPDATE mail SET subject = (SELECT subject FROM recipient WHERE status = 'unverified') WHERE {_A_BULLETIN}",
    ),
    _notifications(
        "A11",
        "asked twice",
        """INSERT INTO mail (id, kind, subject, revision, recipient, lane, state, reason, message_id, cause_at,
            created_at, correlation_id)
        SELECT uuidv7(), kind, subject, 2, recipient, lane, 'called_off', 'x', '<again@example.org>', cause_at,
            created_at, '' FROM mail WHERE kind = 'verification' AND subject IN
            (SELECT subject FROM recipient WHERE revision > 1) LIMIT 1""",
    ),
    _registration(
        "A12",
        "reading of nobody",
        "INSERT INTO sealed_reading (registration_id, form, reader, reason, read_at) "
        "VALUES (uuidv7(), 'upr-webinar-10', 'a reader', 'a good reason', now())",
    ),
    _registration("A12", "log can be changed", "ALTER TABLE sealed_reading DISABLE TRIGGER sealed_reading_stays"),
    _registration(
        "A12", "log takes no reason", "ALTER TABLE sealed_reading DROP CONSTRAINT sealed_reading_reason_check"
    ),
)
"""A1, and what arrived in A8, need what no database knows: their tests stand beside these."""
