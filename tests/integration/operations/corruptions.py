"""Corruptions as a bug, a restore of single tables or a hand at the console leaves them: careful ones, that keep what
the databases' own constraints and the obvious sums ask for."""

from collections.abc import Mapping
from dataclasses import dataclass

FORM = "upr-webinar-10"
_SEATED = f"""(SELECT id FROM registration WHERE form = '{FORM}' AND status = 'confirmed' AND position IS NULL
    AND erased_at IS NULL ORDER BY id LIMIT 1)"""
_MAIL = (
    "(SELECT id FROM mail WHERE state = 'sent' AND recipient IS NOT NULL AND kind = 'confirmation' ORDER BY id LIMIT 1)"
)
_SUPPRESSED = "INSERT INTO suppression (person_ref, said_by, since) VALUES (repeat('cd', 32), 'recipient', now())"


@dataclass(frozen=True, slots=True)
class Corruption:
    """Attributes:
    name: of the case.
    statements: as an administrator, by database; ``{seated}`` is the id of a person with a seat.
    before: what is written first, in the first of the databases, and is no difference.
    limit: why the audit does not find it; empty if it does. ``docs/architecture/verification.md`` says so too.
    """

    name: str
    statements: Mapping[str, tuple[str, ...]]
    before: tuple[str, ...] = ()
    limit: str = ""


def in_one(name: str, database: str, *statements: str, before: tuple[str, ...] = (), limit: str = "") -> Corruption:
    return Corruption(name, {database: statements}, before, limit)


