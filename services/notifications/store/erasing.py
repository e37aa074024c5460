"""The recipient book without somebody; what becomes of the other tables stands in ``personal_tables.py``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

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
_WHOSE = text("SELECT person_ref FROM recipient WHERE subject = CAST(:subject AS uuid) FOR UPDATE")
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
class Tombstone:
    """What is left of a subject.

    Attributes:
        subject: id of the registration or former address.
        about: ``registration`` or ``former-address``.
        form, form_kind, event: what it was for.
        status, revision: as it counts from now on.
    """

    subject: str
    about: str
    form: str | None
    form_kind: str
    event: str | None
    status: str
    revision: int


def whose(connection: Connection, subject: str) -> str | None:
    """The person's reference of an entry; None if there is no entry or nobody in it.

    Locked so that whoever makes a mail for it meanwhile has committed, or waits and then finds nobody.
    """
    found: str | None = connection.execute(_WHOSE, {"subject": subject}).scalar()
    return found


def carry_over(connection: Connection, subject: str) -> None:
    """Let another registration of the person for the same event count the revisions of this one.

    They have one calendar entry between them, whose number must not fall.
    """
    connection.execute(_CARRY, {"subject": subject})


def upsert_tombstone(connection: Connection, tombstone: Tombstone, now: datetime) -> None:
    """Put the tombstone in place of the entry, or where none is yet: whatever comes late finds it."""
    values = {name: getattr(tombstone, name) for name in Tombstone.__slots__}
    connection.execute(_UPSERT_TOMBSTONE, {**values, "now": now})


def erased_among(connection: Connection, subjects: Sequence[str]) -> set[str]:
    """Those of these subjects that have nobody on them any more."""
    return set(connection.execute(_ERASED, {"subjects": list(subjects)}).scalars())
