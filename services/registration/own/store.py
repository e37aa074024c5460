"""Reads what a token gives access to, through SQL functions that take its hash; the login can read nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.registration.forms.opening import Meeting
from services.registration.intake.model import ActResult, FormContent, Result, content_from_json, read_results
from services.registration.people.details import ProposalState, state_at
from services.registration.people.model import Registration
from services.registration.people.store import Person
from shared.vocabulary.form_kinds import IN_CALENDARS, PROPOSAL

_LINK = text("SELECT email, language, muted FROM link_of(:hash, :now)")
_PENDING = text("""
    SELECT id::text, form, code, received_at, has_sealed, person_key, content FROM pending_for(:hash, :now)
""")
_ADDRESS_CHANGES = text("SELECT id::text, form, code, received_at FROM address_changes_for(:hash, :now)")
_OWN_ADDRESS = text("SELECT email, code, received_at FROM own_address(:hash)")
_FORMER_ADDRESS = text("SELECT form, language, expires_at FROM former_address_of(:hash, :now)")
_REGISTERED = text("SELECT id::text, form, status, person_key, name FROM registered_for(:hash, :now)")
_OUTCOMES = text("SELECT kind, form, decided_at, outcome FROM link_outcomes(:hash)")
_OWN = text("""
    SELECT id::text, form, kind, event_id, status, place, revision, encode(person_ref, 'hex'), working_group,
        representative, organisation_id::text, country, language, partner, accepted_at, verified, attend, name, email,
        organisation, time_zone, answers, has_sealed, details_at, changed_at, muted, sealed_at,
        decision, own_changes(:hash, :kinds), own_lapses_at(:hash), offer_expires_at, offer_passed
    FROM own_registration(:hash)
""")
_HISTORY = text("SELECT own_history(:hash)")
_VIEWED = text("""
    SELECT form, status, language, changed_at, kind, revision, decision FROM viewed_registration(:hash)
""")
_MEETING = text("""
    SELECT form, kind, status, language, verified, changed_at, event_status, mode, join_url, starts_at, ends_at,
        minutes_before
    FROM meeting_of(:hash)
""")


@dataclass(frozen=True, slots=True)
class ConfirmationLink:
    """A confirmation link that still opens something.

    Attributes:
        email: the address to which it was mailed.
        muted: whether its owner wants no mail about submissions they did not make.
    """

    email: str
    language: str
    muted: bool


@dataclass(frozen=True, slots=True)
class PendingSubmission:
    """A candidate as the owner of its address sees it."""

    id: str
    form: str
    code: str
    received_at: datetime
    has_sealed: bool
    person: bytes
    content: FormContent


@dataclass(frozen=True, slots=True)
class WaitingChange:
    """A pending change to the address of a link; only the code identifies the request."""

    id: str
    form: str
    code: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class AskedAddress:
    """A requested address of a registration that its owner has not confirmed yet."""

    email: str
    code: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class UndoableChange:
    """A change of address that can be taken back until ``expires_at``."""

    form: str
    language: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RegisteredPerson:
    """A live registration of the address, without its answers: the link may have been forwarded.

    Attributes:
        name: what distinguishes it from others of the address: a proposal's title, else the person's name, or ``""``.
    """

    id: str
    form: str
    status: str
    person: bytes
    name: str


@dataclass(frozen=True, slots=True)
class LinkAct:
    """A command that was sent by a link.

    Attributes:
        decided_at: the time of the decision; None while it waits for the decider.
        results: the results by candidate, once decided.
    """

    kind: str
    form: str
    decided_at: datetime | None
    results: tuple[ActResult, ...] = ()

    @property
    def result(self) -> Result | None:
        """The first result: of a command about one thing the only one; None while it waits."""
        return self.results[0].result if self.results else None


@dataclass(frozen=True, slots=True)
class OwnRegistration:
    """A registration as its person sees it.

    Attributes:
        changed_at: when it last changed.
        muted: whether its mailbox gets no mail about submissions that its owner did not make.
        sealed_at: when sealed answers were last given; None if never.
        changes: the sum of the revisions of all registrations by which the person takes part in the event.
        proposal: what coordinators have decided, if it is a proposal; else None.
    """

    person: Person
    changed_at: datetime
    muted: bool
    sealed_at: datetime | None
    changes: int
    proposal: ProposalState | None = None

    @property
    def event_id(self) -> str | None:
        """Slug of the event that the registration is for: of a proposal the side event that it became, if any."""
        return self.proposal.event_id if self.proposal is not None else self.person.registration.event_id


@dataclass(frozen=True, slots=True)
class ViewedRegistration:
    """A registration as a read-only link shows it: nothing that names its person.

    Attributes:
        language: the language of its mails.
        changed_at: the time at which it last changed.
        proposal: the decision of the coordinators, if it is a proposal; else None.
    """

    form: str
    status: str
    language: str
    changed_at: datetime
    proposal: ProposalState | None = None


def find_confirmation_link(connection: Connection, hash_: bytes, now: datetime) -> ConfirmationLink | None:
    """Return what the link with this token hash opens; None if it is unknown or has expired."""
    row = connection.execute(_LINK, {"hash": hash_, "now": now}).fetchone()
    return None if row is None else ConfirmationLink(*row)


def pending_submissions(connection: Connection, hash_: bytes, now: datetime) -> list[PendingSubmission]:
    """Return everything that waits for the owner of the link's address, oldest first."""
    found = connection.execute(_PENDING, {"hash": hash_, "now": now})
    return [PendingSubmission(*[*row[:-1], content_from_json(row[-1])]) for row in found]


