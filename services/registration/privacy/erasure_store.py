"""What an erasure reads and changes. ``TABLES`` names every table with data about people, for erasure and export."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from services.registration.people.model import Registration
from shared.db.cleanup import DIGEST, PersonalTable

ABOUT_A_COORDINATOR = "it is about another person, a coordinator"
OTHER_PEOPLE = "ids of other people's registrations"
OTHERS = "the registration may now belong to another person"
CREDENTIAL = "it represents a credential or a request, and contains nothing about the person"
SEALED = "encrypted; the questions and their dates are under sealed_answers"

PENDING = "erase_pending: it waits for the owner of the address, for any registration"
LOGGED = "kept as long as the audit log; it contains no name of a participant"

_REGISTRATIONS = "(SELECT id FROM registration WHERE person_ref = :ref)"
_SUBJECTS = """(SELECT id::text FROM registration WHERE person_ref = :ref
    UNION SELECT id::text FROM confirmation_link WHERE address_ref = :ref
    UNION SELECT id::text FROM former_address WHERE address_ref = :ref)"""

TABLES = (
    PersonalTable(
        "FROM registration t WHERE t.person_ref = :ref",
        {"sealed": SEALED, "sealed_for": CREDENTIAL, "tags_digest": DIGEST},
        erase="""
            UPDATE registration SET erased_at = :now, status = :status, revision = :revision,
                cancelled_at = CASE WHEN :status = 'cancelled' THEN coalesce(cancelled_at, :now) END,
                person_ref = NULL, person_key = NULL, mailbox_ref = NULL, domain_ref = NULL, name = NULL, email = NULL,
                organisation_id = NULL, working_group = NULL, representative = false, country = NULL, time_zone = NULL,
                offer_expires_at = NULL, offer_passed = false, lapses_at = NULL, language = NULL, answers = '{}',
                sealed = NULL, sealed_for = '{}', sealed_dates = '{}', consent = '{}', tags = '{}'
            WHERE id = CAST(:id AS uuid)
        """,
    ),
    PersonalTable(
        "FROM organisation t WHERE t.id IN (SELECT organisation_id FROM registration WHERE person_ref = :ref)",
        {"digest": DIGEST},
        ends="forget_organisation: when no one belongs to it any longer",
    ),
    PersonalTable(
        f"FROM registration_change t WHERE t.registration_id IN {_REGISTRATIONS}",
        {"changed_by": ABOUT_A_COORDINATOR, "digest": DIGEST},
        ends=LOGGED,
    ),
    PersonalTable(
        f"FROM proposal_state t WHERE t.registration_id IN {_REGISTRATIONS}",
        {"digest": DIGEST},
        erase="DELETE FROM proposal_state WHERE registration_id = CAST(:id AS uuid)",
    ),
    PersonalTable(
        f"FROM mail_log t WHERE t.registration_id IN {_REGISTRATIONS}",
        erase="DELETE FROM mail_log WHERE registration_id = CAST(:id AS uuid)",
    ),
    PersonalTable(
        f"FROM registration_note t WHERE t.registration_id IN {_REGISTRATIONS}",
        {"written_by": ABOUT_A_COORDINATOR},
        erase="DELETE FROM registration_note WHERE registration_id = CAST(:id AS uuid)",
    ),
    PersonalTable(
        f"FROM managing_link t WHERE t.registration_id IN {_REGISTRATIONS}",
        {"token_hash": CREDENTIAL, "digest": DIGEST},
        erase="DELETE FROM managing_link WHERE registration_id = CAST(:id AS uuid)",
    ),
    PersonalTable(
        f"FROM limited_link t WHERE t.registration_id IN {_REGISTRATIONS}",
        {"token_hash": CREDENTIAL, "digest": DIGEST},
        erase="DELETE FROM limited_link WHERE registration_id = CAST(:id AS uuid)",
    ),
    PersonalTable(
        f"FROM waiting_link t WHERE t.registration_id IN {_REGISTRATIONS}",
        erase="DELETE FROM waiting_link WHERE registration_id = CAST(:id AS uuid)",
    ),
    PersonalTable(
        f"FROM sealed_reading t WHERE t.registration_id IN {_REGISTRATIONS} OR t.people && ARRAY{_REGISTRATIONS}",
        {
            "reader": ABOUT_A_COORDINATOR,
            "people": OTHER_PEOPLE,
            "approved_by": ABOUT_A_COORDINATOR,
            "reason": "it may name other people; the operator has it in the log of readings",
            "content_hash": CREDENTIAL,
            "chain_hash": CREDENTIAL,
        },
        ends="kept as long as the audit log; no one can change it",
    ),
    PersonalTable(
        f"FROM sealed_approval t WHERE t.people && ARRAY{_REGISTRATIONS}",
        {
            "asked_by": ABOUT_A_COORDINATOR,
            "decided_by": ABOUT_A_COORDINATOR,
            "reason": "it may name other people; the operator has it in the audit log's tables",
            "people": OTHER_PEOPLE,
        },
        ends="a month after the request ended; it contains no name of a participant",
    ),
    PersonalTable(
        f"FROM retention_notice t WHERE t.subject IN {_REGISTRATIONS}",
        ends="retraction: at the next check, for records that are no longer due",
    ),
    PersonalTable(
        "FROM candidate t WHERE t.address_ref = :ref",
        {
            "sealed": SEALED,
            "network": "it belongs to the sender, who may be another person",
            "fingerprint": CREDENTIAL,
            "digest": DIGEST,
        },
        ends=PENDING,
    ),
    PersonalTable(
        "FROM mailbox t WHERE t.mailbox_ref = :mailbox",
        ends="a day after its last mail: a new submission must not be mailed sooner because of an erasure",
    ),
    PersonalTable(
        "FROM waiting_network t WHERE t.mailbox_ref = :mailbox",
        {"network": "it belongs to a sender of a form, who may be another person"},
        ends="a day after the submission: a new one must not be mailed sooner because of an erasure",
    ),
    PersonalTable(
        "FROM unverified_submission t WHERE t.person_key IN "
        "(SELECT person_key FROM registration WHERE person_ref = :ref)",
        {"network": "it belongs to a sender of a form, who may be another person"},
        ends="a day after the submission: an erasure must not free the quotas of its sender",
    ),
    PersonalTable("FROM waiting_address t WHERE t.address_ref = :ref", ends=PENDING),
    PersonalTable("FROM confirmation_link t WHERE t.address_ref = :ref", {"token_hash": CREDENTIAL}, ends=PENDING),
    PersonalTable(
        f"FROM address_change t WHERE t.address_ref = :ref OR t.registration_id IN {_REGISTRATIONS}",
        {"registration_id": OTHERS},
        erase="DELETE FROM address_change WHERE registration_id = CAST(:id AS uuid) OR address_ref = :ref",
    ),
    PersonalTable(
        "FROM former_address t WHERE t.address_ref = :ref",
        {"token_hash": CREDENTIAL, "registration_id": OTHERS, "digest": DIGEST},
        erase="DELETE FROM former_address WHERE registration_id = CAST(:id AS uuid)",
    ),
    PersonalTable("FROM erased_address t WHERE t.address_ref = :ref", ends="a day later, once nothing is undecided"),
    PersonalTable(
        "FROM blocked_address t WHERE t.person_ref = :ref",
        {"blocked_by": ABOUT_A_COORDINATOR, "reason": "it may name other people; the operator has it in the console"},
        ends="a coordinator unblocks it: otherwise blocked people could erase themselves and register again",
    ),
    PersonalTable(
        f"FROM outbox t WHERE t.subject IN {_SUBJECTS}",
        {"body": "for other services, encrypted for them; their part contains their data"},
        erase="UPDATE outbox SET body = '', blanked_at = :now WHERE subject = ANY(:subjects) AND blanked_at IS NULL",
    ),
    PersonalTable(f"FROM own_audit_log t WHERE t.subject IN {_SUBJECTS}", {"who": ABOUT_A_COORDINATOR}, ends=LOGGED),
)
"""A test compares it with the tables that there are. The erasure of one registration goes through it in this order."""

_CANDIDATES = text("""
    WITH gone AS (
        DELETE FROM candidate WHERE address_ref = :ref AND (CAST(:forms AS text[]) IS NULL OR form = ANY(:forms))
        RETURNING submission)
    UPDATE submission s SET became = NULL FROM gone WHERE s.id = gone.submission
