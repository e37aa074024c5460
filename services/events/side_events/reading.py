"""The keys of proposals, and proposals as coordinators read them: with names of speakers and what is suggested.

Each kind of process holds the part of the keys that it needs; what it lacks is empty.
"""

import base64
import binascii
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.events.event.model import Form
from services.events.event.records import forms_of_kind
from services.events.side_events.model import (
    PROPOSAL,
    SPEAKER_FIELDS,
    FieldChange,
    Proposal,
    ProposalRevision,
    as_list,
    changes_to,
)
from services.events.side_events.store import (
    ProposalFilter,
    count_proposal_groups,
    count_proposal_rows,
    read_proposal,
    select_history,
    select_proposals,
    select_resubmissions,
)
from services.events.tables import CountedGroup
from shared.db.unit_of_work import UnitOfWork
from shared.public_forms.fields import folded
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import keyed_hash
from shared.security.sealing import Unsealable, Vault, open_sealed, seal_to


@dataclass(frozen=True, slots=True)
class ProposalKeys:
    """Attributes:
    events_keys: private keys of events, newest first: open proposals, and encrypt the names of speakers at rest.
    reference_keys: the first derives the reference of a speaker's name; only consumers have it.
    notifications_key: public key of notifications; of the processes with the console alone, as is the next.
    registration_key: public key of registration.
    """

    events_keys: Sequence[bytes] = field(default=(), repr=False)
    reference_keys: Sequence[bytes] = field(default=(), repr=False)
    notifications_key: bytes = b""
    registration_key: bytes = b""

    def opened(self, sealed: str) -> dict[str, Any]:
        """The content of a sealed box in base64.

        Raises:
            Unsealable: no key opens it.
        """
        try:
            return open_sealed(list(self.events_keys), base64.b64decode(sealed, validate=True))
        except binascii.Error:
            raise Unsealable from None

    def speaker_ref(self, name: str) -> str:
        """The reference of a speaker's name; ignores differences in spaces, case, width, and what cannot be seen."""
        return keyed_hash(self.reference_keys[0], "speaker", folded(name)).hex()[:32]

    def encrypted_names(self, names: Mapping[str, str], proposal_id: str) -> bytes | None:
        """Names of speakers by their references as they are stored, bound to the proposal; None without speakers."""
        return self._vault().close({"speakers": dict(names)}, row=proposal_id) if names else None

    def names(self, encrypted: bytes | None, proposal_id: str) -> dict[str, str]:
        """What :meth:`encrypted_names` encrypted, in the order of the proposal.

        Raises:
            Unsealable: no key opens it.
        """
        if encrypted is None:
            return {}
        return dict(self._vault().open(bytes(encrypted), row=proposal_id)["speakers"])

    def sealed_notes(self, note: str) -> dict[str, str]:
        """The fields of a decision that hold the note, each for one service: ``note``, ``sealed``."""
        keys = {"note": self.registration_key, "sealed": self.notifications_key}
        return {name: base64.b64encode(seal_to(key, {"note": note})).decode() for name, key in keys.items()}

    def vault_keys(self) -> list[bytes]:
        """What encrypts names of speakers, newest first."""
        return [keyed_hash(key, "vault", "speakers") for key in self.events_keys]

    def _vault(self) -> Vault:
        return Vault(self.vault_keys())


@dataclass(frozen=True, slots=True)
class SideEventsContext:
    """Attributes:
    work: the unit of work on the service's database.
    clock: the source of the current time.
    keys: the keys of proposals.
    """

    work: UnitOfWork
    clock: Clock
    keys: ProposalKeys


@dataclass(frozen=True, slots=True)
class ShownSuggestion:
    """The text of an accepted proposal's registration since then; ``revision`` is the registration's.

    In ``changes``, speakers are named.
    """

    revision: int
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class ShownProposal:
    """A proposal as coordinators see it.

    Attributes:
        speakers: names; None if no key opens them.
        named: names of those who agree to be named publicly now; None if no key opens them.
        suggestion: the suggestion that waits for a decision; None without one.
    """

    proposal: Proposal
    speakers: tuple[str, ...] | None
    named: tuple[str, ...] | None
    suggestion: ShownSuggestion | None


