"""The login of the audit: it reads ids, states, instants and counts, and nothing that identifies a person.

Rights are given column by column. Names, addresses, answers, sealed boxes, link tokens, the recipients' encrypted
part, reasons of readings, wrapped keys and bodies of messages are in no list below, so PostgreSQL refuses them. A keyed
hash of an address (``person_ref``) is listed: without the key, which no database holds, it identifies no one, and it is
the only sign that a person is registered twice.
"""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from shared.db.roles import verifier

ROLE = "troika_audit"

_OUTBOX = (
    "id, message_id, type, subject, stored_at, published_at, refusals, refused_reason, try_at, blanked_at, again_at"
)
_INBOX = "consumer, message_id, received_at"

_QUARANTINE = "since, reason, backup_at, settling, plan"
_SCHEMA = {"alembic_version": "version_num"}
_CONTENTS = {"content_difference": "kind, subject", "content_count": "kind, digested, undigested"}
"""Views that compare the digests of contents: the audit sees neither a digest nor what is digested."""
_COUNTS = "counts, status, kept, counted"
READABLE: Mapping[str, Mapping[str, str]] = {
    "registration": {
        "form": "slug, kind, event_id, verification, waiting_list, open, revision, keep_days",
        "seat": "form, capacity, confirmed, waiting, last_position, offered, passed, made",
        "registration": "id, form, event_id, status, position, revision, submission, received_at, person_ref, "
        "person_key, accepted_at, confirmed_at, capacity_then, offer_expires_at, offer_passed, cancelled_at, "
        "verified_at, erased_at",
        "registration_count": "cube, form, status, registrations",
        "registration_count_change": "form, status, change",
        "lost_registration": "id, form",
        "managing_link": "registration_id, minted_at",
        "limited_link": "registration_id, purpose, minted_at",
        "mail_log": "registration_id, outcome",
        "proposal_state": "registration_id, revision, answers_revision, status",
        "registration_change": "registration_id, revision, status, changed_at, capacity_then, reason",
        "form_change": "form, revision, changed_at, before, after, promoted",
        "promotion": "id, form, decided_at, capacity, free, waiting, promoted, withheld",
        "submission": "id, receipt_hash, kind, form, received_at, state, outcome, decided_at, attempts, became",
        "candidate": "id, submission, form, received_at, mailed_at",
        "address_change": "id, registration_id, received_at, mailed_at",
        "former_address": "id, registration_id, revision, changed_at, expires_at",
        "sealed_reading": "id, registration_id, form, read_at, people, content_hash, chain_hash",
        "event_copy": "id, revision, status",
        "quarantine": _QUARANTINE,
        "form_key": "form, fingerprint, created_at, destroyed_at",
        **_CONTENTS,
        "count_difference": _COUNTS,
        "outbox": _OUTBOX,
        "inbox": _INBOX,
        **_SCHEMA,
    },
    "keys": {"form_private_key": "form, fingerprints, changed_at, destroyed_at", **_SCHEMA},
    "events": {
        "event": "id, status, revision, changed_at, internal",
        "roster": "registration_id, form, form_kind, event_id, status, revision, person_ref, occurred_at, erased_at",
        "tally": "internal, dimension, name, registrations",
        "event_count": "event_id, status, registrations",
        "mail_contact": "mail_id, registration_id, kind, sent_at",
        "proposal": "id, status, revision, answers_revision, suggested_revision, submitted_at, erased_at",
        "proposal_change": "proposal_id, revision, status, action, changed_at",
        **_CONTENTS,
        "count_difference": _COUNTS,
        "quarantine": _QUARANTINE,
        "outbox": _OUTBOX,
        "inbox": _INBOX,
        **_SCHEMA,
    },
    "notifications": {
        "event_copy": "id, revision, noted_at",
        "recipient": "subject, about, person_ref, form, form_kind, event, status, revision, decision, verified, "
        "noted_at, heard_at, erased_at",
        "mail": "id, kind, subject, revision, recipient, event, lane, state, due_at, lease_until, fence, attempts, "
        "unknowns, message_id, phase, cause_at, created_at, sent_at, ended_at, expires_at, "
        "event_revision",
        "mail_attempt": "mail_id, number, message_id, phase, started_at, ended_at, outcome",
        "announcement": "id, cause, event, number, detail, changed_at, mails, created_at, ended_at",
        "suppression": "person_ref, since",
        **_CONTENTS,
        "quarantine": _QUARANTINE,
        "outbox": _OUTBOX,
        "inbox": _INBOX,
        **_SCHEMA,
    },
    "bus": {"bus_message": "id, queue, properties, headers, visible_at, claims, stored_at"},
}
"""Columns by table and database."""


def variable(database: str) -> str:
    """The name of the setting that holds a database's address for this login."""
    return f"TROIKA_AUDIT_{database.upper()}_URL"


def make_role(administrator: psycopg.Connection[Any], password: str | None = None) -> None:
    """Make the login if it is missing; anyone who holds it can only ever read.

    Args:
        administrator: a connection of an administrator of the whole server.
        password: None where the server lets its own machine's users in by a socket.
    """
    found = administrator.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone()
    name = sql.Identifier(ROLE)
    if found is None:
        administrator.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
    if password is not None:
        administrator.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, verifier(password, administrator)))
    administrator.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(name))


def grant_reading(owner: psycopg.Connection[Any], database: str) -> None:
    """Let the role into a database and give it exactly the columns of ``READABLE``; repeating it changes nothing.

    Args:
        owner: a connection to that database, of its owner or an administrator.
        database: whose it is: a service's name, or ``bus``.
    """
    (name,) = owner.execute("SELECT current_database()").fetchone() or ("",)
    owner.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(name), sql.Identifier(ROLE)))
    for table, columns in READABLE[database].items():
        listed = sql.SQL(", ").join(map(sql.Identifier, columns.split(", ")))
        place, role = sql.Identifier(table), sql.Identifier(ROLE)
        owner.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(place, role))
        owner.execute(sql.SQL("GRANT SELECT ({}) ON {} TO {}").format(listed, place, role))


def is_made(owner: psycopg.Connection[Any], database: str) -> bool:
    """Whether a database has its schema; the keys database has none where the keys are in a folder."""
    found = owner.execute("SELECT to_regclass(%s) IS NOT NULL", [next(iter(READABLE[database]))]).fetchone()
    return found == (True,)


def written_rights(database: str) -> str:
    """The same as statements, for an administrator to run in the database: it has the service's name here."""
    lines = [f"GRANT CONNECT ON DATABASE {database} TO {ROLE};"]
    for table, columns in READABLE[database].items():
        lines += [f"REVOKE ALL ON {table} FROM {ROLE};", f"GRANT SELECT ({columns}) ON {table} TO {ROLE};"]
    return "\n".join(lines)