SEATED = _SEATED
CORRUPTIONS: tuple[Corruption, ...] = (
    Corruption(
        "person lost in all three databases, seats and counts put right",
        {
            "registration": (
                "DELETE FROM mail_log WHERE registration_id = '{seated}'",
                "DELETE FROM managing_link WHERE registration_id = '{seated}'",
                "DELETE FROM limited_link WHERE registration_id = '{seated}'",
                "DELETE FROM registration_change WHERE registration_id = '{seated}'",
                "DELETE FROM registration WHERE id = '{seated}'",
                f"UPDATE seat SET confirmed = confirmed - 1 WHERE form = '{FORM}'",
            ),
            "events": (
                "UPDATE event_count c SET registrations = registrations - 1 FROM roster r "
                "WHERE r.registration_id = '{seated}' AND c.event_id = r.event_id AND c.status = r.status",
                "UPDATE tally t SET registrations = registrations - 1 FROM roster r "
                "WHERE r.registration_id = '{seated}' AND NOT internal AND (dimension, name) IN "
                "(('form_kind', r.form_kind), ('partner', r.partner), ('country', r.country), ('day', "
                "(uuid_extract_timestamp(registration_id) AT TIME ZONE 'UTC')::date::text))",
                "DELETE FROM mail_contact WHERE registration_id = '{seated}'",
                "DELETE FROM roster WHERE registration_id = '{seated}'",
            ),
            "notifications": (
                "UPDATE announcement a SET mails = mails - 1 FROM mail m WHERE m.subject = '{seated}' "
                "AND m.revision = a.number AND (a.cause, m.kind) IN (('bulletin', 'bulletin'), "
                "('news', 'event-postponed'))",
                "DELETE FROM mail WHERE subject = '{seated}'",
                "DELETE FROM recipient WHERE subject = '{seated}'",
            ),
        },
    ),
    in_one("candidate deleted", "registration", "DELETE FROM candidate WHERE received_at > now() - interval '1 day'"),
    in_one("candidate changed", "registration", 'UPDATE candidate SET content = content || \'{{"name": "Another"}}\''),
    in_one(
        "answers changed",
        "registration",
        "UPDATE registration SET answers = answers || '{{\"questions\": \"Another question\"}}' WHERE id = '{seated}'",
    ),
    in_one(
        "address changed", "registration", "UPDATE registration SET email = 'other@example.org' WHERE id = '{seated}'"
    ),
    in_one("consent changed", "registration", "UPDATE registration SET consent = '{{}}' WHERE consent <> '{{}}'"),
    in_one(
        "address changed where mails are addressed",
        "notifications",
        "UPDATE recipient SET closed = closed || '\\x00' WHERE subject = '{seated}'",
    ),
    in_one(
        "country changed on the roster", "events", "UPDATE roster SET country = 'FR' WHERE registration_id = '{seated}'"
    ),
    in_one(
        "representative on the roster",
        "events",
        "UPDATE roster SET representative = NOT representative WHERE registration_id = '{seated}'",
    ),
    in_one(
        "event's times changed in registration's copy",
        "registration",
        "UPDATE event_copy SET starts_at = starts_at + interval '1 hour', ends_at = ends_at + interval '1 hour'",
    ),
    in_one(
        "event's times changed in notifications' copy",
        "notifications",
        "UPDATE event_copy SET content = jsonb_set(content, '{{starts_at}}', '\"2026-03-04T10:00:00Z\"')",
    ),
    in_one(
        "event's times changed in its own database",
        "events",
        "UPDATE event SET starts_at = starts_at + interval '1 hour', ends_at = ends_at + interval '1 hour'",
    ),
    in_one(
        "kept count moved between languages",
        "registration",
        "UPDATE registration_count SET language = 'fr' WHERE language = 'en' AND cube = 'features'",
        "UPDATE registration_count_change SET language = 'fr' WHERE language = 'en'",
    ),
    in_one(
        "kept number moved between days",
        "events",
        "UPDATE tally SET name = '2020-01-01' WHERE dimension = 'day' AND name = "
        "(SELECT min(name) FROM tally WHERE dimension = 'day')",
    ),
    in_one("managing links deleted", "registration", "DELETE FROM managing_link WHERE registration_id = '{seated}'"),
    in_one(
        "read-only link deleted",
        "registration",
        "DELETE FROM limited_link WHERE registration_id = '{seated}' AND purpose = 'view'",
    ),
    in_one(
        "managing link changed",
        "registration",
        "UPDATE managing_link SET token_hash = sha256('another') WHERE token_hash = (SELECT token_hash "
        "FROM managing_link WHERE registration_id = '{seated}' ORDER BY minted_at DESC LIMIT 1)",
    ),
    in_one(
        "mail's recipient changed", "notifications", f"UPDATE mail SET recipient = repeat('ab', 32) WHERE id = {_MAIL}"
    ),
    in_one("mail deleted", "notifications", f"DELETE FROM mail WHERE id = {_MAIL}"),
    in_one("capacity changed", "registration", f"UPDATE seat SET capacity = 400 WHERE form = '{FORM}'"),
    in_one(
        "order of the waiting list changed",
        "registration",
        "UPDATE registration SET received_at = received_at - interval '1 day' WHERE status = 'waitlisted'",
    ),
    in_one("tags changed", "registration", "UPDATE registration SET tags = '{{speaker}}' WHERE id = '{seated}'"),
    in_one(
        "tags changed where bulletins are addressed",
        "notifications",
        "UPDATE recipient_tags SET tags = '{{another}}'",
        before=("INSERT INTO recipient_tags (subject, tags, revision) VALUES ('{seated}', '{{speaker}}', 1)",),
    ),
    in_one("organisation renamed", "registration", "UPDATE organisation SET name = 'Another organisation'"),
    in_one("proposal changed", "events", "UPDATE proposal SET title = 'Another' WHERE title <> ''"),
    in_one(
        "suppression changed to another person",
        "notifications",
        "UPDATE suppression SET person_ref = repeat('ab', 32)",
        before=(_SUPPRESSED,),
    ),
    in_one(
        "message deleted from the outbox",
        "registration",
        "DELETE FROM outbox WHERE subject = '{seated}' AND type = 'org.troika.registration.confirmed.v1'",
    ),
    in_one(
        "message deleted from an inbox",
        "events",
        "DELETE FROM inbox WHERE consumer = 'events.rollup' AND message_id IN (SELECT message_id FROM inbox "
        "WHERE consumer = 'events.rollup' ORDER BY message_id DESC LIMIT 1)",
    ),
    in_one(
        "suppression deleted",
        "notifications",
        "DELETE FROM suppression",
        before=(_SUPPRESSED,),
        limit="a person may end it at any time, which leaves no trace either",
    ),
    in_one(
        "sealed answers deleted",
        "registration",
        "UPDATE registration SET sealed = NULL WHERE sealed IS NOT NULL",
        limit="retention deletes them without a new revision; a change is found when they are opened",
    ),
)
