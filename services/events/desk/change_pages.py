"""Console pages that change an event in three steps.

Fill in, preview the audience, confirm. An action without fields starts at the second step. The texts of the actions are
here too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from services.console_words import changed_since_opened, language_name
from services.events.attendance.model import ChangeAudience
from services.events.console import MODES, cleaned
from services.events.desk.service import Changed, EventAction, change_event, preview_change
from services.events.event.lifecycle import EventStep, StepWish, edit, step_of
from services.events.event.model import EDITED, Event, EventStatus, Mode, Readers, state_tag
from services.events.event.service import show_event
from services.events.local_time import to_local, to_utc
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, needs, require_touch
from shared.runtime.clock import FIRST_YEAR, LAST_YEAR, Clock
from shared.runtime.errors import DomainError

DRAFT, TENTATIVE, CONFIRMED = EventStatus.DRAFT, EventStatus.TENTATIVE, EventStatus.CONFIRMED
POSTPONED, CANCELLED = EventStatus.POSTPONED, EventStatus.CANCELLED

STATUS_CHOICES: Mapping[str, str] = {"tentative": "Tentative: the date may change", "confirmed": "Confirmed"}

NO_ONE = "No one has to be notified."
PUT_BACK = "This undoes a change whose mails have not been made: no one is notified."
WAIT = "Mails are made one minute after the last change. If you undo the change before that, no one is notified."

RECORDED_AS = {"attendance": EDITED}
"""Name in the history of an action that is not a step of the event's life cycle."""


@dataclass(frozen=True, slots=True)
class Action:
    """One change that the page of an event offers.

    Attributes:
        button: the label of its button on the page of the event.
        title: the title of its confirmation page.
        explained: what it means for participants.
        confirm: the label of the button that does it.
        done: shown on the page of the event afterwards.
        possible: statuses of an event with which it can be done.
        fields: what has to be filled in first: any of ``date``, ``status``, ``mode``.
    """

    button: str
    title: str
    explained: str
    confirm: str
    done: str
    possible: frozenset[EventStatus]
    fields: tuple[str, ...] = ()


ACTIONS: Mapping[str, Action] = {
    "announce": Action(
        "Announce",
        "Announce the event",
        "It becomes public, with a tentative date.",
        "Announce the event",
        "The event is announced.",
        frozenset({DRAFT}),
    ),
    "confirm": Action(
        "Confirm the date",
        "Confirm the date",
        "The date is confirmed, and calendars no longer show it as tentative.",
        "Confirm the date",
        "The date is confirmed.",
        frozenset({TENTATIVE}),
    ),
    "reschedule": Action(
        "Change the date",
        "Change the date",
        "Calendars show the new date, and reminders are scheduled again.",
        "Change the date",
        "The date is changed.",
        frozenset({DRAFT, TENTATIVE, CONFIRMED, POSTPONED}),
        ("date", "status"),
    ),
    "attendance": Action(
        "Attendance mode",
        "Change the attendance mode",
        "People who asked for remote attendance get a mail when it becomes possible.",
        "Change the attendance mode",
        "The attendance mode is changed.",
        frozenset({DRAFT, TENTATIVE, CONFIRMED, POSTPONED}),
        ("mode",),
    ),
    "postpone": Action(
        "Postpone",
        "Postpone the event",
        "The event has no date until you set a new one, and is removed from calendars. The old date is kept on record.",
        "Postpone the event",
        "The event is postponed.",
        frozenset({TENTATIVE, CONFIRMED}),
    ),
    "cancel": Action(
        "Cancel",
        "Cancel the event",
        "The event does not take place and is removed from calendars. You can revive it later.",
        "Cancel the event",
        "The event is cancelled.",
        frozenset({TENTATIVE, CONFIRMED, POSTPONED}),
    ),
    "revive": Action(
        "Revive",
        "Revive the event",
        "The event takes place after all, on its old date.",
        "Revive the event",
        "The event is revived.",
        frozenset({CANCELLED}),
        ("status",),
    ),
    "hold": Action(
        "Mark as held",
        "Mark the event as held",
        "The event has taken place. Its date and its status cannot be changed any more.",
        "Mark the event as held",
        "The event is marked as held.",
        frozenset({CONFIRMED}),
    ),
}


