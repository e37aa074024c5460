"""SQL on recipients: upsert, erase, suppress. Personal data is stored encrypted only."""

# ruff: noqa: S608 - names of our own columns

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.notifications.mails.kinds import MAILED_ONCE, SEATED, SubjectState
from services.notifications.recipients.model import Recipient
from shared.db.cleanup import DIGEST, PersonalTable
from shared.security.sealing import EncryptedRows
from shared.vocabulary.form_kinds import IN_CALENDARS

_FIELDS = tuple(field.name for field in fields(Recipient))
RECIPIENT_COLUMNS = (
    ", ".join("r.subject::text" if name == "subject" else f"r.{name}" for name in _FIELDS) + ", r.closed"
)
"""Columns for :func:`recipient_of`, of the table with the alias ``r``."""

RECIPIENT_WIDTH = len(_FIELDS) + 1
_VALUES = {name: f":{name}" for name in _FIELDS} | {"subject": "CAST(:subject AS uuid)"}
_BY_DECISIONS = ("event", "decision")
_CHANGING = ", ".join(
    f"{name} = excluded.{name}" for name in (*_FIELDS[1:], "closed", "noted_at") if name not in _BY_DECISIONS
)

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))")
_STATE = text("""
    SELECT revision, status, erased_at IS NOT NULL, person_ref, event, decision FROM recipient
    WHERE subject = CAST(:subject AS uuid)
""")
_LOCK_ALL = text("""
    SELECT pg_advisory_xact_lock(hashtextextended(subject, 0)) FROM unnest(CAST(:subjects AS text[])) AS subject
""")
_STATES = text("""
    SELECT subject::text, revision, status, erased_at IS NOT NULL, person_ref, event, decision FROM recipient
    WHERE subject = ANY(CAST(:subjects AS uuid[]))
""")
_HOLD = text("""
    SELECT FROM recipient WHERE person_ref = :person_ref AND subject <> CAST(:subject AS uuid) ORDER BY subject
    FOR SHARE
""")
_UPSERT = text(f"""
    INSERT INTO recipient ({", ".join(_FIELDS)}, closed, noted_at, heard_at)
    VALUES ({", ".join(_VALUES[name] for name in _FIELDS)}, :closed, :now, :now)
    ON CONFLICT (subject) DO UPDATE SET {_CHANGING}, event = coalesce(excluded.event, recipient.event), digest = NULL
        WHERE (recipient.revision, recipient.occurred_at) <= (excluded.revision, excluded.occurred_at)
""")
_DECIDE = text("""
    UPDATE recipient SET decision = :revision, event = coalesce(:event, event), noted_at = :now
    WHERE subject = CAST(:subject AS uuid)
""")
_MAILED = text("SELECT subject::text FROM mail WHERE subject = ANY(CAST(:subjects AS uuid[]))")
_DELETE_MAILED = text("""
    WITH gone AS (
        DELETE FROM recipient WHERE subject = ANY(CAST(:subjects AS uuid[])) AND about = ANY(:once)
            AND erased_at IS NULL RETURNING subject)
    UPDATE mail m SET recipient = NULL FROM gone WHERE m.subject = gone.subject
""")


BEST_FIRST = f"{{0}}.status <> '{SEATED}', array_position(ARRAY{list(IN_CALENDARS)}, {{0}}.form_kind), {{0}}.subject"
"""Order of one person's registrations (format with a table alias): seats first, then the forms of the event itself."""


_UPSERT_TAGS = text("""
    INSERT INTO recipient_tags (subject, tags, revision)
    SELECT CAST(:subject AS uuid), CAST(:tags AS text[]), :revision
    WHERE NOT EXISTS (SELECT FROM recipient WHERE subject = CAST(:subject AS uuid) AND erased_at IS NOT NULL)
    ON CONFLICT (subject) DO UPDATE SET tags = excluded.tags, revision = excluded.revision
        WHERE recipient_tags.revision < excluded.revision
""")


@dataclass(frozen=True, slots=True)
class EncryptedRecipient:
    """A recipient with personal data; ``closed`` is encrypted and bound to the subject."""

    recipient: Recipient
    closed: bytes


def lock_state(connection: Connection, subject: str) -> SubjectState | None:
    """Return the state of a subject and lock it, also if it is unknown, until the transaction ends."""
    connection.execute(_LOCK, {"subject": subject})
    row = connection.execute(_STATE, {"subject": subject}).fetchone()
    return SubjectState(*row) if row else None