""")
_PENDING = text("""
    WITH waiting AS (DELETE FROM waiting_address w WHERE w.address_ref = :ref
        AND NOT EXISTS (SELECT FROM candidate c WHERE c.address_ref = :ref)
        AND (CAST(:forms AS text[]) IS NULL OR NOT EXISTS (SELECT FROM address_change a WHERE a.address_ref = :ref))),
    links AS (DELETE FROM confirmation_link l WHERE l.address_ref = :ref
        AND NOT EXISTS (SELECT FROM candidate c WHERE c.address_ref = :ref)
        AND (CAST(:forms AS text[]) IS NULL OR NOT EXISTS (SELECT FROM address_change a WHERE a.address_ref = :ref))
        RETURNING id),
    undecided AS (
        INSERT INTO erased_address (address_ref, form, before_number, erased_at)
        SELECT :ref, form, number, :now FROM unnest(coalesce(CAST(:forms AS text[]), ARRAY[''])) AS form
        CROSS JOIN (SELECT max(id) AS number FROM submission
            WHERE state IN ('received', 'parked') AND id <= coalesce(CAST(:until AS bigint), id)) AS newest
        WHERE number IS NOT NULL
        ON CONFLICT (address_ref, form) DO UPDATE SET erased_at = excluded.erased_at,
            before_number = greatest(erased_address.before_number, excluded.before_number)
    )
    SELECT id::text FROM links ORDER BY id
