"""Queries behind links: what the token of a link gives access to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.registration.forms.opening import Meeting, Opening
from services.registration.forms.service import PublicEvent, PublishedResource, find_public_event, resources_of
from services.registration.intake.form_view import FormView
from services.registration.intake.model import Result
from services.registration.own.store import (
    AskedAddress,
    ConfirmationLink,
    LinkAct,
    OwnRegistration,
    PendingSubmission,
    RegisteredPerson,
    UndoableChange,
    ViewedRegistration,
    WaitingChange,
    acts_by_link,
    address_changes,
    find_asked_address,
    find_confirmation_link,
    find_meeting,
    find_own,
    find_undoable,
    find_viewed,
    own_history,
    pending_submissions,
    registered_people,
)
from services.registration.people.details import ProposalState
from services.registration.people.model import CONFIRMATION, JOIN, OWN, UNDO_ADDRESS, VIEW
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import DomainError
from shared.runtime.ids import sent_hash

ENDING = frozenset({Result.CANCELLED, Result.RENEWED, Result.ERASED})
"""Results of commands that end all links of a registration, including the one used."""


@dataclass(frozen=True, slots=True)
class WaitingForOwner:
    """Everything behind a confirmation link.

    Attributes:
        pending: the candidates of the address, oldest first.
        changes: the pending changes to the address, oldest first.
        registered: the live registrations of the address.
        acts: the commands that were sent by this link, newest first.
    """

    token_hash: bytes
    link: ConfirmationLink
    pending: Sequence[PendingSubmission]
    changes: Sequence[WaitingChange]
    registered: Sequence[RegisteredPerson]
    acts: Sequence[LinkAct]


def show_waiting(work: UnitOfWork, token: str, now: datetime) -> WaitingForOwner:
    """Return what waits behind the confirmation link ``token``.

    Raises:
        DomainError: ``not-found`` if it is unknown or has expired.
    """
    hash_ = hash_of_link(token, CONFIRMATION)
    with work.snapshot() as connection:
        link = find_confirmation_link(connection, hash_, now)
        if link is None:
            raise DomainError("not-found")
        pending = pending_submissions(connection, hash_, now)
        changes = address_changes(connection, hash_, now)
        registered = registered_people(connection, hash_, now)
        return WaitingForOwner(hash_, link, pending, changes, registered, acts_by_link(connection, hash_))


@dataclass(frozen=True, slots=True)
class OwnPage:
    """The data behind a managing link, read in one snapshot, so that the revision matches the answers.

    Attributes:
        form: the form of the registration.
        act: the last command that was sent by the link, decided or not; None for none.
        asked: the requested address that is not confirmed yet; None for none.
        meeting: the facts about joining the registration's event online.
        resources: the material that was published about its event.
        side_event: the side event that a proposal became, as last published; None for any other registration, and
            before.
    """

    own: OwnRegistration
    form: FormView
    act: LinkAct | None
    asked: AskedAddress | None
    meeting: Meeting
    resources: Sequence[PublishedResource]
    side_event: PublicEvent | None = None


def show_own_page(work: UnitOfWork, token: str, form_view: Callable[[str], FormView], now: datetime) -> OwnPage:
    """Return everything that the page behind the managing link ``token`` shows.

    Raises:
        DomainError: ``not-found`` if it is unknown or has expired.
    """
    hash_ = hash_of_link(token, OWN)
    with work.snapshot() as connection:
        own, meeting = find_own(connection, hash_), find_meeting(connection, hash_)
        if own is None or meeting is None:
            raise DomainError("not-found")
        act = next(iter(acts_by_link(connection, hash_)), None)
        asked = find_asked_address(connection, hash_)
        resources = resources_of(connection, own.event_id) if own.event_id else ()
        event = _side_event(connection, own.proposal)
    return OwnPage(own, _own_form(own, event, form_view, now), act, asked, meeting, resources, event)


def show_own(
    work: UnitOfWork, token: str, form_view: Callable[[str], FormView], now: datetime
) -> tuple[OwnRegistration, FormView]:
    """Return the registration that the managing link ``token`` opens, and its form.

    Raises:
        DomainError: ``not-found`` if it is unknown or has expired.
    """
    with work.single_statement() as connection:
        own = find_own(connection, hash_of_link(token, OWN))
        if own is None:
            raise DomainError("not-found")
        event = _side_event(connection, own.proposal)
    return own, _own_form(own, event, form_view, now)


def show_own_history(
    work: UnitOfWork, token: str, form_view: Callable[[str], FormView], now: datetime
) -> tuple[OwnRegistration, FormView, Mapping[str, Any]]:
    """Return ``show_own``'s values, and dates, consent, readings, changes and messages of the registration.

    Raises:
        DomainError: ``not-found`` if the link is unknown or has expired.
    """
    hash_ = hash_of_link(token, OWN)
    with work.snapshot() as connection:
        own = find_own(connection, hash_)
        if own is None:
            raise DomainError("not-found")
        history, event = own_history(connection, hash_), _side_event(connection, own.proposal)
    return own, _own_form(own, event, form_view, now), history


def _side_event(connection: Connection, proposal: ProposalState | None) -> PublicEvent | None:
    """The side event that a proposal became, as last published; None before, and for any other registration."""
    if proposal is None or proposal.event_id is None:
        return None
    return find_public_event(connection, proposal.event_id)


def _own_form(
    own: OwnRegistration, event: PublicEvent | None, form_view: Callable[[str], FormView], now: datetime
) -> FormView:
    registration = own.person.registration
    return _live_form(registration.form, registration.status, own.changed_at, form_view, now, event)


def _live_form(
    slug: str,
    status: str,
    changed_at: datetime,
    form_view: Callable[[str], FormView],
    now: datetime,
    event: PublicEvent | None = None,
) -> FormView:
    """The form of a registration while its links are valid; all of them expire at the same time.

    The form of a proposal that became a side event is given with that ``event`` as its own.
    """
    view = form_view(slug)
    if event is not None:
        stored = replace(
            view.stored,
            event_id=event.id,
            event_texts=event.title.as_mapping,
            time_zone=event.time_zone,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            event_status=event.status,
            city=event.city,
        )
        view = replace(view, stored=stored)
    ends_at = _own_link_ends_at(view.stored.opening, status, view.stored.kept, changed_at)
    if ends_at is not None and ends_at <= now:
        raise DomainError("not-found")
    return view


def _own_link_ends_at(opening: Opening, status: str, kept: timedelta, changed_at: datetime) -> datetime | None:
    """Return when a person's own link expires; None while that is unknown.

    It is valid as long as there is something behind it to see or to undo: for an event until the data are erased;
    without one (a working group) while the registration is live, and then until the data are erased.

    Args:
        opening: the opening of the form.
        status: the status of the registration.
        kept: the time after the last day until people are erased.
        changed_at: when the registration last changed.
    """
    last = opening.ends_at or opening.starts_at
    if opening.needs_event:
        return last + kept if last is not None and opening.event_status != "postponed" else None
    return changed_at + kept if status == "cancelled" else None


def show_viewed(
    work: UnitOfWork, token: str, form_view: Callable[[str], FormView], now: datetime
) -> tuple[ViewedRegistration, FormView]:
    """Return what the read-only link ``token`` shows, and the form of the registration.

    Raises:
        DomainError: ``not-found`` if it is unknown or has expired.
    """
    with work.single_statement() as connection:
        found = find_viewed(connection, hash_of_link(token, VIEW))
        if found is None:
            raise DomainError("not-found")
        event = _side_event(connection, found.proposal)
    return found, _live_form(found.form, found.status, found.changed_at, form_view, now, event)


def show_meeting(
    work: UnitOfWork, token: str, form_view: Callable[[str], FormView], now: datetime, purpose: str = JOIN
) -> tuple[Meeting, FormView]:
    """Return the meeting of a registration, as it is now, and the form of the registration.

    Args:
        work: the unit of work on the service's database.
        token: the token of a link of the registration.
        form_view: a function that returns the form with a slug.
        purpose: the purpose of the link: ``JOIN`` or ``OWN``.

    Raises:
        DomainError: ``not-found`` if the link is unknown or has expired.
    """
    with work.single_statement() as connection:
        found = find_meeting(connection, hash_of_link(token, purpose))
    if found is None:
        raise DomainError("not-found")
    return found, _live_form(found.form, found.status, found.changed_at, form_view, now)


def ended_by(work: UnitOfWork, token: str) -> tuple[Result, str] | None:
    """Return the act that ended a managing link through the link itself, and the form.

    Cancelling, erasing, or requesting new links. Returns None for any other invalid link. Such a link never gives
    access to anything else.
    """
    hash_ = sent_hash(token, OWN)
    if hash_ is None:
        return None
    with work.single_statement() as connection:
        acts = acts_by_link(connection, hash_)
    results = [(act.result, act.form) for act in acts if act.result is not None]
    return next(((result, form) for result, form in results if result in ENDING), None)


def show_undo(work: UnitOfWork, token: str, now: datetime) -> tuple[UndoableChange | None, Sequence[LinkAct]]:
    """Return the change of address that an undo link can undo, if any, and the commands that were sent by the link.

    Raises:
        DomainError: ``not-found`` if the link is unknown, or expired unused.
    """
    hash_ = hash_of_link(token, UNDO_ADDRESS)
    with work.transaction() as connection:
        undoable, acts = find_undoable(connection, hash_, now), acts_by_link(connection, hash_)
    if undoable is None and not acts:
        raise DomainError("not-found")
    return undoable, acts


def hash_of_link(token: str, purpose: str) -> bytes:
    """Return the hash that identifies a link.

    Raises:
        DomainError: ``not-found``: this is no token.
    """
    found = sent_hash(token, purpose)
    if found is None:
        raise DomainError("not-found")
    return found
