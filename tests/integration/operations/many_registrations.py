"""A great many registrations as rows, as their services would have left them: one seat, one mail, all published."""

import hashlib

import psycopg
from sqlalchemy import make_url

from tests.support.installation import TestInstallation

_ID = "('019a0000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
_PUBLISHED = "('019a0000-0000-7000-8001-' || lpad(to_hex(n), 12, '0'))::uuid"
_MAIL = "('019a0000-0000-7000-8002-' || lpad(to_hex(n), 12, '0'))::uuid"
_SENT = "('019a0000-0000-7000-8003-' || lpad(to_hex(n), 12, '0'))::uuid"
_PERSON = "sha256(n::text::bytea)"
_LETTER = "'<' || n || '@example.org>'"
_PEOPLE = "FROM generate_series(1, {people}) AS n"

_OUTBOX = """
    INSERT INTO outbox (message_id, type, subject, body, stored_at, published_at)
    SELECT {message}, 'org.troika.{key}', {subject}::text, '', now() - interval '1 day', now() - interval '1 day'
"""
_INBOX = "INSERT INTO inbox (consumer, message_id, received_at) SELECT '{queue}', {message}, now() - interval '1 day' "
_ROWS: dict[str, tuple[str, ...]] = {
    "registration": (
        "INSERT INTO form (slug, kind, definition, verification, waiting_list, partners, promotion_notice_minutes, "
        "open, revision) VALUES ('crowd', 'webinar', '{{}}', 'none', true, '{{}}', 60, true, 1)",
        "INSERT INTO seat (form, capacity, confirmed) VALUES ('crowd', {people}, {people})",
        f"""INSERT INTO submission (receipt_hash, form, form_revision, fingerprint, code, decider_key, received_at,
            state, outcome, decided_at)
        SELECT {_PERSON}, 'crowd', 1, {_PERSON}, 'ABCD', 'k', now() - interval '1 day', 'decided', '"confirmed"',
            now() - interval '1 day' {_PEOPLE}""",
        f"""INSERT INTO registration (id, form, status, revision, submission, received_at, person_ref, mailbox_ref,
            domain_ref, person_key, name, email, representative, language, answers, accepted_at, confirmed_at,
            capacity_then)
        SELECT {_ID}, 'crowd', 'confirmed', 1, n, now() - interval '1 day', {_PERSON}, {_PERSON}, '', {_PERSON}, 'A',
            'a@example.org', false, 'en', '{{{{}}}}', now() - interval '1 day', now() - interval '1 day',
            {{people}} {_PEOPLE}""",
        f"""INSERT INTO registration_change (registration_id, revision, status, changed_at, capacity_then, reason)
        SELECT {_ID}, 1, 'confirmed', now() - interval '1 day', {{people}}, 'registered' {_PEOPLE}""",
        f"""INSERT INTO managing_link (token_hash, registration_id, minted_at, asked)
        SELECT {_PERSON}, {_ID}, now(), false {_PEOPLE}""",
        f"""INSERT INTO limited_link (token_hash, registration_id, purpose, minted_at)
        SELECT {_PERSON}, {_ID}, 'view', now() {_PEOPLE}""",
        _OUTBOX.format(message=_PUBLISHED, key="registration.confirmed.v1", subject=_ID) + _PEOPLE,
        _INBOX.format(queue="registration.mail", message=_SENT) + _PEOPLE,
    ),
    "events": (
        f"""INSERT INTO roster (registration_id, form, form_kind, status, revision, person_ref, representative,
            language, occurred_at)
        SELECT {_ID}, 'crowd', 'webinar', 'confirmed', 1, {_PERSON}, false, 'en', now() {_PEOPLE}""",
        "INSERT INTO tally (dimension, name, registrations) VALUES ('form_kind', 'webinar', {people})",
        """INSERT INTO tally (dimension, name, registrations)
        SELECT 'day', (coalesce(uuid_extract_timestamp(registration_id), occurred_at) AT TIME ZONE 'UTC')::date::text,
            count(*) FROM roster GROUP BY 2""",
        f"""INSERT INTO mail_contact (mail_id, registration_id, kind, sent_at)
        SELECT {_MAIL}, {_ID}, 'confirmation', now() {_PEOPLE}""",
        _INBOX.format(queue="events.rollup", message=_PUBLISHED) + _PEOPLE,
        _INBOX.format(queue="events.contact", message=_SENT) + _PEOPLE,
    ),
    "notifications": (
        f"""INSERT INTO recipient (subject, about, person_ref, form, form_kind, language, status, revision, occurred_at,
            closed, noted_at, heard_at)
        SELECT {_ID}, 'registration', encode({_PERSON}, 'hex'), 'crowd', 'webinar', 'en', 'confirmed', 1, now(),
            repeat('c', 30)::bytea, now(), now() {_PEOPLE}""",
        f"""INSERT INTO mail (id, kind, subject, revision, recipient, lane, state, fence, attempts, message_id,
            cause_at, created_at, sent_at, correlation_id)
        SELECT {_MAIL}, 'confirmation', {_ID}, 1, encode({_PERSON}, 'hex'), 'transactional', 'sent', 1, 1, {_LETTER},
            now(), now(), now() - interval '1 day', '' {_PEOPLE}""",
        f"""INSERT INTO mail_attempt (mail_id, number, message_id, phase, started_at, ended_at, outcome)
        SELECT {_MAIL}, 1, {_LETTER}, 'data', now(), now(), 'sent' {_PEOPLE}""",
        _OUTBOX.format(message=_SENT, key="mail.sent.v1", subject=_MAIL) + _PEOPLE,
        _INBOX.format(queue="notifications.mail", message=_PUBLISHED) + _PEOPLE,
    ),
}


def gather(installation: TestInstallation, people: int) -> None:
    """Fill an empty installation."""
    for service, statements in _ROWS.items():
        address = make_url(installation.urls[service]).set(drivername="postgresql")
        with psycopg.connect(address.render_as_string(hide_password=False)) as connection:
            for statement in statements:
                connection.execute(statement.format(people=people))


def receipts(people: int) -> list[str]:
    """Receipt hashes of all submissions."""
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(1, people + 1)]


def copies(people: int) -> dict[str, int]:
    """One of each mail."""
    return {f"<{number}@example.org>": 1 for number in range(1, people + 1)}
