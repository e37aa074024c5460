"""Create an event, change it, or show whom a change would reach and what was planned around its date.

Other services are notified in the transaction that changes the event.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from services.events.attendance.model import ChangeAudience, audience_of, opens_remote
from services.events.attendance.numbers import count_people_on, registration_groups
from services.events.attendance.service import move_numbers
from services.events.event.lifecycle import EventStep, PublishedChange
from services.events.event.model import (
    EVERY_GROUP,
    MADE,
    Event,
    EventKind,
    EventStatus,
    Readers,
    state_tag,
    visible_difference,
)
from services.events.event.notices import Notice, NoticeState, event_before, has_ended, is_mailed, is_news
from services.events.event.records import form_exists, last_notice
from services.events.event.service import find_event, find_notice, record_change
from services.events.event.store import EventFilter, insert_event, lock_event, save_event, select_events
from services.events.network.messages import event_message
from services.events.network.store import all_hotels, all_series, all_working_groups
from services.events.rules import BrokenRule, enforce
from services.events.venue.model import (
    ANCHOR_KINDS,
    DEPENDENT_KINDS,
    Dependents,
    dependents_of,
    is_moved,
    left_behind,
    room_days_of,
)
from services.events.venue.store import all_rooms
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.vocabulary.form_kinds import notified_kinds

MAX_EVENTS = 1000
"""Of one kind; many times the side events of one review."""

ANY = "*"
"""In place of tags: accepts any state of the event."""


def dependents_of_change(connection: Connection, old: Event, new: Event) -> Dependents:
    """What was planned around ``old`` and must also move if it becomes ``new``."""
    if old.kind not in ANCHOR_KINDS or not is_moved(old, new):
        return Dependents()
    return dependents_of(old, _planned(connection))


def show_left_behind(work: UnitOfWork, now: datetime) -> tuple[tuple[Event, ...], Dependents]:
    """The reviews and Council sessions that are not over, and future events that are around none of their dates.

    Args:
        work: the unit of work on the database of events.
        now: aware.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        anchors = [event for kind in ANCHOR_KINDS for event in _events(connection, kind, not_over_at=now)]
        lost = left_behind(anchors, _planned(connection), now.date())
    return tuple(event for event in anchors if event.city and event.city.strip().casefold() in lost.cities), lost


def _planned(connection: Connection) -> Dependents:
    found = [event for kind in DEPENDENT_KINDS for event in _events(connection, kind)]
    by_start = sorted((event for event in found if event.starts_at), key=lambda event: (event.starts_at, event.id))
    hotels = tuple(all_hotels(connection))
    return Dependents(tuple(by_start), hotels, room_days_of(all_rooms(connection)))


def _events(connection: Connection, kind: EventKind, not_over_at: datetime | None = None) -> list[Event]:
    wanted = EventFilter(audience=Readers.COORDINATORS, kind=kind, not_over_at=not_over_at, limit=MAX_EVENTS)
    return select_events(connection, wanted)


@dataclass(frozen=True, slots=True)
class Changed:
    """The effect of a step, made or only tried.

    Attributes:
        event: the event after the step.
        change: kind of change that is published; ``none`` if participants see no difference.
        differs: the fields in which they see one.
        audience: who will be notified, also of earlier changes whose mails wait; no one if the change is ``none``, the
            event is announced or was held, only pages show the difference, or it was put back in time.
        notice: the mails about it; None if it causes none.
        dependents: what was planned around its date and does not move with it.
        past: ``new`` if it is to take place on a date that has passed; ``both`` if the former date has passed, too, so
            that no one gets a mail that people would get otherwise.
    """

    event: Event
    change: PublishedChange
    differs: tuple[str, ...]
    audience: ChangeAudience
    notice: Notice | None
    dependents: Dependents
    past: Literal["", "new", "both"] = ""


@dataclass(frozen=True, slots=True)
class EventAction:
    """What is done and by whom, for the event's history: the name of a step, and of a key."""

    name: str
    by: str


def create_event(work: UnitOfWork, clock: Clock, event: Event, by: str) -> Event:
    """Store a new event, a draft, so no one is notified. ``by`` is the name of a key, for its history.

    Raises:
        RulesBroken: it names a series, a working group or a form that does not exist.
        DomainError: ``event-transition``, it is no draft; ``already-exists``, there is an event with its id.
        Unavailable: the database is down.
    """
    if event.status is not EventStatus.DRAFT:
        raise DomainError("event-transition", "a new event is a draft; announce it afterwards")
    with work.transaction() as connection:
        _check_names(connection, event, None)
        now = clock()
        if not insert_event(connection, event, now):
            raise DomainError("already-exists", f"there is an event {event.id} already")
        move_numbers(connection, None, event)
        record_change(connection, MADE, by, None, event, now)
    return event


