"""My data: everything that is kept of whoever proposed a side event, for themselves, as JSON. It changes nothing."""

from datetime import date, datetime
from typing import Any

from services.events.store import proposal_changes, proposals
from services.events.usecases.own_proposal import opened_by
from services.events.usecases.proposal_answers import answers_of
from services.events.usecases.proposal_keys import ProposalKeys
from shared.core.clock import Clock, rfc3339
from shared.store.unit_of_work import UnitOfWork

ELSEWHERE = {
    "notifications": "name, address, link, title and the last note, encrypted; which mails were sent, and when",
    "published": "the title and the summary, where the proposal became part of a published timetable",
}
"""What is kept beside this service's own tables."""


def proposal_data(work: UnitOfWork, clock: Clock, keys: ProposalKeys, token: str) -> dict[str, Any]:
    """What is kept of the proposal that ``token`` opens, as JSON values.

    Raises:
        DomainError: ``not-found`` if the token opens nothing.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        proposal = opened_by(connection, clock, token)
        contact = keys.opened(proposals.contact_of(connection, proposal.id), proposal.id)
        history = proposal_changes.history(connection, proposal.id)
    found = {
        "made_at": clock(),
        "proposal": {
            "id": proposal.id,
            "status": str(proposal.status),
            "revision": proposal.revision,
            "submitted_at": proposal.submitted_at,
            "came_through": proposal.partner,
            "became_event": proposal.event_id,
            "hash_of_address": proposal.person_ref,
            "hashes_of_speakers": list(proposal.speakers),
        },
        "answers": answers_of(proposal, contact),
        "history": [
            {
                "at": one.changed_at,
                "status": str(one.status),
                "note": one.note,
                "changed": [c.field for c in one.changes],
            }
            for one in history
        ],
        "kept_elsewhere": ELSEWHERE,
    }
    plain: dict[str, Any] = _plain(found)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