def lock_states(connection: Connection, subjects: Sequence[str]) -> dict[str, SubjectState]:
    """As :func:`lock_state` for several, by subject; locked in one order, to prevent deadlocks."""
    wanted = {"subjects": sorted(set(subjects))}
    connection.execute(_LOCK_ALL, wanted)
    return {row[0]: SubjectState(*row[1:]) for row in connection.execute(_STATES, wanted)}


def hold_registrations(connection: Connection, person_ref: str, subject: str) -> None:
    """Lock the person's recipients except ``subject`` against changes until the transaction ends."""
    connection.execute(_HOLD, {"person_ref": person_ref, "subject": subject})


def upsert_recipient(connection: Connection, kept: EncryptedRecipient, now: datetime) -> None:
    """Store ``kept`` unless the stored state is newer."""
    upsert_recipients(connection, [kept], now)


def upsert_recipients(connection: Connection, kept: Sequence[EncryptedRecipient], now: datetime) -> None:
    """As :func:`upsert_recipient` for several."""
    connection.execute(_UPSERT, [_values(recipient) | {"now": now} for recipient in kept])


def upsert_tags(connection: Connection, subject: str, tags: Sequence[str], revision: int) -> None:
    """Store the tags of a registration, known or not, unless newer ones are stored or its person is erased."""
    connection.execute(_LOCK, {"subject": subject})
    connection.execute(_UPSERT_TAGS, {"subject": subject, "tags": list(tags), "revision": revision})


def store_decision(connection: Connection, subject: str, revision: int, event: str | None, now: datetime) -> None:
    """Store the newest decision on a proposal, and the side event that the proposal became, if any.

    Messages about its registration change neither. The caller holds the lock.
    """
    connection.execute(_DECIDE, {"subject": subject, "revision": revision, "event": event, "now": now})


def mailed_among(connection: Connection, subjects: Sequence[str]) -> set[str]:
    """Return those of these subjects that have a mail."""
    return set(connection.execute(_MAILED, {"subjects": list(subjects)}).scalars())


def delete_mailed(connection: Connection, subjects: Sequence[str]) -> None:
    """Delete recipients of links and former addresses whose mail has ended: address and token are no longer needed."""
    if subjects:
        connection.execute(_DELETE_MAILED, {"subjects": list(subjects), "once": list(MAILED_ONCE)})


def _values(kept: EncryptedRecipient) -> dict[str, Any]:
    return {name: getattr(kept.recipient, name) for name in _FIELDS} | {"closed": kept.closed}


def recipient_of(values: tuple[Any, ...]) -> EncryptedRecipient:
    """Return the recipient in the columns of ``RECIPIENT_COLUMNS``."""
    return EncryptedRecipient(Recipient(*values[:-1]), values[-1])


_UPSERT_TOMBSTONE = text("""
    INSERT INTO recipient (subject, about, form, form_kind, event, status, revision, verified, representative,
        occurred_at, noted_at, heard_at, erased_at)
    VALUES (CAST(:subject AS uuid), :about, :form, :form_kind, :event, :status, :revision, false, false,
        :now, :now, :now, :now)
    ON CONFLICT (subject) DO UPDATE SET erased_at = coalesce(recipient.erased_at, :now), noted_at = :now,
        status = excluded.status, revision = excluded.revision, person_ref = NULL, language = NULL, closed = NULL,
        position = NULL, working_group = NULL, partner = NULL, country = NULL, attend = NULL, representative = false,
        event = excluded.event, decision = 0
""")
_LOCK_PERSON = text("SELECT person_ref FROM recipient WHERE subject = CAST(:subject AS uuid) FOR UPDATE")
_CARRY = text("""
    UPDATE recipient o SET carried = o.carried + e.revision + e.carried + 1
    FROM recipient e WHERE e.subject = CAST(:subject AS uuid) AND o.subject = (
        SELECT x.subject FROM recipient x WHERE x.person_ref = e.person_ref AND x.event = e.event
            AND x.about = 'registration' AND x.subject <> e.subject ORDER BY x.subject LIMIT 1)
""")
_ERASED = text("""
    SELECT subject::text FROM recipient WHERE subject = ANY(CAST(:subjects AS uuid[])) AND erased_at IS NOT NULL
""")


@dataclass(frozen=True, slots=True)
class RecipientTombstone:
    """What remains of an erased subject.

    Attributes:
        subject: id of the registration or former address.
        about: ``registration`` or ``former-address``.
        form: the form of the subject.
        form_kind: the kind of that form.
        event: the event of the subject.
        status: the status of the subject from now on.
        revision: the revision of the subject from now on.
    """

    subject: str
    about: str
    form: str | None
    form_kind: str
    event: str | None
    status: str
    revision: int