def possible_actions(event: Event, now: datetime) -> Mapping[str, Action]:
    """Return the possible actions on ``event`` at ``now`` (aware), by name.

    Only an event that has begun can be held.
    """
    begun = event.starts_at is not None and event.starts_at <= now
    return {
        name: action
        for name, action in ACTIONS.items()
        if event.status in action.possible and (begun or name != "hold")
    }


def people_sentence(preview: Changed) -> str:
    """``47 people will be notified: 40 confirmed, 7 on the waiting list.``"""
    if preview.notice is not None and not preview.notice.fields:
        return PUT_BACK
    audience = preview.audience
    if not audience.people:
        return NO_ONE
    people = "1 person" if audience.people == 1 else f"{audience.people} people"
    parts = [
        f"{audience.by_status[status]} {words}"
        for status, words in (("confirmed", "confirmed"), ("waitlisted", "on the waiting list"))
        if audience.by_status.get(status)
    ]
    return f"{people} will be notified" + (f": {', '.join(parts)}." if parts else ".")


def languages_sentence(audience: ChangeAudience) -> str:
    """``Registrations by language: English 30, French 17.``; empty if there is no one."""
    parts = [f"{language_name(code)} {number}" for code, number in _largest_first(audience.by_language)]
    return f"Registrations by language: {', '.join(parts)}." if parts else ""


PAST = {
    "new": "The date after the change has passed.",
    "both": "The date has passed, before and after the change: no mails are sent.",
}
"""By ``Changed.past``."""


