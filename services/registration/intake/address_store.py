"""What the decider reads and writes of changes of address, inside the transaction of a batch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.registration.intake.decider_store import act_columns, ended_registrations
from services.registration.intake.facts import AddressChange, BatchPlan, Facts, FormerAddress, MovedRegistration
from services.registration.intake.items import UNDO_FOR
from services.registration.people.model import AddressRefs
from services.registration.people.store import as_parameter, columns_of, end_links

CHANGED, RESTORED = "address changed", "address change undone"
"""Reasons in the history: no address."""

_UNDO_LINKS = text("""
    SELECT f.token_hash, f.id::text, f.registration_id::text, r.form, f.expires_at, ARRAY[f.address_ref, r.person_ref]
    FROM former_address f JOIN registration r ON r.id = f.registration_id
    WHERE f.token_hash = ANY(:hashes) AND r.erased_at IS NULL
""")
_PRESENT = text("""
    SELECT DISTINCT r.person_ref FROM address_change c JOIN registration r ON r.id = c.registration_id
    WHERE c.address_ref = ANY(:refs) AND r.erased_at IS NULL
""")
_CHANGES = text("""
    SELECT c.id::text, c.registration_id::text, r.form, c.email, c.address_ref, c.mailbox_ref, c.domain_ref, c.code,
        c.received_at
    FROM address_change c JOIN registration r ON r.id = c.registration_id
    WHERE c.address_ref = ANY(:refs) OR c.registration_id = ANY(CAST(:registrations AS uuid[]))
""")
_FORMER = text("""
    SELECT id::text, registration_id::text, revision, email, address_ref, mailbox_ref, domain_ref FROM former_address
    WHERE registration_id = ANY(CAST(:registrations AS uuid[])) ORDER BY registration_id, revision
""")
_DROP_CHANGES = text("DELETE FROM address_change WHERE id = ANY(CAST(:ids AS uuid[]))")
_DROP_FORMER = text("DELETE FROM former_address WHERE id = ANY(CAST(:ids AS uuid[]))")
_ASK = text("""
    INSERT INTO address_change (id, registration_id, address_ref, mailbox_ref, domain_ref, email, code, received_at)
    SELECT id, registration, decode(ref, 'hex'), decode(mailbox, 'hex'), decode(domain, 'hex'), email, code,
        received_at
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, registration uuid, ref text, mailbox text,
        domain text, email text, code text, received_at timestamptz)
""")
_COUNT_REQUESTS = text("""
    UPDATE registration r SET address_requests = new.count, address_requests_since = new.since
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, count integer, since timestamptz)
    WHERE r.id = new.id
""")
_KEEP_FORMER = text("""
    INSERT INTO former_address (id, registration_id, revision, token_hash, address_ref, mailbox_ref, domain_ref, email,
        changed_at, expires_at)
    SELECT new.id, r.id, new.revision, decode(new.token_hash, 'hex'), r.person_ref, r.mailbox_ref, r.domain_ref,
        r.email, :now, :expires_at
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, registration uuid, revision integer, token_hash text)
    JOIN registration r ON r.id = new.registration
""")
_MOVE = text("""
    WITH new AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, revision integer, status text,
            email text, ref text, mailbox text, domain text, person text, reason text, by_desk text)
    ), changes AS (
        INSERT INTO registration_change (registration_id, revision, status, changed_at, reason, changed_by, fields)
        SELECT new.id, new.revision, CASE WHEN r.offer_expires_at IS NULL THEN new.status ELSE 'offered' END,
            :now, new.reason, new.by_desk,
            CASE WHEN new.by_desk IS NULL THEN CAST('{}' AS text[]) ELSE ARRAY['email'] END
        FROM new JOIN registration r ON r.id = new.id
        ON CONFLICT DO NOTHING  -- other answers changed with it: the line of that revision names them all
    )
    UPDATE registration r SET revision = new.revision, email = new.email, person_ref = decode(new.ref, 'hex'),
        mailbox_ref = decode(new.mailbox, 'hex'), domain_ref = decode(new.domain, 'hex'),
        person_key = decode(new.person, 'hex'),
        verified_at = CASE WHEN new.by_desk IS NULL THEN coalesce(r.verified_at, :now) END
    FROM new WHERE r.id = new.id