def lock_person_ref(connection: Connection, subject: str) -> str | None:
    """Return the person's reference of a recipient and lock it; None if it is unknown or erased.

    A concurrent transaction that creates a mail for it has committed, or waits and then finds no person.
    """
    found: str | None = connection.execute(_LOCK_PERSON, {"subject": subject}).scalar()
    return found


def carry_over(connection: Connection, subject: str) -> None:
    """Add the revisions of this registration to another one of the person for the same event.

    They share one calendar entry, whose number must not fall.
    """
    connection.execute(_CARRY, {"subject": subject})


def upsert_tombstone(connection: Connection, tombstone: RecipientTombstone, now: datetime) -> None:
    """Replace the recipient, or an unknown one, by a tombstone, so that late messages do nothing."""
    values = {name: getattr(tombstone, name) for name in RecipientTombstone.__slots__}
    connection.execute(_UPSERT_TOMBSTONE, {**values, "now": now})


def erased_among(connection: Connection, subjects: Sequence[str]) -> set[str]:
    """Return those of these subjects that are erased."""
    return set(connection.execute(_ERASED, {"subjects": list(subjects)}).scalars())


_SUPPRESS = text("""
    INSERT INTO suppression (person_ref, said_by, who, bulletin, since)
    VALUES (:person_ref, :said_by, :who, :bulletin, :now) ON CONFLICT DO NOTHING
""")
_REQUEST = text("SELECT request_unsubscribing(:token, :now)")
_FORMER = text("SELECT EXISTS (SELECT FROM former_links WHERE until > :now)")
_TAKE_REQUESTS = text("""
    DELETE FROM unsubscribe_request WHERE token = ANY(ARRAY(
        SELECT token FROM unsubscribe_request ORDER BY requested_at LIMIT :most))
    RETURNING token, requested_at
""")
_COPY_SUPPRESSION = text("""
    INSERT INTO suppression (person_ref, said_by, who, since)
    SELECT :after, said_by, who, :now FROM suppression WHERE person_ref = :before ON CONFLICT DO NOTHING
""")
_UNSUPPRESS = text("DELETE FROM suppression WHERE person_ref = :person_ref")
_SUPPRESSIONS = text("""
    SELECT person_ref, said_by, who, since FROM suppression WHERE person_ref > :after ORDER BY person_ref LIMIT :most
""")
_COUNT_SUPPRESSED = text("SELECT count(*) FROM suppression")


@dataclass(frozen=True, slots=True)
class Suppression:
    """A person who gets no bulletins; ``said_by``: ``recipient`` or ``coordinator``, with their name in ``who``."""

    person_ref: str
    said_by: str
    who: str | None
    since: datetime


def suppress(
    connection: Connection, person_ref: str, who: str | None, now: datetime, bulletin: int | None = None
) -> bool:
    """Suppress bulletins to a person; returns False if they are suppressed already.

    ``who`` is the coordinator, None for the person themselves; ``bulletin`` the number of the one whose link they used.
    """
    said_by = "recipient" if who is None else "coordinator"
    row = {"person_ref": person_ref, "said_by": said_by, "who": who, "bulletin": bulletin, "now": now}
    return connection.execute(_SUPPRESS, row).rowcount == 1


def add_request(connection: Connection, token: str, now: datetime) -> bool:
    """Store that an unsubscribe link was used; returns False if too many such requests wait."""
    return bool(connection.execute(_REQUEST, {"token": token, "now": now}).scalar_one())


def are_former_links_valid(connection: Connection, now: datetime) -> bool:
    """Return whether there may be links that only the key of the recipients opens."""
    return bool(connection.execute(_FORMER, {"now": now}).scalar_one())


def take_requests(connection: Connection, most: int) -> list[tuple[str, datetime]]:
    """Delete the oldest requests; returns the token of each link, and when it was used."""
    return [(row.token, row.requested_at) for row in connection.execute(_TAKE_REQUESTS, {"most": most})]


def copy_suppression(connection: Connection, before: str, after: str, now: datetime) -> None:
    """Suppress bulletins to ``after`` if they are suppressed to ``before``."""
    connection.execute(_COPY_SUPPRESSION, {"before": before, "after": after, "now": now})


def unsuppress(connection: Connection, person_ref: str) -> bool:
    """End a suppression; returns False if there is none."""
    return connection.execute(_UNSUPPRESS, {"person_ref": person_ref}).rowcount == 1


