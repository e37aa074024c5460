"""Take a proposal: it is in the database, with the message about it, before anybody is answered."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.events.domain.proposal import Proposal
from services.events.outgoing_proposals import proposal_message
from services.events.store import proposals
from services.events.store.locks import lock_proposer
from services.events.store.proposal_changes import note_change
from services.events.store.proposals import Arrival
from services.events.store.shadow_outbox import add_shadow
from services.events.usecases.proposal_answers import contact_in, content_in
from services.events.usecases.proposal_keys import ProposalKeys
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.ids import new_id, new_token
from shared.core.links import PROPOSAL, link_hash
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork

MOST_RECEIPTS = 3
RECEIPTS_WITHIN = timedelta(days=1)
"""So many new proposals of one address are acknowledged by mail in this time. Anybody can write anybody's address into
the form: whoever writes the same one again and again must not have us send it mail after mail."""


@dataclass(frozen=True, slots=True)
class Submission:
    """Attributes:
    values: checked answers of the proposal form.
    language: of the page, unless an answer names another.
    key: idempotency key, or empty.
    fingerprint: of the whole request, 32 bytes.
    partner: slug of the partner through whose page it comes; None without.
    """

    values: Mapping[str, Any]
    language: str
    key: str
    fingerprint: bytes
    partner: str | None = None


def submit_proposal(work: UnitOfWork, clock: Clock, keys: ProposalKeys, submission: Submission) -> str:
    """Store a proposal; the same idempotency key stores it once.

    From an address that has had its ``MOST_RECEIPTS`` it is stored all the same, and decided on like any other, but
    no mail says that it has come. Nobody can tell from the answer, nor from how long it takes: as much is written in
    place of the message.

    Returns:
        the proposal's id.

    Raises:
        DomainError: ``idempotency-mismatch``, the key came with other content before.
        RulesBroken: the answers contradict each other.
        Unavailable: the database is away; nothing is known to be stored.
    """
    at = clock()
    proposal, contact = _made(keys, submission, at)
    fingerprint = keys.fingerprint(submission.fingerprint)
    key_hash = keys.idempotency_hash(submission.key) if submission.key else None
    own_hash = link_hash(contact["token"], PROPOSAL)
    arrival = Arrival(keys.close(contact, proposal.id), own_hash, key_hash, fingerprint)
    with work.transaction() as connection:
        lock_proposer(connection, proposal.person_ref)
        since = at - RECEIPTS_WITHIN
        told = proposals.how_many_of(connection, proposal.person_ref, since, MOST_RECEIPTS) < MOST_RECEIPTS
        if not proposals.add(connection, proposal, arrival):
            return _replayed(connection, key_hash, fingerprint)
        note_change(connection, proposal, "", at)
        box = keys.sealed(arrival.contact, proposal)
        if told:
            outbox.add(connection, [proposal_message(proposal, box, at)])
        else:
            add_shadow(connection, proposal_message(_unnamed(proposal), secrets.token_bytes(len(box)), at))
    return proposal.id


def _made(keys: ProposalKeys, submission: Submission, at: datetime) -> tuple[Proposal, dict[str, Any]]:
    content = content_in(keys, submission.values, submission.language)
    proposal = Proposal(id=new_id(), submitted_at=at, partner=submission.partner, **content)
    return proposal, contact_in(submission.values) | {"token": new_token()}


def _unnamed(proposal: Proposal) -> Proposal:
    return replace(proposal, person_ref=secrets.token_hex(len(proposal.person_ref) // 2))


def _replayed(connection: Connection, key_hash: bytes | None, fingerprint: bytes) -> str:
    known = proposals.known_key(connection, key_hash) if key_hash else None
    if known is None or known[1] != fingerprint:
        raise DomainError("idempotency-mismatch", "this key was used for another proposal")
    return known[0]
