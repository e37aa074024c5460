"""What a coordinator has filled in about a form, as its settings or as faults at the fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from services.registration.domain.form_settings import FormSettings
from services.registration.store.forms import StoredForm, settings_of

MOST_SEATS = 1_000_000
LOCAL = "%Y-%m-%dT%H:%M"
FIELDS = ("capacity", "opens", "closes", "switch")


@dataclass(frozen=True, slots=True)
class Filled:
    """Attributes:
    values: as they were typed, to be shown again.
    faults: a sentence by the name of its field; then there are no settings.
    wanted: the settings.
    """

    values: Mapping[str, str]
    faults: Mapping[str, str]
    wanted: FormSettings | None


def zone_of(form: StoredForm) -> str:
    """The zone in which a form's hours are written: its event's, else UTC."""
    return form.time_zone or "UTC"


def first_values(form: StoredForm, settings: FormSettings | None = None) -> dict[str, str]:
    """What the fields hold for ``settings``, by default those in force."""
    shown = settings or settings_of(form)
    return {
        "capacity": "" if shown.capacity is None else str(shown.capacity),
        "opens": _typed(shown.opens_at, form),
        "closes": _typed(shown.closes_at, form),
        "switch": "on" if shown.open else "off",
    }


def read_filled(form: StoredForm, given: Mapping[str, str]) -> Filled:
    """``given`` read as settings; a moment that is left as it was shown stays as it is, to the second."""
    values = {name: given.get(name, "").strip() for name in FIELDS}
    faults: dict[str, str] = {}
    capacity = _capacity(values["capacity"], faults)
    opens_at = _moment("opens", values, form, form.opens_at, faults)
    closes_at = _moment("closes", values, form, form.closes_at, faults)
    if opens_at and closes_at and closes_at <= opens_at:
        faults["closes"] = "The form must close later than it opens."
    wanted = FormSettings(capacity, values["switch"] == "on", opens_at, closes_at)
    return Filled(values, faults, None if faults else wanted)


def _capacity(text: str, faults: dict[str, str]) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_SEATS)) and int(text) <= MOST_SEATS:
        return int(text)
    faults["capacity"] = f"Give a whole number from 0 to {MOST_SEATS:,}, or nothing for no limit."
    return None


def _moment(
    name: str, values: Mapping[str, str], form: StoredForm, before: datetime | None, faults: dict[str, str]
) -> datetime | None:
    """The moment of a local time; a time that clocks skip or show twice is a fault, not a guess."""
    if values[name] == _typed(before, form):
        return before
    if not values[name]:
        return None
    try:
        local = datetime.strptime(values[name], LOCAL)  # noqa: DTZ007 - local, the zone is the event's
        early, late = (local.replace(tzinfo=ZoneInfo(zone_of(form)), fold=fold) for fold in (0, 1))
        if early.astimezone(UTC) != late.astimezone(UTC):
            faults[name] = "Clocks change at that time. Give one that there is once."
        return early.astimezone(UTC)
    except (ValueError, OverflowError):
        faults[name] = "Give a day and a time, or nothing."
    return None


def _typed(moment: datetime | None, form: StoredForm) -> str:
    return "" if moment is None else f"{moment.astimezone(ZoneInfo(zone_of(form))):{LOCAL}}"
