"""Everything that registration holds about the owner of an address, for a data-subject request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from services.registration.people.references import References
from services.registration.privacy.tables import TABLES
from services.registration.sealing.form_keys import FormKeys
from services.registration.sealing.model import decode_envelopes
from services.registration.sealing.service import ReadingRequest, read_sealed
from services.registration.sealing.store import find_sealed
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.personal_tables import export_rows, reasons_of
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import may_touch


@dataclass(frozen=True, slots=True)
class SealedReader:
    """Who wants the sealed answers opened as well, and why; each reading is logged.

    Attributes:
        name: of the key's holder, who may read them.
        reason: of the export.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class PersonExport:
    """Attributes:
    person_ref: keyed hash of the address, by which the other services know the person, 64 hex digits.
    subjects: ids by which notifications knows what mails were about.
    tables: rows by table.
    sealed: dates of sealed answers by registration and question, and the answers if they were opened.
    """

    person_ref: str
    subjects: list[str]
    tables: dict[str, list[dict[str, Any]]]
    sealed: dict[str, Any]


LEFT_OUT = reasons_of(TABLES)
NOTES = (
    "Found by the address, which several people may share: look before you pass this on.",
    "Not included: what was sent and is not decided yet. It is encrypted to the decider; ask again in a minute.",
    "Not included: texts of mails, which are deleted once they are sent; backups, which end after the operator's time.",
)


def export_person(
    work: UnitOfWork, clock: Clock, references: References, keys: FormKeys, email: str, reader: SealedReader | None
) -> PersonExport:
    """Return what is held about the owner of ``email``; empty tables if nothing is.

    Args:
        work: on the service's database.
        clock: of the project.
        references: make the keyed hashes of the address.
        keys: of forms.
        email: checked, as the forms check theirs.
        reader: who opens sealed answers; None: they are named with their dates, and stay closed.
    """
    address = references.address(email)
    with work.transaction() as connection:
        tables = export_rows(connection, TABLES, {"ref": address.ref, "mailbox": address.mailbox})
        dates = {one["id"]: _given_at(connection, one) for one in tables["registration"]}
    sealed = {
        identity: {"given_at": given} | ({"answers": _opened(work, clock, keys, identity, reader)} if reader else {})
        for identity, given in dates.items()
        if given
    }
    subjects = [one["id"] for table in ("registration", "confirmation_link", "former_address") for one in tables[table]]
    return PersonExport(address.ref.hex(), subjects, tables, sealed)


def _given_at(connection: Connection, registration: Mapping[str, Any]) -> dict[str, str | None]:
    """When each sealed question of a registration was answered, or left empty: the newest submission of it counts."""
    found = find_sealed(connection, registration["id"])
    if found is None or found.sealed is None:
        return {}
    given = registration["sealed_dates"]
    oldest_first = reversed(decode_envelopes(found.sealed))
    return {name: given.get(envelope.submission) for envelope in oldest_first for name in envelope.fields}


def _opened(work: UnitOfWork, clock: Clock, keys: FormKeys, identity: str, reader: SealedReader) -> Any:
    try:
        return read_sealed(work, clock, keys, ReadingRequest(identity, reader.name, reader.reason, may_touch))
    except DomainError as refusal:
        return {"not_opened": refusal.detail or refusal.code}
