"""What a coordinator has filled in, as a step of the event's life, or as faults at the fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from services.events.console.changing_words import ACTIONS, MODE_CHOICES, STATUS_CHOICES
from services.events.console.fields import cleaned
from services.events.domain.event import Event, EventStatus, Mode
from services.events.domain.local_time import to_local, to_utc
from services.events.usecases.steps import Step, StepWish, edit, step_of
from shared.core.errors import DomainError


@dataclass(frozen=True, slots=True)
class Filled:
    """Attributes:
    values: as they were typed, to be shown again.
    faults: a sentence by the name of its field; then there is no step.
    step: what to do.
    """

    values: Mapping[str, str]
    faults: Mapping[str, str]
    step: Step | None


def first_values(event: Event) -> dict[str, str]:
    """What the fields hold at first: the event as it is, or the date that a postponed one had."""
    starts_at, ends_at = event.starts_at or event.last_starts_at, event.ends_at or event.last_ends_at
    return {
        "starts": _typed(starts_at, event.time_zone),
        "ends": _typed(ends_at, event.time_zone),
        "status": "confirmed" if event.status is EventStatus.CONFIRMED else "tentative",
        "mode": str(event.mode),
        "city": event.city or "",
    }


def read_filled(action: str, event: Event, form: Mapping[str, str]) -> Filled:
    """``form`` read for ``action`` (one of ``ACTIONS``); local times are those of the event's own zone."""
    asked = ACTIONS[action].fields
    values = {name: cleaned(form.get(name, "")) for name in ("starts", "ends", "status", "mode", "city")}
    faults: dict[str, str] = {}
    if "mode" in asked:
        return _mode(event, values, faults)
    starts_at = moment_in("starts", values, event.time_zone, faults) if "date" in asked else None
    ends_at = moment_in("ends", values, event.time_zone, faults) if "date" in asked else None
    if starts_at and ends_at and starts_at >= ends_at:
        faults["ends"] = "The end must be later than the start."
    status = values["status"]
    if "status" in asked and status not in STATUS_CHOICES:
        faults["status"] = "Choose whether the date is confirmed."
    if faults:
        return Filled(values, faults, None)
    kept = event.status is EventStatus.DRAFT and action == "reschedule"
    chosen = EventStatus(status) if "status" in asked and not kept else None
    return Filled(values, {}, step_of(StepWish(name=action, starts_at=starts_at, ends_at=ends_at, status=chosen)))


def _mode(event: Event, values: dict[str, str], faults: dict[str, str]) -> Filled:
    mode, city = values["mode"], values["city"]
    if mode not in MODE_CHOICES:
        faults["mode"] = "Choose how people can attend."
    if len(city) > 200:
        faults["city"] = "At most 200 characters."
    if mode in (Mode.IN_PERSON, Mode.HYBRID) and not city and event.status is not EventStatus.DRAFT:
        faults["city"] = "Give the city: people attend in person."
    step = None if faults else edit({"mode": Mode(mode), "city": city or None})
    return Filled(values, faults, step)


def moment_in(name: str, values: Mapping[str, str], zone: str, faults: dict[str, str]) -> datetime | None:
    """The moment of the local time under ``name``; one that clocks skip or show twice is a fault, not a guess."""
    try:
        local = datetime.strptime(values[name], "%Y-%m-%dT%H:%M")  # noqa: DTZ007 - local, the zone is the event's
        return to_utc(local, zone)
    except ValueError:
        faults[name] = "Give a day and a time."
    except DomainError as error:
        faults[name] = f"{error.detail[0].upper()}{error.detail[1:]}."
    except OverflowError:
        faults[name] = "Give a date that exists."
    return None


def _typed(moment: datetime | None, zone: str) -> str:
    return "" if moment is None else f"{to_local(moment.astimezone(UTC), zone):%Y-%m-%dT%H:%M}"