""")
_FORMER = text("""
    SELECT id::text, encode(address_ref, 'hex') FROM former_address
    WHERE registration_id = CAST(:id AS uuid) ORDER BY id
""")
_FORGET_CALENDAR = text("UPDATE submission SET calendar_key = NULL WHERE calendar_key = :key")
_LOCK_ORGANISATIONS = text("LOCK TABLE organisation IN SHARE ROW EXCLUSIVE MODE")
_FORGET_ORGANISATION = text("""
    DELETE FROM organisation WHERE id = CAST(:id AS uuid)
        AND NOT EXISTS (SELECT FROM registration r WHERE r.organisation_id = CAST(:id AS uuid))
""")
_OF_THE_SAME = text("""
    SELECT o.id::text, o.form FROM registration r JOIN registration o ON o.id <> r.id AND o.erased_at IS NULL
        AND (o.person_ref = r.person_ref OR EXISTS (
            SELECT FROM former_address f WHERE f.registration_id = o.id AND f.address_ref = r.person_ref))
    WHERE r.id = CAST(:id AS uuid) ORDER BY o.id
""")
_TOMBSTONE = text("SELECT id::text, form, status, erased_at FROM registration WHERE id = CAST(:id AS uuid)")


@dataclass(frozen=True, slots=True)
class StoredTombstone:
    """What is left of a person: that they were on a form, how it ended, and when they were erased."""

    id: str
    form: str
    status: str
    erased_at: datetime


def forget_calendar(connection: Connection, key: str) -> None:
    """Take a person's calendar entry from all receipts."""
    connection.execute(_FORGET_CALENDAR, {"key": key})


def erase_pending(
    connection: Connection,
    registration: Registration,
    now: datetime,
    until: int | None,
    forms: Sequence[str] | None,
) -> list[str]:
    """Delete what waits for the owner of the registration's address, and its confirmation links if nothing is left.

    Submissions that were received before and are not decided yet are sealed to the decider, which later discards them.

    Args:
        connection: the connection of a transaction during which only its caller may decide a batch.
        registration: a registration of the address.
        forms: the forms on which to delete; None for all.
        until: the number of the command that erases; None: everything received by now counts as received before.

    Returns:
        the ids of the confirmation links, which are the subjects of the messages that hold the address.
    """
    ref = bytes.fromhex(registration.person_ref)
    values = {"ref": ref, "forms": None if forms is None else list(forms)}
    connection.execute(_CANDIDATES, values)  # first: the same lock order as every process that deletes both
    return list(connection.execute(_PENDING, {**values, "now": now, "until": until}).scalars())


def former_addresses(connection: Connection, registration_id: str) -> list[tuple[str, str]]:
    """(id, hash of the address) of a registration's former addresses; the ids are subjects of messages.

    Those of other registrations stay in an erasure: their owners can undo those changes.
    """
    return [(row[0], row[1]) for row in connection.execute(_FORMER, {"id": registration_id})]


def forget_organisation(connection: Connection, organisation_id: str) -> None:
    """Delete an organisation's name if no person of it is left.

    Call it last in its transaction: concurrent registrations name organisations and would wait for this lock. Without
    the lock, a person whose registration is not committed yet would lose the name of their organisation.
    """
    connection.execute(_LOCK_ORGANISATIONS)
    connection.execute(_FORGET_ORGANISATION, {"id": organisation_id})


def others_of_the_same(connection: Connection, registration_id: str) -> list[tuple[str, str]]:
    """(id, form) of all other registrations that use the same address, or did until a change that can be undone."""
    return [(row[0], row[1]) for row in connection.execute(_OF_THE_SAME, {"id": registration_id})]


def find_tombstone(connection: Connection, registration_id: str) -> StoredTombstone | None:
    """What is left of an erased registration; None if it was not erased, or never was."""
    row = connection.execute(_TOMBSTONE, {"id": registration_id}).fetchone()
    return None if row is None or row[3] is None else StoredTombstone(*row)
