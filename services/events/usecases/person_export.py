"""Everything that events holds about a person, for a data-subject request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.events.domain.proposal import Proposal
from services.events.store import proposals
from services.events.usecases.proposal_keys import ProposalKeys
from shared.core.sealing import Unsealable
from shared.store.person_export import PersonalTable, export_rows, reasons_of
from shared.store.unit_of_work import UnitOfWork

SOMEBODY_ELSE = "it says something about another person, a coordinator"
ENCRYPTED = "encrypted; the names stand opened under speakers"

_REGISTRATIONS = "(SELECT registration_id FROM roster WHERE person_ref = ANY(:refs))"
_PROPOSALS = "(SELECT id FROM proposal WHERE person_ref = ANY(:refs))"
_SUBJECTS = "(SELECT id::text FROM proposal WHERE person_ref = ANY(:refs))"

TABLES = (
    PersonalTable("FROM roster t WHERE t.person_ref = ANY(:refs)"),
    PersonalTable("FROM person_contact t WHERE t.person_ref = ANY(:refs)"),
    PersonalTable(
        f"FROM mail_contact t WHERE t.registration_id IN {_REGISTRATIONS} OR t.registration_id IN {_PROPOSALS}"
    ),
    PersonalTable(
        "FROM proposal t WHERE t.person_ref = ANY(:refs)", {"speaker_names": ENCRYPTED, "suggested_names": ENCRYPTED}
    ),
    PersonalTable(f"FROM proposal_change t WHERE t.proposal_id IN {_PROPOSALS}", {"changed_by": SOMEBODY_ELSE}),
    PersonalTable(f"FROM placement t WHERE t.proposal_id IN {_PROPOSALS}"),
    PersonalTable(f"FROM version_placement t WHERE t.proposal_id IN {_PROPOSALS}"),
    PersonalTable(
        f"FROM outbox t WHERE t.subject IN {_SUBJECTS}",
        {"body": "notes, encrypted to registration and notifications; they stand opened in proposal_change"},
    ),
    PersonalTable(f"FROM trail t WHERE t.subject IN {_SUBJECTS}", {"who": SOMEBODY_ELSE}),
)
"""What is exported. A test compares it with the tables that there are."""

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
            "speakers": list(keys.names(proposal.speaker_names, proposal.id)),
            "suggested_speakers": list(keys.names(suggested, proposal.id)),
        }
    except Unsealable:
        return {"not_opened": "no key opens it"}
    return named