def change_event(
    work: UnitOfWork, clock: Clock, event_id: str, step: EventStep, seen: Collection[str], action: EventAction
) -> Changed:
    """Take ``step`` with an event and publish the change if participants see a difference.

    Args:
        work: the unit of work on the database of events.
        clock: time of the change.
        event_id: the id of the event.
        step: what to do with it.
        seen: tags (``state_tag``, or a revision alone) of the states that the caller may have seen, or ``ANY``.
        action: name of the step and of the key, for the history.

    Raises:
        DomainError: ``not-found``; ``edit-conflict``, the event is in none of the states ``seen``; what the step
            raises.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        find_event(connection, event_id, Readers.COORDINATORS)
        old = lock_event(connection, event_id)
        assert old is not None  # events are never deleted
        _require_seen(old, seen)
        now = clock()
        new = step(old, now)
        _check_names(connection, new, old)
        save_event(connection, new, now)
        move_numbers(connection, old, new)
        record_change(connection, action.name, action.by, old, new, now)
        outcome = _outcome(connection, old, new, now)
        if outcome.change != "none":
            outbox.add(connection, [event_message(outcome.change, new, now)])
    return outcome


def preview_change(
    work: UnitOfWork, clock: Clock, event_id: str, step: EventStep, seen: Collection[str] = (ANY,)
) -> Changed:
    """What ``change_event`` would do now, and whom it would reach. Changes nothing; raises what it would raise."""
    with work.transaction() as connection:
        old = find_event(connection, event_id, Readers.COORDINATORS)
        _require_seen(old, seen)
        now = clock()
        new = step(old, now)
        _check_names(connection, new, old)
        return _outcome(connection, old, new, now)


def _require_seen(event: Event, seen: Collection[str]) -> None:
    if not {ANY, state_tag(event), str(event.revision)} & set(seen):
        raise DomainError("edit-conflict", "the event was changed; read it again and repeat your change")


def _outcome(connection: Connection, old: Event, new: Event, now: datetime) -> Changed:
    change = _change(old, new)
    dependents = dependents_of_change(connection, old, new)
    if change == "none":
        return Changed(new, change, (), ChangeAudience(), None, dependents)
    differs, notice = visible_difference(old, new), find_notice(connection, old, new, now)
    silent = change == "changed" and is_news(old, new, differs) and not is_mailed(old, new, differs, now)
    past = "both" if silent else _past(new, now)
    return Changed(new, change, differs, _audience(connection, new, notice), notice, dependents, past)


def _audience(connection: Connection, event: Event, notice: Notice | None) -> ChangeAudience:
    groups = registration_groups(connection, event.id)
    if notice is None or not notice.fields:
        return audience_of(groups, [], 0)
    remote = opens_remote(event_before(notice, event), event)
    notified = sorted({group.form_kind for group in groups}.intersection(notified_kinds(remote=remote)))
    return audience_of(groups, notified, count_people_on(connection, event.id, notified))


def show_waiting_people(work: UnitOfWork, event: Event, now: datetime) -> int:
    """How many people will be notified of the changes of ``event`` whose mails wait at ``now`` (aware).

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        notice = last_notice(connection, event.id)
        if notice is None or notice.state(now) is not NoticeState.WAITING:
            return 0
        return _audience(connection, event, notice).people


def _past(new: Event, now: datetime) -> Literal["", "new"]:
    takes_place = new.status in (EventStatus.TENTATIVE, EventStatus.CONFIRMED)
    return "new" if takes_place and has_ended(new, now) else ""


def _change(old: Event, new: Event) -> Literal["published", "changed", "none"]:
    if new.status is EventStatus.DRAFT or new.revision == old.revision:
        return "none"
    return "published" if old.status is EventStatus.DRAFT else "changed"


def _check_names(connection: Connection, event: Event, old: Event | None) -> None:
    """The series and the working groups must exist, and so must a form that ``old`` does not name."""
    series = {known.id for known in all_series(connection)}
    groups = {known.id for known in all_working_groups(connection)}
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
    return is_new and not form_exists(connection, event.form or "")