def list_suppressions(connection: Connection, after: str, limit: int) -> list[Suppression]:
    """Return people who get no bulletins, in the order of their references."""
    return [Suppression(*row) for row in connection.execute(_SUPPRESSIONS, {"after": after, "most": limit})]


def count_suppressions(connection: Connection) -> int:
    """Return the number of people who get no bulletins."""
    return int(connection.execute(_COUNT_SUPPRESSED).scalar_one())


ENCRYPTED_RECIPIENTS = EncryptedRows(
    read=text("""
        SELECT subject::text, closed FROM recipient
        WHERE closed IS NOT NULL AND (:after = '' OR subject > CAST(nullif(:after, '') AS uuid))
        ORDER BY subject LIMIT :most
    """),
    take=text("""
        SELECT subject::text, closed FROM recipient WHERE subject = ANY(CAST(:ids AS uuid[])) AND closed IS NOT NULL
        ORDER BY subject
        FOR NO KEY UPDATE SKIP LOCKED
    """),
    put=text("UPDATE recipient SET closed = :closed, digest = NULL WHERE subject = CAST(:id AS uuid)"),
)
"""Bound to the subject. Re-encryption is invisible, so it makes no revision; without a digest the row gets another."""


ABOUT_A_COORDINATOR = "it is about another person, a coordinator"
CLOSED = "encrypted; registration's part has name, address, time zone and title; the rest is a credential"
CONTENT = "encrypted; the credential in a link of the mail, or a note that registration's part contains"

_MAIL_IDS = """(SELECT id FROM mail WHERE recipient = ANY(:refs) OR subject = ANY(CAST(:subjects AS uuid[])))"""
_MAIL_SUBJECTS = (
    """(SELECT id::text FROM mail WHERE recipient = ANY(:refs) OR subject = ANY(CAST(:subjects AS uuid[])))"""
)

PERSONAL_TABLES = (
    PersonalTable(
        "FROM recipient t WHERE t.person_ref = ANY(:refs) OR t.subject = ANY(CAST(:subjects AS uuid[]))",
        {"closed": CLOSED, "digest": DIGEST},
        ends="upsert_tombstone: first, since it decides which other registration gets a mail",
    ),
    PersonalTable(
        "FROM recipient_tags t WHERE t.subject = ANY(CAST(:subjects AS uuid[]))",
        {"digest": DIGEST},
        erase="DELETE FROM recipient_tags WHERE subject = CAST(:subject AS uuid)",
    ),
    PersonalTable(
        f"FROM mail t WHERE t.id IN {_MAIL_IDS}",
        {"closed": CONTENT, "digest": DIGEST},
        erase="""
            UPDATE mail SET recipient = NULL, detail = NULL, expires_at = NULL, closed = NULL,
                due_at = CASE WHEN state = 'unknown' THEN NULL ELSE due_at END,
                reason = CASE WHEN state = 'unknown' THEN :reason ELSE reason END
            WHERE subject = CAST(:subject AS uuid)
        """,
    ),
    PersonalTable(
        f"FROM mail_attempt t WHERE t.mail_id IN {_MAIL_IDS}",
        ends="with its mail; it contains times, no address",
    ),
    PersonalTable(
        "FROM bulletin_recipient t WHERE t.subject = ANY(CAST(:subjects AS uuid[]))",
        erase="DELETE FROM bulletin_recipient WHERE subject = CAST(:subject AS uuid)",
    ),
    PersonalTable(
        "FROM suppression t WHERE t.person_ref = ANY(:refs)",
        {"who": ABOUT_A_COORDINATOR, "digest": DIGEST},
        ends="until the person revokes it: erasure must not end an unsubscription",
    ),
    PersonalTable(
        "FROM webhook_delivery t WHERE t.registration_id = ANY(CAST(:subjects AS uuid[]))",
        erase="DELETE FROM webhook_delivery WHERE registration_id = CAST(:subject AS uuid)",
    ),
    PersonalTable(
        f"FROM own_audit_log t WHERE t.subject IN {_MAIL_SUBJECTS}",
        {"who": ABOUT_A_COORDINATOR},
        ends="kept as long as the audit log; it contains no name of a participant",
    ),
)
"""Tables with personal data, for erasure and for the export of one person's data. A test compares it with the schema.

The unknown outcome of an erased person's mail stays unknown. A mail whose handover has begun stays with its sender and
is not sent a second time (see :func:`services.notifications.sending.store.store_outcome`).
"""
