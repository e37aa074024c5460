"""What an administrator fills in about an access, read and checked field by field."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from werkzeug.datastructures import MultiDict

from services.registration.access.model import Grant, faults_of, is_readable
from shared.i18n.languages import LANGUAGES
from shared.i18n.when import compact_day
from shared.public_forms.addresses import LONGEST_ADDRESS, normal_address
from shared.web.holders import LONGEST_NAME, ROLES


@dataclass(frozen=True, slots=True)
class Filled:
    """Attributes:
    name, email, language: of who is invited; empty where they are not asked.
    grant: to what.
    until_on: the last day, as it was typed.
    faults: by field; nothing may be done while there is one.
    """

    name: str
    email: str
    language: str
    grant: Grant
    until_on: str
    faults: Mapping[str, str]


def read_access(
    given: MultiDict[str, str], forms: Collection[str], now: datetime, *, asks_person: bool, asks_grant: bool = True
) -> Filled:
    """What was typed.

    Args:
        given: the fields.
        forms: slugs of the forms there are.
        now: the time.
        asks_person: whether name, address and language are asked.
        asks_grant: whether roles, forms and expiry are.
    """
    faults: dict[str, str] = {}
    name, email = " ".join(given.get("name", "").split()), given.get("email", "").strip()
    language = given.get("language", "en")
    if asks_person:
        if not name or len(name) > LONGEST_NAME or not is_readable(name):
            faults["name"] = "Give a name of one line."
        if language not in LANGUAGES:
            faults["language"] = "Choose one of the languages."
    if (asks_person or not asks_grant) and not _is_address(email):
        faults["email"] = "Give an e-mail address."
    until, grant = given.get("until", "").strip(), Grant(frozenset())
    if asks_grant:
        grant = _grant(given, until, faults, forms)
        faults |= {field: fault for field, fault in faults_of(grant, ROLES, now).items() if field not in faults}
    return Filled(name, email, language, grant, until, faults)


def _grant(given: MultiDict[str, str], until: str, faults: dict[str, str], forms: Collection[str]) -> Grant:
    chosen = frozenset(given.getlist("forms"))
    if not chosen <= set(forms):
        faults["forms"] = "Choose from the existing forms."
    try:
        end = end_of_day(until) if until else None
    except ValueError:
        end, faults["until"] = None, "Give a day, such as 2026-12-31."
    roles, partner = frozenset(given.getlist("roles")), given.get("partner", "").strip() or None
    limited = given.get("reach") == "some"
    if limited and not chosen:
        faults["forms"] = "Choose at least one form, or all of them."
    return Grant(roles, chosen if limited else None, partner, end)


def end_of_day(text: str) -> datetime:
    """The instant at which a day (``2026-12-31``, UTC) is over.

    Raises:
        ValueError: it is not a day.
    """
    return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=1)


def last_day(until: datetime | None) -> str:
    """The last day of an access, as :func:`end_of_day` reads it; empty without an end."""
    return "" if until is None else (until - timedelta(seconds=1)).astimezone(UTC).date().isoformat()


def last_day_text(until: datetime | None) -> str:
    """:func:`last_day` as a page shows it: ``Thu 31 Dec 2026``."""
    return "" if until is None else compact_day(date.fromisoformat(last_day(until)))


def _is_address(text: str) -> bool:
    if len(text) > LONGEST_ADDRESS:
        return False
    try:
        return bool(normal_address(text))
    except ValueError:
        return False
