"""Make an event, change it, or show whom a change would reach. Others are told in the transaction that changes it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from services.events.domain.attendance import INTEREST, NOT_TOLD, Audience, audience_of, is_mailed, opens_remote
from services.events.domain.dependents import Dependents
from services.events.domain.event import EVERY_GROUP, Event, EventStatus
from services.events.domain.event_change import MADE
from services.events.domain.merging import Change
from services.events.domain.revision import state_tag, visible_difference
from services.events.domain.rules import BrokenRule, enforce
from services.events.outgoing import event_message
from services.events.store import audiences, events, forms, network
from services.events.store.events import Audience as Readers
from services.events.usecases.event_history import keep_change
from services.events.usecases.finding import find_event
from services.events.usecases.move_numbers import move_numbers
from services.events.usecases.planned_around import dependents_of_change
from services.events.usecases.steps import Step
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork

ANY = "*"
"""As a tag that was seen: whatever the event is now."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a step did or would do.

    Attributes:
        event: as it is afterwards.
        change: what the other services are told; ``none`` if participants see no difference.
        differs: the fields in which they see one.
        audience: who is notified; nobody if the change is ``none``, the event is announced or was held, or only
            pages show the difference.
        dependents: what was planned around its date and does not move with it.
    """

    event: Event
    change: Change
    differs: tuple[str, ...]
    audience: Audience
    dependents: Dependents


@dataclass(frozen=True, slots=True)
class Deed:
    """What is done and by whom, for the event's history: the name of a step, and of a key."""

    name: str
    by: str


def create_event(work: UnitOfWork, clock: Clock, event: Event, by: str) -> Event:
    """Store a new event, which is a draft: nobody is told of it. ``by`` is the name of a key, for its history.

    Raises:
        RulesBroken: it names a series, a working group or a form that does not exist.
        DomainError: ``event-transition``, it is no draft; ``already-exists``, there is an event with its id.
        Unavailable: the database is away.
    """
    if event.status is not EventStatus.DRAFT:
        raise DomainError("event-transition", "a new event is a draft; announce it afterwards")
    with work.transaction() as connection:
        _check_names(connection, event, None)
        now = clock()
        if not events.add(connection, event, now):
            raise DomainError("already-exists", f"there is an event {event.id} already")
        move_numbers(connection, None, event)
        keep_change(connection, MADE, by, None, event, now)
    return event


def change_event(
    work: UnitOfWork, clock: Clock, event_id: str, step: Step, seen: Collection[str], deed: Deed
) -> Changed:
    """Take ``step`` with an event and tell the others, if a participant sees a difference.

    Args:
        work: on the database of events.
        clock: tells when it became so.
        event_id: of the event.
        step: what to do with it.
        seen: tags (``state_tag``, or a revision alone) of the states that the caller may have seen, or ``ANY``.
        deed: how the history calls the step, and whose it is.

    Raises:
        DomainError: ``not-found``; ``changed-meanwhile``, the event is in none of the states ``seen``; what the step
            says no with.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        find_event(connection, event_id, Readers.COORDINATORS)
        old = events.find_for_change(connection, event_id)
        assert old is not None  # events are never deleted
        _require_seen(old, seen)
        now = clock()
        new = step(old, now)
        _check_names(connection, new, old)
        events.save(connection, new, now)
        move_numbers(connection, old, new)
        keep_change(connection, deed.name, deed.by, old, new, now)
        outcome = _outcome(connection, old, new)
        if outcome.change != "none":
            outbox.add(connection, [event_message(outcome.change, new, now)])
    return outcome


def preview_change(work: UnitOfWork, clock: Clock, event_id: str, step: Step) -> Changed:
    """What ``change_event`` would do now, and whom it would reach. Changes nothing.

    Raises:
        DomainError: ``not-found``; what the step says no with.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        old = find_event(connection, event_id, Readers.COORDINATORS)
        new = step(old, clock())
        _check_names(connection, new, old)
        return _outcome(connection, old, new)


def _require_seen(event: Event, seen: Collection[str]) -> None:
    if not {ANY, state_tag(event), str(event.revision)} & set(seen):
        raise DomainError("changed-meanwhile", "the event was changed; read it again and repeat your change")


def _outcome(connection: Connection, old: Event, new: Event) -> Changed:
    change = _change(old, new)
    dependents = dependents_of_change(connection, old, new)
    if change == "none":
        return Changed(new, change, (), Audience(), dependents)
    groups = audiences.groups_of(connection, new.id)
    silent = [kind for kind in NOT_TOLD if not (kind == INTEREST and opens_remote(old, new))]
    differs = visible_difference(old, new)
    mailed = change == "changed" and is_mailed(old, new, differs)
    told = sorted({group.form_kind for group in groups}.difference(silent)) if mailed else []
    audience = audience_of(groups, told, audiences.people_on(connection, new.id, told))
    return Changed(new, change, differs, audience, dependents)


def _change(old: Event, new: Event) -> Literal["published", "changed", "none"]:
    if new.status is EventStatus.DRAFT or new.revision == old.revision:
        return "none"
    return "published" if old.status is EventStatus.DRAFT else "changed"


def _check_names(connection: Connection, event: Event, old: Event | None) -> None:
    """The series and the working groups must exist, and so must a form that ``old`` does not name."""
    series = {known.id for known in network.all_series(connection)}
    groups = {known.id for known in network.all_working_groups(connection)}
    unknown = [group for group in event.asked_groups if group != EVERY_GROUP and group not in groups]
    wrong_series = event.series is not None and event.series not in series
    enforce(
        (
            BrokenRule("series", "unknown-series", "must be a series that exists") if wrong_series else None,
            BrokenRule("form", "unknown-form", "must be a form that exists")
            if _has_unknown_form(connection, event, old)
            else None,
            BrokenRule("asked_groups", "unknown-group", f"there is no group {unknown[0]}") if unknown else None,
        )
    )


def _has_unknown_form(connection: Connection, event: Event, old: Event | None) -> bool:
    is_new = event.form is not None and (old is None or old.form != event.form)
    return is_new and not forms.is_known(connection, event.form or "")