""")


@dataclass(frozen=True, slots=True)
class UndoLink:
    """What an undo link opens.

    Attributes:
        former: id of the former address.
        refs: of the former address and of the present one.
    """

    former: str
    registration: str
    form: str
    expires_at: datetime
    refs: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class FormerLink:
    """The undo link of a change that is about to be written; ``token_hash`` is 32 bytes."""

    id: str
    registration: str
    revision: int
    token_hash: bytes = field(repr=False)


def find_undo_links(connection: Connection, hashes: Sequence[bytes]) -> dict[bytes, UndoLink]:
    """Return what the undo links with these token hashes open, by hash; ended ones too."""
    if not hashes:
        return {}
    return {bytes(row[0]): UndoLink(*row[1:]) for row in connection.execute(_UNDO_LINKS, {"hashes": list(hashes)})}


def with_present_addresses(connection: Connection, refs: Sequence[bytes]) -> list[bytes]:
    """Return ``refs`` and the present addresses of registrations that one of them is to be used for."""
    return sorted({*refs, *connection.execute(_PRESENT, {"refs": list(refs)}).scalars()})


def read_addresses(connection: Connection, facts: Facts, refs: Sequence[bytes], undone: Sequence[str]) -> None:
    """Add to ``facts`` what decides about changes of address.

    Args:
        connection: of the batch's transaction.
        facts: with the registrations of all addresses, locked.
        refs: of the batch's addresses.
        undone: ids of registrations of which a change is taken back.
    """
    live = [one.id for some in facts.live.values() for one in some]
    found = connection.execute(_CHANGES, {"refs": list(refs), "registrations": live})
    facts.changes = {row[0]: _change(list(row)) for row in found}
    if undone:
        former = connection.execute(_FORMER, {"registrations": list(undone)})
        facts.former = [_former(list(row)) for row in former]
        facts.ended = {one.id: one for one in ended_registrations(connection, undone)}


def _change(values: list[Any]) -> AddressChange:
    return AddressChange(*[*values[:4], AddressRefs(*values[4:7]), *values[7:]])


def _former(values: list[Any]) -> FormerAddress:
    return FormerAddress(*[*values[:4], AddressRefs(*values[4:])])


def write_address_changes(connection: Connection, plan: BatchPlan) -> None:
    """Store new pending changes, and delete those that are no longer pending."""
    if plan.dropped_changes:
        connection.execute(_DROP_CHANGES, {"ids": plan.dropped_changes})
    asked = [one for one in plan.asked if one.id not in plan.dropped_changes]
    if asked:
        rows = [columns_of(one, one.address) for one in asked]
        connection.execute(_ASK, {"rows": as_parameter([_without_address(row) for row in rows])})
    if plan.address_requests:
        counts = [{"id": identity, **columns_of(one)} for identity, one in plan.address_requests.items()]
        connection.execute(_COUNT_REQUESTS, {"rows": as_parameter(counts)})


def write_moved(connection: Connection, plan: BatchPlan, former: Iterable[FormerLink], now: datetime) -> None:
    """Store the new addresses and the previous ones, and end all links of the changed registrations.

    Args:
        connection: of the batch's transaction.
        plan: of the batch.
        former: the undo links of the changes; that of an undo is sent to nobody.
        now: the time.
    """
    if plan.dropped_former:
        connection.execute(_DROP_FORMER, {"ids": plan.dropped_former})
    if not plan.moved:
        return
    kept = [columns_of(one) for one in former]
    if kept:
        connection.execute(_KEEP_FORMER, {"rows": as_parameter(kept), "now": now, "expires_at": now + UNDO_FOR})
    connection.execute(_MOVE, {"rows": as_parameter([_moved_row(one) for one in plan.moved]), "now": now})
    end_links(connection, [one.id for one in plan.moved])


def _moved_row(moved: MovedRegistration) -> dict[str, Any]:
    reason = {"reason": RESTORED if moved.restored else CHANGED}
    return _without_address(columns_of(moved, moved.address)) | reason | act_columns(moved.act)


def _without_address(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("address", "act")}
