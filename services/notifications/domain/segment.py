"""A segment: whom a bulletin is for, by what registrations have in common. Parts are joined by AND, values by OR."""

import re
from collections.abc import Mapping, Sequence

from services.notifications.domain.kinds import ATTENDING, LIVE
from shared.core.errors import DomainError

SLUG = r"[a-z0-9]+(?:-[a-z0-9]+)*"
TAG = r"[^\s\x00-\x1f\x7f,](?:[^\x00-\x1f\x7f,]{0,38}[^\s\x00-\x1f\x7f,])?"
"""A short word of coordinators: at most 40 characters, without commas."""

COUNTRY = r"[A-Z]{2}"
LANGUAGE = r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*"
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
FORM_KINDS = (*ATTENDING, "working_group", "interest")
STATUSES = LIVE
"""Whoever has cancelled gets no bulletins."""

MODES = ("online", "in_person", "hybrid")
"""Of the event that a registration is for."""

PARTS: Mapping[str, str] = {
    "event": SLUG,
    "form": SLUG,
    "form_kind": "|".join(FORM_KINDS),
    "status": "|".join(STATUSES),
    "working_group": SLUG,
    "partner": SLUG,
    "country": COUNTRY,
    "language": LANGUAGE,
    "tag": TAG,
    "mode": "|".join(MODES),
    "not_registered_for": SLUG,
    "registration": UUID,
}
"""Parts with several values, each with the form of a value."""

REPRESENTATIVE = "representative"
"""The part with one value, True or False: whether somebody speaks for their working group."""

NAMES = (*PARTS, REPRESENTATIVE)
MAX_VALUES = 250
"""Of one part: as many as there are countries."""

MAX_REGISTRATIONS = 5000
"""That are chosen one by one; their ids fit into the body of one request."""

LONGEST_VALUE = 80

CHOOSES_FORMS = ("form", "form_kind", "registration")
"""Parts without which people on forms for proposals are left out: who proposes a side event is not asked to come."""

Segment = Mapping[str, Sequence[str] | bool]
"""Values by part; an empty one is everybody."""


def most_values(part: str) -> int:
    """How many values a part may have."""
    return MAX_REGISTRATIONS if part == "registration" else MAX_VALUES


def normal(segment: Segment) -> dict[str, list[str] | bool]:
    """The same segment in its one spelling: parts in their usual order, values sorted, none twice, no empty part.

    Raises:
        DomainError: ``bulletin-invalid``: a part or a value is none.
    """
    for part in segment:
        if part not in NAMES:
            raise _invalid(part)
    found: dict[str, list[str] | bool] = {part: _values(part, segment[part]) for part in PARTS if segment.get(part)}
    if REPRESENTATIVE in segment:
        if not isinstance(segment[REPRESENTATIVE], bool):
            raise _invalid(REPRESENTATIVE)
        found[REPRESENTATIVE] = bool(segment[REPRESENTATIVE])
    return found


def _values(part: str, values: Sequence[str] | bool) -> list[str]:
    if isinstance(values, (bool, str)) or len(values) > most_values(part):
        raise _invalid(part)
    if not all(len(value) <= LONGEST_VALUE and re.fullmatch(PARTS[part], value) for value in values):
        raise _invalid(part)
    return sorted(set(values))


def _invalid(part: str) -> DomainError:
    return DomainError("bulletin-invalid", f"no segment can be made of what is given as {part}"[:120])


def leaves_out_proposals(segment: Segment) -> bool:
    """Whether registrations on forms for proposals do not belong to it."""
    return not any(segment.get(part) for part in CHOOSES_FORMS)
