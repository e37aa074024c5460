"""Everything that events holds about a person, for a data-subject request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.events.store import proposals
from services.events.store.personal_tables import TABLES
from services.events.usecases.proposal_keys import ProposalKeys
from shared.core.sealing import Unsealable
from shared.store.personal_tables import export_rows, reasons_of
from shared.store.unit_of_work import UnitOfWork

LEFT_OUT = reasons_of(TABLES)


@dataclass(frozen=True, slots=True)
class PersonExport:
    """Attributes:
    person_ref: keyed hash of the address under the key of events, 64 hex digits.
    proposals: ids of the person's proposals.
    tables: rows by table.
    contacts: name, address and speakers by proposal.
    """

    person_ref: str
    proposals: list[str]
    tables: dict[str, list[dict[str, Any]]]
    contacts: dict[str, Any]


def export_person(work: UnitOfWork, keys: ProposalKeys, email: str, person_refs: Sequence[str]) -> PersonExport:
    """Return what is held about a person; empty tables if nothing is.

    Args:
        work: on the service's database.
        keys: of proposals.
        email: of the proposer, checked, as forms check it.
        person_refs: as registration knows the person, 64 hex digits each.
    """
    reference = keys.person_ref(email)
    values = {"refs": [bytes.fromhex(one) for one in person_refs], "proposer": bytes.fromhex(reference)}
    with work.transaction() as connection:
        tables = export_rows(connection, TABLES, values)
        found = [one["id"] for one in tables["proposal"]]
        closed = {one: proposals.contact_of(connection, one) for one in found}
    return PersonExport(reference, found, tables, {one: _opened(keys, closed[one], one) for one in found})


def _opened(keys: ProposalKeys, closed: tuple[bytes, bytes | None], proposal: str) -> dict[str, Any]:
    """Name, address and speakers; the token of the link is a credential."""
    try:
        contact = keys.opened(closed, proposal)
    except Unsealable:
        return {"not_opened": "no key opens it"}
    return {name: value for name, value in contact.items() if name != "token"}
