"""Everything that events holds about a person, for a data-subject request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.events.domain.proposal import Proposal
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
    tables: rows by table.
    speakers: their names by proposal.
    """

    tables: dict[str, list[dict[str, Any]]]
    speakers: dict[str, Any]


def export_person(work: UnitOfWork, keys: ProposalKeys, person_refs: Sequence[str]) -> PersonExport:
    """Return what is held about a person; empty tables if nothing is.

    Args:
        work: on the service's database.
        keys: of proposals.
        person_refs: as registration knows the person, 64 hex digits each.
    """
    with work.transaction() as connection:
        tables = export_rows(connection, TABLES, {"refs": [bytes.fromhex(one) for one in person_refs]})
        ids = [one["id"] for one in tables["proposal"]]
        found = [proposal for one in ids if (proposal := proposals.find(connection, one)) is not None]
    return PersonExport(tables, {one.id: _speakers(keys, one) for one in found})


def _speakers(keys: ProposalKeys, proposal: Proposal) -> dict[str, Any]:
    suggested = proposal.suggestion.speaker_names if proposal.suggestion else None
    try:
        named = {
            "speakers": [*keys.names(proposal.speaker_names, proposal.id).values()],
            "suggested_speakers": [*keys.names(suggested, proposal.id).values()],
        }
    except Unsealable:
        return {"not_opened": "no key opens it"}
    return named
