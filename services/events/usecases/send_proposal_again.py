"""Change a returned proposal by its own link and send it again: the coordinators decide on it anew."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.events.domain.proposal import ProposalStatus, become
from services.events.domain.proposal_changes import changes_between
from services.events.outgoing_proposals import proposal_message
from services.events.store import proposals
from services.events.store.proposal_changes import BY_LINK
from services.events.usecases.decide_proposal import found_for_change
from services.events.usecases.own_proposal import opened_by
from services.events.usecases.proposal_answers import contact_in, content_in
from services.events.usecases.proposal_keys import ProposalKeys
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Edit:
    """Attributes:
    values: checked answers of the proposal form.
    language: of the page, unless an answer names another.
    seen: the revision that was changed.
    """

    values: Mapping[str, Any]
    language: str
    seen: int


def send_proposal_again(work: UnitOfWork, clock: Clock, keys: ProposalKeys, token: str, edit: Edit) -> None:
    """Store what was changed and tell it as ``submitted``; the same edit a second time changes nothing.

    The link stays as it is, and so does what the coordinators said.

    Raises:
        DomainError: ``not-found``, the token opens nothing; ``proposal-transition``, it is not returned (any more);
            ``changed-meanwhile``, it has another revision by now.
        RulesBroken: the answers contradict each other.
        Unavailable: the database is away; nothing is known to be stored.
    """
    with work.transaction() as connection:
        old = found_for_change(connection, opened_by(connection, clock, token).id)
        contact = keys.opened(proposals.contact_of(connection, old.id), old.id)
        new = replace(old, **content_in(keys, edit.values, edit.language))
        new_contact = contact | contact_in(edit.values)
        if old.status is ProposalStatus.SUBMITTED and (new, new_contact) == (old, contact):
            return
        sent = become(new, ProposalStatus.SUBMITTED)
        if old.revision != edit.seen:
            raise DomainError("changed-meanwhile", "the proposal was changed meanwhile: look at it again")
        at, closed = clock(), keys.close(new_contact, old.id)
        other_contact = any(new_contact[name] != contact[name] for name in ("name", "address"))
        proposals.save(connection, sent, BY_LINK, at, changes_between(old, sent, other_contact=other_contact))
        proposals.keep_contact(connection, old.id, *closed)
        outbox.add(connection, [proposal_message(sent, keys.sealed(closed, sent), at)])
