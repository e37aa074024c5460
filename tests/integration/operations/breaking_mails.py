"""Ways to break data about mails."""

from tests.integration.operations.breaking import Break, in_notifications, in_registration

_ENDED_MAIL = "id = (SELECT id FROM mail WHERE kind = '{kind}' AND state = 'sent' ORDER BY number LIMIT 1)"
_A_CONFIRMATION, _A_BULLETIN = (_ENDED_MAIL.format(kind=kind) for kind in ("confirmation", "bulletin"))
_DELETED = (
    "DELETE FROM mail_attempt WHERE mail_{one}",
    "DELETE FROM mail WHERE {one}",
)

BREAKS: tuple[Break, ...] = (
    in_notifications(
        "A7",
        "mail missing",
        "each change is one mail",
        *(s.format(one=_ENDED_MAIL.format(kind="waiting-list")) for s in _DELETED),
    ),
    in_notifications(
        "A7",
        "bulletin missing",
        "each announcement created as many mails as it records",
        *(s.format(one=_A_BULLETIN) for s in _DELETED),
    ),
    in_notifications(
        "A7",
        "state is not what happened",
        "a mail's state matches the outcome of its claims",
        f"UPDATE mail SET state = 'failed', sent_at = NULL, reason = 'x' WHERE {_A_CONFIRMATION}",
    ),
    in_notifications(
        "A7",
        "bulletin twice to one person",
        "no person got a bulletin twice",
        f"UPDATE mail SET recipient = (SELECT max(recipient) FROM mail WHERE kind = 'bulletin') WHERE {_A_BULLETIN} "
        "OR id = (SELECT id FROM mail WHERE kind = 'bulletin' ORDER BY number DESC LIMIT 1)",
    ),
    in_notifications(
        "A8",
        "attempt under another Message-ID",
        "every attempt at a mail has its Message-ID",
        "UPDATE mail_attempt SET message_id = '<other@example.org>' "
        "WHERE mail_id = (SELECT mail_id FROM mail_attempt LIMIT 1)",
    ),
    in_notifications(
        "A8",
        "Message-ID shared",
        "no two mails share a Message-ID",
        "ALTER TABLE mail DROP CONSTRAINT mail_message_id_key",
        f"UPDATE mail SET message_id = (SELECT message_id FROM mail WHERE {_A_BULLETIN}) WHERE {_A_CONFIRMATION}",
        "UPDATE mail_attempt a SET message_id = m.message_id FROM mail m WHERE m.id = a.mail_id",
    ),
    in_notifications(
        "A8",
        "handed over twice without an unknown",
        "a mail is handed over once, and once more for each unknown",
        f"UPDATE mail SET fence = fence + 1 WHERE {_A_CONFIRMATION}",
        "INSERT INTO mail_attempt (mail_id, number, message_id, phase, started_at, ended_at, outcome) "
        f"SELECT id, fence, message_id, 'data', now(), now(), 'unknown' FROM mail WHERE {_A_CONFIRMATION}",
    ),
    in_registration(
        "A10",
        "copies differ",
        "both copies of an event are of the same revision",
        "UPDATE event_copy SET revision = revision + 1 WHERE id = 'upr-webinar-10'",
    ),
    in_notifications(
        "A10",
        "mail of the future",
        "no mail was written from a state that was never published",
        f"UPDATE mail SET event_revision = 99 WHERE {_A_CONFIRMATION}",
    ),
    in_notifications(
        "A10",
        "news without a recipient",
        "each person with a place has a mail of the last news, or one written since",
        """INSERT INTO announcement (id, cause, event, number, detail, changed_at, created_at, ended_at, correlation_id)
        VALUES (uuidv7(), 'news', 'upr-webinar-10', 99, '{"shown": 99}', now(), now(), now(), '')""",
    ),
    in_notifications(
        "A11",
        "bulletin against a suppression",
        "a person who wants no bulletins gets none",
        "INSERT INTO suppression (person_ref, said_by, since) "
        f"SELECT recipient, 'recipient', sent_at - interval '1 day' FROM mail WHERE {_A_BULLETIN}",
    ),
    in_notifications(
        "A11",
        "address of a link is kept after its mail",
        "nothing is kept of a confirmation link or a former address whose mail has ended",
        """INSERT INTO recipient (subject, about, person_ref, language, form_kind, status, revision, occurred_at,
            closed, noted_at, heard_at)
        SELECT subject, 'confirmation', repeat('ab', 32), 'en', 'confirmation', 'wanted', 1, now(),
            decode(repeat('00', 40), 'hex'), now(), now() FROM mail WHERE kind = 'verification' LIMIT 1""",
    ),
    in_notifications(
        "A11",
        "link mailed twice",
        "a confirmation link or a former address is mailed once",
        """INSERT INTO mail (id, kind, subject, revision, recipient, lane, state, reason, message_id, cause_at,
            created_at, correlation_id)
        SELECT uuidv7(), kind, subject, 2, recipient, lane, 'cancelled', 'x', '<again@example.org>', cause_at,
            created_at, '' FROM mail WHERE kind = 'verification' LIMIT 1""",
    ),
    in_notifications(
        "A7",
        "mail of a revision to come",
        "no mail is about a revision that was never published",
        """INSERT INTO mail (id, kind, subject, revision, recipient, lane, state, reason, message_id, cause_at,
            created_at, correlation_id)
        SELECT uuidv7(), kind, subject, 9, recipient, lane, 'cancelled', 'x', '<again@example.org>', cause_at,
            created_at, '' FROM mail WHERE kind = 'confirmation' LIMIT 1""",
    ),
    in_notifications(
        "A11",
        "mail that waits goes to another person",
        "a mail that waits goes to the person it is about",
        """INSERT INTO mail (id, kind, subject, revision, recipient, lane, state, due_at, message_id, cause_at,
            created_at, correlation_id)
        SELECT uuidv7(), 'reminder-day', subject, 1, repeat('ab', 32), 'reminder', 'queued', now(),
            '<one@example.org>', cause_at, created_at, '' FROM mail WHERE kind = 'confirmation'
            AND recipient IS NOT NULL LIMIT 1""",
    ),
    in_notifications(
        "A11",
        "mail names an erased person",
        "nothing goes to an erased person, and no mail names them",
        "UPDATE mail SET recipient = repeat('ab', 32) WHERE recipient IS NULL",
    ),
    in_notifications(
        "A11",
        "mail claimed after the erasure",
        "nothing goes to an erased person, and no mail names them",
        "UPDATE recipient SET erased_at = erased_at - interval '20 days' WHERE erased_at IS NOT NULL",
    ),
)