def list_proposals(work: UnitOfWork, keys: ProposalKeys, wanted: ProposalFilter) -> list[ShownProposal]:
    """Proposals in the requested order.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        found = select_proposals(connection, wanted)
    return [shown_proposal(keys, proposal) for proposal in found]


def count_proposals(work: UnitOfWork, wanted: ProposalFilter) -> int:
    """How many proposals fit, on all pages.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return count_proposal_rows(connection, wanted)


def group_proposals(
    work: UnitOfWork, wanted: ProposalFilter, names: Sequence[str], at_least: int
) -> list[CountedGroup]:
    """How many proposals have the same values of ``names``, the largest groups first.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return count_proposal_groups(connection, wanted, names, at_least)


def list_suggestions(keys: ProposalKeys, accepted: Iterable[Proposal]) -> list[ShownProposal]:
    """Those of some proposals of which a suggestion waits for a decision."""
    return [shown_proposal(keys, proposal) for proposal in accepted if proposal.suggested]


def show_proposal(work: UnitOfWork, keys: ProposalKeys, proposal_id: str) -> ShownProposal:
    """One proposal.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        proposal = read_proposal(connection, proposal_id)
    if proposal is None:
        raise DomainError("not-found", "there is no such proposal")
    return shown_proposal(keys, proposal)


def shown_proposal(keys: ProposalKeys, proposal: Proposal) -> ShownProposal:
    """A proposal with what is encrypted of it opened."""
    names = opened_names(keys, proposal)
    speakers, named = _listed(names, proposal.speakers), _listed(names, proposal.still_agreed)
    suggested = proposal.suggested
    if proposal.suggestion is None or not suggested:
        return ShownProposal(proposal, speakers, named, None)
    later = _names(keys, proposal.suggestion.speaker_names, proposal.id)
    changes = (_named(change, names, later) for change in changes_to(proposal, suggested))
    return ShownProposal(proposal, speakers, named, ShownSuggestion(proposal.suggestion.revision, tuple(changes)))


def opened_names(keys: ProposalKeys, proposal: Proposal) -> dict[str, str] | None:
    """The names of a proposal's speakers by reference, in its order; None if no key opens them."""
    return _names(keys, proposal.speaker_names, proposal.id)


def _names(keys: ProposalKeys, encrypted: bytes | None, proposal_id: str) -> dict[str, str] | None:
    try:
        return keys.names(encrypted, proposal_id)
    except Unsealable:
        return None


def _named(change: FieldChange, before: Mapping[str, str] | None, after: Mapping[str, str] | None) -> FieldChange:
    """The change with names in place of references of speakers."""
    if change.field not in SPEAKER_FIELDS:
        return change
    lists = (_listed(before, as_list(change.before)), _listed(after, as_list(change.after)))
    return FieldChange(change.field, *(None if speakers is None else list(speakers) for speakers in lists))


def _listed(names: Mapping[str, str] | None, references: Collection[str]) -> tuple[str, ...] | None:
    """The names of some speakers, in the order of the proposal."""
    return None if names is None else tuple(name for reference, name in names.items() if reference in references)


def show_history(work: UnitOfWork, proposal_id: str) -> list[ProposalRevision]:
    """Every revision of a proposal, from the first on.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        found = select_history(connection, proposal_id)
    if not found:
        raise DomainError("not-found", "there is no such proposal")
    return found


def list_resubmissions(work: UnitOfWork, proposal_ids: Collection[str]) -> dict[str, ProposalRevision]:
    """When each of these was last submitted again, and what that changed.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return select_resubmissions(connection, proposal_ids)


def list_proposal_forms(work: UnitOfWork) -> list[Form]:
    """The forms by which side events can be proposed, open or not.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return forms_of_kind(connection, PROPOSAL)
