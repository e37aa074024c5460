"""Take a proposal: it is in the database, with the message about it, before anybody is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.events.domain.proof import Proof
from services.events.domain.proposal import Proposal, ProposalStatus
from services.events.outgoing_proposals import proposal_message
from services.events.store import proposal_arrivals
from services.events.store.locks import lock_proposer
from services.events.store.proposal_arrivals import Arrival, ProposalReceipt
from services.events.usecases.proposal_answers import contact_in, content_in
from services.events.usecases.proposal_keys import ProposalKeys
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.ids import new_id, new_token
from shared.core.links import PROPOSAL, link_hash
from shared.public_forms.used_challenges import use_challenge, used_lately
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork

MOST_RECEIPTS = 3
"""So many new proposals of one address are acknowledged by mail within ``MOST_WITHIN``. Anybody can write anybody's
address into the form: whoever writes the same one again and again must not have us send it mail after mail."""
MOST_A_DAY = 20
"""So many of one address are stored within ``MOST_WITHIN``."""
MOST_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NewProposal:
    """Attributes:
    form: slug of the proposal form.
    values: checked answers of it.
    language: of the page, unless an answer names another.
    key: idempotency key, or empty.
    fingerprint: of the whole request but the proof, 32 bytes.
    partner: slug of the partner through whose page it comes; None without.
    proof: of work; None if the form asks for none.
    """

    form: str
    values: Mapping[str, Any]
    language: str
    key: str
    fingerprint: bytes
    partner: str | None = None
    proof: Proof | None = None

    @property
    def status(self) -> ProposalStatus:
        """The first one. Whoever was asked for a proof and sent none confirms the address."""
        unproven = self.proof is not None and self.proof.challenge is None
        return ProposalStatus.UNVERIFIED if unproven else ProposalStatus.SUBMITTED


@dataclass(frozen=True, slots=True)
class Taken:
    """What whoever sent it is told: the same for everybody's address."""

    id: str
    status: str


def submit_proposal(work: UnitOfWork, clock: Clock, keys: ProposalKeys, sent: NewProposal) -> Taken:
    """Store a proposal; the same idempotency key stores it once, and a challenge is good for one.

    Beyond ``MOST_RECEIPTS`` of one address the proposal is stored, and no mail acknowledges it. Beyond ``MOST_A_DAY``
    it is not stored. The answer is the same in each case, also to a repetition; its time may differ.

    Raises:
        DomainError: ``idempotency-mismatch``, the key came with other content before; ``proof-refused``.
        RulesBroken: the answers contradict each other.
        Unavailable: the database is away; nothing is known to be stored.
    """
    at = clock()
    proposal, contact = _made(keys, sent, at)
    closed = keys.close(contact, proposal.id)
    arrival = Arrival(*closed, link_hash(contact["token"], PROPOSAL))
    box = keys.sealed(closed, proposal)
    with work.transaction() as connection:
        lock_proposer(connection, proposal.person_ref)
        if sent.key and (earlier := _earlier(connection, keys, sent, proposal)):
            return earlier
        _use(connection, sent, at)
        _store(connection, proposal, arrival, box)
    return Taken(proposal.id, proposal.status)


def count_solved(work: UnitOfWork, form: str, now: datetime) -> int:
    """How many challenges of ``form`` were solved lately: it decides how much work the next one asks for.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return used_lately(connection, form, now)


def _made(keys: ProposalKeys, sent: NewProposal, at: datetime) -> tuple[Proposal, dict[str, Any]]:
    content = content_in(keys, sent.values, sent.language)
    proposal = Proposal(id=new_id(), submitted_at=at, partner=sent.partner, status=sent.status, **content)
    return proposal, contact_in(sent.values) | {"token": new_token()}


def _earlier(connection: Connection, keys: ProposalKeys, sent: NewProposal, proposal: Proposal) -> Taken | None:
    """Return what the first submission with this key was answered; None if this is the first one.

    Raises:
        DomainError: ``idempotency-mismatch``.
    """
    key_hash, fingerprint = keys.idempotency_hash(sent.key), keys.fingerprint(sent.fingerprint)
    own = ProposalReceipt(key_hash, fingerprint, proposal.id, proposal.status, proposal.submitted_at)
    kept = proposal_arrivals.keep_receipt(connection, own)
    if kept.fingerprint != fingerprint:
        raise DomainError("idempotency-mismatch", "this key was used for another proposal")
    return None if kept.proposal_id == proposal.id else Taken(kept.proposal_id, kept.status)


def _use(connection: Connection, sent: NewProposal, at: datetime) -> None:
    """Use the challenge up, whoever sends it: each answer costs work, or somebody could ask about addresses for one."""
    proof = sent.proof or Proof()
    if proof.refusal:
        raise DomainError("proof-refused", proof.refusal)
    if proof.challenge is not None and not use_challenge(connection, proof.challenge, sent.form, at):
        raise DomainError("proof-refused", "used")


def _store(connection: Connection, proposal: Proposal, arrival: Arrival, box: bytes) -> None:
    at = proposal.submitted_at
    before = proposal_arrivals.how_many_like(connection, proposal, at - MOST_WITHIN, MOST_A_DAY)
    if before < MOST_A_DAY:
        proposal_arrivals.add(connection, proposal, arrival)
    if before < MOST_RECEIPTS:
        outbox.add(connection, [proposal_message(proposal, box, at)])
