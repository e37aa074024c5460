"""The filters of the list of registrations, from its address and back; what comes in is from outside."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from werkzeug.exceptions import BadRequest

from services.registration.forms.partner_store import Partner
from services.registration.forms.store import StoredForm
from services.registration.people.listing import read_registration_position
from services.registration.people.listing_store import PeopleFilter
from shared.contracts.registration import REGISTRATION_STATUSES
from shared.contracts.schemas import SLUG
from shared.core.errors import DomainError
from shared.public_forms.definition import parse_definition
from shared.public_forms.kinds.places import country_options
from shared.web.access import Holder
from shared.web.console import words
from shared.web.paging import position_in
from shared.web.query_parameters import lower_bound, unknown_parameter_advice, upper_bound

SLUGS = ("event", "form", "status", "working_group", "partner", "not_registered_for")
DAYS = ("since", "until")
NAMES = ("q", "event", "form", "status", "working_group", "partner", "country", *DAYS, "not_registered_for", "details")
PARAMETERS = frozenset({*NAMES, "cursor"})
FURTHER = ("working_group", "partner", "country", *DAYS, "not_registered_for", "details")
"""Filters that are folded away until one of them is set."""

DETAILS = {"missing": "Not given yet", "given": "Given"}
"""What is asked after the confirmation, in words."""

PLAIN = re.compile(r"[^\x00-\x1f\x7f]{1,100}")

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filters offer, each as (value, words); ``missing`` are ready-made questions as (address, words)."""

    forms: Pairs
    events: Pairs
    statuses: Pairs
    groups: Pairs
    partners: Pairs
    countries: Pairs
    details: Pairs
    missing: Pairs


def given_filters(arguments: Mapping[str, str]) -> dict[str, str]:
    """The filters that are set, as they came.

    Raises:
        BadRequest: one cannot be a value of its kind.
        DomainError: ``unknown-parameter``; ignoring a misspelt filter would show, or export, everybody.
    """
    for name in arguments:
        if name not in PARAMETERS:
            raise DomainError("unknown-parameter", f"{name}: {unknown_parameter_advice(name, NAMES)}")
    given = {name: value for name in NAMES if (value := arguments.get(name, "").strip())}
    if not all(_fits(name, value) for name, value in given.items()):
        raise BadRequest("unknown filter")
    return given


def to_filter(given: Mapping[str, str], who: Holder, cursor: str, most: int) -> PeopleFilter:
    """The filter for ``given``, limited to what ``who`` may see.

    Raises:
        BadRequest: not a cursor of this list.
    """
    days = {name: date.fromisoformat(given[name]) for name in DAYS if name in given}
    return PeopleFilter(
        **{name: value for name, value in given.items() if name not in DAYS},
        since=lower_bound(days.get("since")),
        until=upper_bound(days.get("until")),
        forms=who.forms,
        after=position_in(cursor, 1, read_registration_position) or "",
        most=most,
    )


def address(path: str, given: Mapping[str, str]) -> str:
    """``path`` with filters."""
    return f"{path}?{urlencode(given)}" if given else path


def choices_of(path: str, forms: list[StoredForm], groups: Mapping[str, str], partners: list[Partner]) -> Choices:
    """What can be chosen, given the forms that may be seen; nothing leads to any other."""
    titles = {form.slug: parse_definition(form.definition).title.in_language("en") for form in forms}
    events = {form.event_id: form.event_title or form.event_id for form in forms if form.event_id}
    missing = [
        (
            address(path, {"form": form.slug, "not_registered_for": form.attend}),
            f"{titles[form.slug]}: not registered for {events.get(form.attend, form.attend)}",
        )
        for form in forms
        if form.attend and (form.attend in events or form.attend in titles)
    ]
    return Choices(
        forms=tuple(titles.items()),
        events=tuple(sorted(events.items(), key=lambda event: event[1])),
        statuses=tuple((status, words.SEATS[status][0]) for status in REGISTRATION_STATUSES),
        groups=tuple(groups.items()),
        partners=tuple((partner.slug, partner.name) for partner in partners),
        countries=country_options("en"),
        details=tuple(DETAILS.items()),
        missing=tuple(missing),
    )


def _fits(name: str, value: str) -> bool:
    if name == "q":
        return PLAIN.fullmatch(value) is not None
    if name == "country":
        return re.fullmatch("[A-Z]{2}", value) is not None
    if name in DAYS:
        return _is_day(value)
    if name == "details":
        return value in DETAILS
    return re.fullmatch(SLUG, value) is not None


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