def address_changes(connection: Connection, hash_: bytes, now: datetime) -> list[WaitingChange]:
    """Return the registrations that are to use the link's address, oldest first."""
    return [WaitingChange(*row) for row in connection.execute(_ADDRESS_CHANGES, {"hash": hash_, "now": now})]


def find_asked_address(connection: Connection, hash_: bytes) -> AskedAddress | None:
    """Return the address that waits for the registration behind a managing link; None if none does."""
    row = connection.execute(_OWN_ADDRESS, {"hash": hash_}).fetchone()
    return None if row is None else AskedAddress(*row)


def find_undoable(connection: Connection, hash_: bytes, now: datetime) -> UndoableChange | None:
    """Return the change of address that an undo link takes back; None if it takes none back, or no more."""
    row = connection.execute(_FORMER_ADDRESS, {"hash": hash_, "now": now}).fetchone()
    return None if row is None else UndoableChange(*row)


def registered_people(connection: Connection, hash_: bytes, now: datetime) -> list[RegisteredPerson]:
    """Return the live registrations of the link's address."""
    return [RegisteredPerson(*row) for row in connection.execute(_REGISTERED, {"hash": hash_, "now": now})]


def acts_by_link(connection: Connection, hash_: bytes) -> Sequence[LinkAct]:
    """Return what was done by a link, newest first."""
    found = connection.execute(_OUTCOMES, {"hash": hash_})
    return [LinkAct(kind, form, decided_at, read_results(outcome)) for kind, form, decided_at, outcome in found]


def find_own(connection: Connection, hash_: bytes) -> OwnRegistration | None:
    """Return the registration that the managing link with this token hash opens, or None."""
    row = connection.execute(_OWN, {"hash": hash_, "kinds": list(IN_CALENDARS)}).fetchone()
    if row is None:
        return None
    values: list[Any] = list(row)
    changed_at, muted, sealed_at, decision, changes, lapses_at, *offer = values[24:]
    registration = replace(Registration(*values[:17], *offer), lapses_at=lapses_at)
    proposal = state_at(decision, registration.revision) if registration.form_kind == PROPOSAL else None
    person = Person(registration, *values[17:24])
    return OwnRegistration(person, changed_at, muted, sealed_at, changes, proposal)


def own_history(connection: Connection, hash_: bytes) -> Mapping[str, Any]:
    """Return dates, consent, readings of sealed answers, changes and messages of the registration behind a link."""
    found: Mapping[str, Any] | None = connection.execute(_HISTORY, {"hash": hash_}).scalar()
    return found or {}


def find_viewed(connection: Connection, hash_: bytes) -> ViewedRegistration | None:
    """Return what the read-only link with this token hash shows, or None."""
    row = connection.execute(_VIEWED, {"hash": hash_}).fetchone()
    if row is None:
        return None
    form, status, language, changed_at, kind, revision, decision = row
    proposal = state_at(decision, revision) if kind == PROPOSAL else None
    return ViewedRegistration(form, status, language, changed_at, proposal)


def find_meeting(connection: Connection, hash_: bytes) -> Meeting | None:
    """Return the meeting of the registration that the managing or join link with this token hash is of, or None."""
    row = connection.execute(_MEETING, {"hash": hash_}).fetchone()
    return None if row is None else Meeting(*row)
