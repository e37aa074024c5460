"""Words for the state of a form, for what a change of it does to people, and for what was changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.console_words import utc_text
from services.registration.forms.changes import FormChangeLine, FormEffect
from services.registration.forms.model import SEAT_SETTINGS, FormSettings, differences
from shared.vocabulary.form_kinds import FORM_KINDS
from shared.vocabulary.promotion import WITH_OFFERS

KINDS = {name: kind.label for name, kind in FORM_KINDS.items()}
STATES = {
    "": ("Open", "good"),
    "closed": ("Closed", ""),
    "not-open": ("Not open yet", "mind"),
    "cancelled": ("Event cancelled", "wrong"),
    "postponed": ("Event postponed", "mind"),
    "begun": ("Event has begun", ""),
    "held": ("Event is over", ""),
    "guest-list-closed": ("Guest list closed", ""),
}
"""Word and tag style of a form by the reason why it is closed; empty while it is open."""

CLOSES = (
    "The form closes at once, and no one can register. "
    "People with a seat keep it. Submissions received before then can still be confirmed for a day."
)
HOURS = {"opens_at": "Opens", "closes_at": "Closes", "changes_until": "Answers can be changed until"}

SETTING_WORDS = {
    "questions": "Questions",
    "title": "Title",
    "intro": "Introduction",
    "kind": "Kind",
    "event": "Event",
    "attend": "Event that they should also attend",
    "verification": "Verification of addresses",
    "waiting_list": "Waiting list",
    "promotion_notice_minutes": "Last promotion, in minutes before the start",
    "open_until": "Open until",
    "closes_hours_before": "Guest list closes, in hours before the start",
    "people_per_address": "People per address",
    "person_days": "Days until people are erased",
    "keep_days": "Days until cancelled registrations are deleted",
    "controller": "Controller of the personal data",
    "contact": "Contact for questions about the data",
}
"""What publishing a draft changes."""

MODES = {
    "in-order": "The next person on the waiting list gets a free seat at once",
    "offers": "The next person on the waiting list is offered a free seat, and must accept it in time",
    "by-hand": "Coordinators decide who gets a free seat",
}
POOL_WORDS = {"working_group": "working group", "partner": "partner", "representative": "representatives"}
SEAT_WORDS = {
    "promotion_mode": "Promotion",
    "offer_hours": "Hours to accept an offer",
    "domain_percent": "Largest share of one mail domain, in percent",
    "reservations": "Reserved seats",
}

WITHHELD = {
    "reserved": "The remaining seats are reserved for others",
    "domain-share": "The share of their mail domain is used up",
    "by-hand": "Coordinators decide who gets a seat",
    "too-late": "It is too close to the start",
    "not-taking-place": "The event is not taking place",
}


def state_of(reason: str) -> tuple[str, str]:
    """Return word and tag style of a form that is closed for ``reason``."""
    return STATES.get(reason, ("Closed", ""))


def people(count: int) -> str:
    """``1 person``, ``2 people``."""
    return "1 person" if count == 1 else f"{count:,} people"


def effect_sentences(effect: FormEffect, wanted: FormSettings, partners: Mapping[str, str]) -> list[str]:
    """Effects of the change on people, in sentences; empty if there are none. ``partners``: names by slug."""
    lines = _about_seats(effect) if set(SEAT_SETTINGS) & set(effect.differs) else []
    if "join_minutes_before" in effect.differs:
        lines.append(f"People with a seat can join online from {before_start(wanted.join_minutes_before)}.")
    if "partners" in effect.differs:
        lines += _about_partners(effect.form.partners, wanted.partners, partners)
    return lines + _about_opening(effect, wanted) if effect.differs else []


def planned_sentences(before: FormSettings, wanted: FormSettings, partners: Mapping[str, str]) -> list[str]:
    """What would be changed, a sentence each. ``partners``: names by slug."""
    old, new = differences(before, wanted)
    return [_changed(name, old[name], new[name], partners) for name in new]


def change_sentences(line: FormChangeLine, partners: Mapping[str, str]) -> list[str]:
    """What was changed, a sentence each; of the first publication, with how many questions it was.

    ``partners``: names by slug.
    """
    if line.revision == 1:
        questions = len(line.after.get("questions", ()))
        return [f"Published for the first time, with {questions} {'question' if questions == 1 else 'questions'}."]
    lines = [_changed(name, line.before[name], line.after[name], partners) for name in line.after]
    return [*lines, f"{people(line.promoted)} of the waiting list got a seat."] if line.promoted else lines


def alarm_text(minutes: int | None) -> str:
    """When calendars alert people, in words."""
    if minutes is None:
        return "as set in people's calendars"
    return "at the start" if minutes == 0 else before_start(minutes)


def before_start(minutes: int) -> str:
    """``the start``, ``1 minute before the start``, ``15 minutes before the start``."""
    return f"{minutes:,} {'minute' if minutes == 1 else 'minutes'} before the start" if minutes else "the start"


def _about_seats(effect: FormEffect) -> list[str]:
    before, after, promoted = effect.form.seats, effect.seats, effect.promotion.count
    lines = []
    if promoted:
        first = "The first person" if promoted == 1 else f"The first {promoted:,} people"
        verb = "is" if promoted == 1 else "are"
        chosen = first if not after.pools else people(promoted)
        done = "offered a seat" if after.mode == WITH_OFFERS else "confirmed at once"
        lines.append(f"{chosen} of the waiting list {verb} {done} and notified by mail.")
    if before.waiting and not promoted and effect.promotion.withheld in WITHHELD:
        lines.append(f"{WITHHELD[effect.promotion.withheld]}, so no one on the waiting list gets a seat automatically.")
    elif after.waiting:
        lines.append(f"{people(after.waiting)} {'stays' if after.waiting == 1 else 'stay'} on the waiting list.")
    lines.append(_about_the_rest(effect))
    return lines


def _about_partners(before: Sequence[str], after: Sequence[str], names: Mapping[str, str]) -> list[str]:
    added = [names.get(partner, partner) for partner in after if partner not in before]
    gone = [names.get(partner, partner) for partner in before if partner not in after]
    lines = [f"Pages of {', '.join(added)} can show the form within seconds."] if added else []
    if gone:
        lines.append(f"Pages of {', '.join(gone)} can no longer show it.")
    return lines


def _about_the_rest(effect: FormEffect) -> str:
    seats = effect.seats
    if seats.capacity is None:
        return "There is no limit: everyone who registers gets a seat."
    beyond = seats.taken - seats.capacity
    if beyond > 0:
        return (
            f"No one loses a seat. {beyond:,} more {'is' if beyond == 1 else 'are'} taken than the new capacity, "
            "and no one else is confirmed until enough seats become free."
        )
    free, kept = seats.free or 0, min(seats.pools.kept, seats.left or 0)
    reserved = f", and {kept:,} reserved" if kept else ""
    short = seats.pools.kept - kept
    later = f" {short:,} more {'is' if short == 1 else 'are'} reserved as seats become free." if short else ""
    return f"{free:,} {'seat is' if free == 1 else 'seats are'} free then{reserved}.{later}"


def _about_opening(effect: FormEffect, wanted: FormSettings) -> list[str]:
    before, after = effect.reason_before, effect.reason_after
    lines = []
    if before and not after:
        lines.append("The form opens at once, and people can register.")
    elif after and not before:
        lines.append(CLOSES)
    elif after and set(effect.differs) - {
        "alarm_minutes",
        "join_minutes_before",
        "partners",
        "offer_hours",
        *SEAT_SETTINGS,
    }:
        lines.append(f"The form stays closed ({state_of(after)[0].lower()}).")
    if after == "not-open" and wanted.open and wanted.opens_at and "opens_at" in effect.differs:
        lines.append(f"It opens automatically on {utc_text(wanted.opens_at)}.")
    if not after and wanted.closes_at and "closes_at" in effect.differs:
        lines.append(f"It closes automatically on {utc_text(wanted.closes_at)}.")
    return lines


def _changed(name: str, before: Any, after: Any, partners: Mapping[str, str]) -> str:
    if name == "open":
        return "Opened." if after else "Closed."
    if name == "capacity":
        return f"Seats: {_number(before)} → {_number(after)}."
    if name == "alarm_minutes":
        return f"Calendar alarm: {alarm_text(before)} → {alarm_text(after)}."
    if name == "join_minutes_before":
        return f"Joining online opens: {alarm_text(before)} → {alarm_text(after)}."
    if name in SETTING_WORDS:
        return _setting_changed(name, before, after)
    if name in SEAT_WORDS:
        return f"{SEAT_WORDS[name]}: {_seat_value(name, before)} → {_seat_value(name, after)}."
    if name == "partners":
        old, new = (", ".join(partners.get(slug, slug) for slug in slugs) or "no partner" for slugs in (before, after))
        return f"Shown by: {old} → {new}."
    return f"{HOURS[name]}: {_when(before)} → {_when(after)}."


def _setting_changed(name: str, before: Any, after: Any) -> str:
    word = SETTING_WORDS[name]
    if name == "questions":
        added, removed = [item for item in after if item not in before], [item for item in before if item not in after]
        parts = [f"added {', '.join(added)}"] if added else []
        parts += [f"removed {', '.join(removed)}"] if removed else []
        return f"{word}: {'; '.join(parts) or 'changed'}."
    if isinstance(before, dict) or isinstance(after, dict) or name in ("title", "intro"):
        return f"{word}: changed."
    return f"{word}: {_value_text(before)} → {_value_text(after)}."


def _value_text(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def reservation_text(kept: Mapping[str, Any]) -> str:
    """``5 for working group health until …``."""
    who = POOL_WORDS[kept["reserved_for"]] + (f" {kept['value']}" if kept["value"] else "")
    return f"{kept['seats']:,} for {who}" + (f" until {_when(kept['until'])}" if kept["until"] else "")


def _seat_value(name: str, value: Any) -> str:
    if name == "reservations":
        return "; ".join(reservation_text(reservation) for reservation in value) or "none"
    return MODES[value].lower() if name == "promotion_mode" else _value_text(value)


def _number(capacity: int | None) -> str:
    return "no limit" if capacity is None else f"{capacity:,}"


def _when(text: str | None) -> str:
    return "not set" if text is None else utc_text(datetime.fromisoformat(text))