def _largest_first(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(numbers.items(), key=lambda entry: (-entry[1], entry[0]))


def form_kind_name(code: str) -> str:
    """A kind of form as people read it: ``Working group``."""
    return code.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class FilledStep:
    """Attributes:
    values: the values as they were typed, to be shown again.
    faults: a sentence by the name of its field; then there is no step.
    step: what to do.
    """

    values: Mapping[str, str]
    faults: Mapping[str, str]
    step: EventStep | None


def first_values(event: Event) -> dict[str, str]:
    """Initial values of the fields: those of the event, or the earlier date of a postponed one."""
    starts_at, ends_at = event.starts_at or event.last_starts_at, event.ends_at or event.last_ends_at
    return {
        "starts": _typed(starts_at, event.time_zone),
        "ends": _typed(ends_at, event.time_zone),
        "status": "confirmed" if event.status is EventStatus.CONFIRMED else "tentative",
        "mode": str(event.mode),
        "city": event.city or "",
    }


def read_filled(action: str, event: Event, form: Mapping[str, str]) -> FilledStep:
    """``form`` read for ``action`` (one of ``ACTIONS``); local times are those of the event's own zone."""
    fields = ACTIONS[action].fields
    values = {name: cleaned(form.get(name, "")) for name in ("starts", "ends", "status", "mode", "city")}
    faults: dict[str, str] = {}
    if "mode" in fields:
        return _mode(event, values, faults)
    starts_at = datetime_in("starts", values, event.time_zone, faults) if "date" in fields else None
    ends_at = datetime_in("ends", values, event.time_zone, faults) if "date" in fields else None
    if starts_at and ends_at and starts_at >= ends_at:
        faults["ends"] = "The end must be later than the start."
    status = values["status"]
    if "status" in fields and status not in STATUS_CHOICES:
        faults["status"] = "Choose whether the date is confirmed."
    if faults:
        return FilledStep(values, faults, None)
    kept = event.status is EventStatus.DRAFT and action == "reschedule"
    chosen = EventStatus(status) if "status" in fields and not kept else None
    return FilledStep(values, {}, step_of(StepWish(name=action, starts_at=starts_at, ends_at=ends_at, status=chosen)))


def _mode(event: Event, values: dict[str, str], faults: dict[str, str]) -> FilledStep:
    mode, city = values["mode"], values["city"]
    if mode not in MODES:
        faults["mode"] = "Choose how people can attend."
    if len(city) > 200:
        faults["city"] = "At most 200 characters."
    if mode in (Mode.IN_PERSON, Mode.HYBRID) and not city and event.status is not EventStatus.DRAFT:
        faults["city"] = "Enter the city: people attend in person."
    step = None if faults else edit({"mode": Mode(mode), "city": city or None})
    return FilledStep(values, faults, step)


def datetime_in(name: str, values: Mapping[str, str], zone: str, faults: dict[str, str]) -> datetime | None:
    """The datetime of the local time under ``name``; a time that clocks skip or show twice is a fault."""
    try:
        local = datetime.strptime(values[name], "%Y-%m-%dT%H:%M")  # noqa: DTZ007 - local, the zone is the event's
        if FIRST_YEAR <= local.year <= LAST_YEAR:
            return to_utc(local, zone)
        faults[name] = f"Enter a date in the years {FIRST_YEAR} to {LAST_YEAR}."
    except ValueError:
        faults[name] = "Enter a day and a time."
    except DomainError as error:
        faults[name] = f"{error.detail[0].upper()}{error.detail[1:]}."
    return None


def _typed(at: datetime | None, zone: str) -> str:
    return "" if at is None else f"{to_local(at.astimezone(UTC), zone):%Y-%m-%dT%H:%M}"


def add_changing(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console/events/<id>/change/<action>``."""

    @blueprint.get("/events/<event_id>/change/<action>")
    @needs("coordinator")
    def show_action(event_id: str, action: str) -> Response:
        event = _event(work, event_id, action)
        if ACTIONS[action].fields:
            return _page(event, action, FilledStep(first_values(event), {}, None), state_tag(event))
        return _preview_page(work, clock, event, action, read_filled(action, event, {}), state_tag(event))

    @blueprint.post("/events/<event_id>/change/<action>")
    @needs("coordinator")
    def submit_action(event_id: str, action: str) -> AnyResponse:
        event = _event(work, event_id, action)
        seen = request.form.get("seen", "")
        filled = read_filled(action, event, request.form)
        if filled.step is None:
            return _page(event, action, filled, seen, status=422)
        if seen != state_tag(event):
            return _page(event, action, filled, state_tag(event), notice=changed_since_opened("event"), status=412)
        if request.form.get("go") != "do":
            return _preview_page(work, clock, event, action, filled, seen)
        return _apply(work, clock, event, action, filled, seen)


def _event(work: UnitOfWork, event_id: str, action: str) -> Event:
    require_touch(event_id)
    if action not in ACTIONS:
        raise NotFound
    return show_event(work, event_id, Readers.COORDINATORS)


def _preview_page(work: UnitOfWork, clock: Clock, event: Event, action: str, filled: FilledStep, seen: str) -> Response:
    """Show the audience, or why the action is not possible."""
    assert filled.step is not None
    try:
        preview = preview_change(work, clock, event.id, filled.step)
    except DomainError as error:
        return _page(event, action, filled, seen, notice=f"This cannot be done: {error.detail}.", status=409)
    dependents = preview.dependents if holder().forms is None else preview.dependents.public_part
    return _page(event, action, filled, seen, preview=preview, dependents=dependents)


def _apply(work: UnitOfWork, clock: Clock, event: Event, action: str, filled: FilledStep, seen: str) -> AnyResponse:
    assert filled.step is not None
    try:
        change_event(
            work, clock, event.id, filled.step, {seen}, EventAction(RECORDED_AS.get(action, action), holder().name)
        )
    except DomainError as error:
        is_older = error.code == "edit-conflict"
        notice = changed_since_opened("event") if is_older else f"This cannot be done: {error.detail}."
        return _page(event, action, filled, seen, notice=notice, status=409)
    return redirect(f"/console/events/{event.id}?done={action}", 303)


def _page(event: Event, action: str, filled: FilledStep, seen: str, *, status: int = 200, **more: Any) -> Response:
    page = render_template(
        "events/change.html", event=event, name=action, action=ACTIONS[action], filled=filled, seen=seen, **more
    )
    return make_response(page, status)
