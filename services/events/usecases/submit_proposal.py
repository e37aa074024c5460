"""Take a proposal: it is in the database, with the message about it, before anybody is answered."""

import secrets
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
from services.events.store.proposal_arrivals import Arrival, Known
from services.events.store.shadow_outbox import add_shadow
from services.events.usecases.proposal_answers import contact_in, content_in
from services.events.usecases.proposal_keys import ProposalKeys
from services.events.usecases.proposal_shadows import disguised, unnamed
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.ids import new_id, new_token
from shared.core.links import PROPOSAL, link_hash
from shared.forms.used_challenges import use_challenge, used_lately
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork

MOST_RECEIPTS = 3
"""So many new proposals of one address are acknowledged by mail within ``MOST_WITHIN``. Anybody can write anybody's
address into the form: whoever writes the same one again and again must not have us send it mail after mail."""
MOST_A_DAY = 20
"""So many are taken at all, as of registrations."""
MOST_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Submission:
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


def submit_proposal(work: UnitOfWork, clock: Clock, keys: ProposalKeys, submission: Submission) -> Taken:
    """Store a proposal; the same idempotency key stores it once, and a challenge is good for one.

    From an address that has had its ``MOST_RECEIPTS`` it is stored all the same, and decided on like any other, but
    no mail says that it has come. From one that has sent ``MOST_A_DAY`` it is not stored. Nobody can tell from the
    answer, nor from how long it takes: as much is written in place of what is missing.

    Raises:
        DomainError: ``idempotency-mismatch``, the key came with other content before; ``proof-refused``.
        RulesBroken: the answers contradict each other.
        Unavailable: the database is away; nothing is known to be stored.
    """
    at = clock()
    proposal, contact = _made(keys, submission, at)
    fingerprint = keys.fingerprint(submission.fingerprint)
    key_hash = keys.idempotency_hash(submission.key) if submission.key else None
    own_hash = link_hash(contact["token"], PROPOSAL)
    closed = keys.close(contact, proposal.id)
    arrival = Arrival(*closed, own_hash, key_hash, fingerprint)
    box = keys.sealed(closed, proposal)
    with work.transaction() as connection:
        lock_proposer(connection, proposal.person_ref)
        known = proposal_arrivals.known_key(connection, key_hash) if key_hash else None
        if known is not None:
            return _replayed(known, fingerprint)
        _use(connection, submission, at)
        _store(connection, proposal, arrival, box)
    return Taken(proposal.id, proposal.status)


def count_solved(work: UnitOfWork, form: str, now: datetime) -> int:
    """How many challenges of ``form`` were solved lately: it decides how much work the next one asks for.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return used_lately(connection, form, now)


def _made(keys: ProposalKeys, submission: Submission, at: datetime) -> tuple[Proposal, dict[str, Any]]:
    content = content_in(keys, submission.values, submission.language)
    proposal = Proposal(id=new_id(), submitted_at=at, partner=submission.partner, status=submission.status, **content)
    return proposal, contact_in(submission.values) | {"token": new_token()}


def _replayed(known: Known, fingerprint: bytes) -> Taken:
    if known.fingerprint != fingerprint:
        raise DomainError("idempotency-mismatch", "this key was used for another proposal")
    return Taken(known.id, known.status)


def _use(connection: Connection, submission: Submission, at: datetime) -> None:
    """Use the challenge up, whoever sends it: each answer costs work, or somebody could ask about addresses for one."""
    proof = submission.proof or Proof()
    if proof.refusal:
        raise DomainError("proof-refused", proof.refusal)
    if proof.challenge is not None and not use_challenge(connection, proof.challenge, submission.form, at):
        raise DomainError("proof-refused", "used")


def _store(connection: Connection, proposal: Proposal, arrival: Arrival, box: bytes) -> None:
    at = proposal.submitted_at
    before = proposal_arrivals.how_many_like(connection, proposal, at - MOST_WITHIN, MOST_A_DAY)
    if before < MOST_A_DAY:
        added = proposal_arrivals.add(connection, "proposal", proposal, arrival)
    else:
        added = proposal_arrivals.add(connection, "shadow_proposal", *disguised(proposal, arrival))
    if not added:
        raise DomainError("idempotency-mismatch", "this key was used for another proposal")
    if before < MOST_RECEIPTS:
        outbox.add(connection, [proposal_message(proposal, box, at)])
    else:
        add_shadow(connection, proposal_message(unnamed(proposal), secrets.token_bytes(len(box)), at))
