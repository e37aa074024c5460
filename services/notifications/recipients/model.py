"""A recipient without personal data, and segments: which recipients get a bulletin. Pure.

The parts of a segment are joined by AND, the values of a part by OR.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from services.notifications.mails.kinds import LIVE, SubjectState
from shared.runtime.errors import DomainError
from shared.vocabulary.form_kinds import FORM_KINDS

NO_BULLETINS = "the person has unsubscribed from bulletins"


PERSON_REF = r"^[0-9a-f]{64}\Z"


@dataclass(frozen=True, slots=True)
class Recipient:
    """The newest state of one subject, without personal data.

    Attributes:
        subject: id of the registration, confirmation link or former address.
        about: ``registration``, ``confirmation`` or ``former-address``.
        person_ref: reference of the person: 64 hex digits, the same for every subject of one address. For a
            confirmation link or a former address it is derived from the id only, so that it cannot be linked to
            anything.
        revision: the revision of the subject, from 1.
        occurred_at: time of this state, or of its link, aware. Of two states with one revision the later one counts.
        form: the form of a registration; None for other subjects.
        event: the form's event, or the side event that a proposal became; None without one.
        position: the place on the waiting list, from 1.
        verified: whether the owner of the address has confirmed it.
        attend: another event that people on the form should attend.
        decision: revision of the newest decision on a proposal, 0 before the first.
    """

    subject: str
    about: str
    person_ref: str
    language: str
    status: str
    revision: int
    occurred_at: datetime
    form: str | None
    form_kind: str
    event: str | None
    position: int | None = None
    working_group: str | None = None
    partner: str | None = None
    country: str | None = None
    verified: bool = False
    attend: str | None = None
    representative: bool = False
    decision: int = 0

    @property
    def state(self) -> SubjectState:
        """The state that decides whether mails are outdated."""
        return SubjectState(
            self.revision, self.status, person_ref=self.person_ref, event=self.event, decision=self.decision
        )


def reference_of_subject(about: str, subject: str) -> str:
    """Return the person reference of a link or a former address, derived from its id only."""
    return sha256(f"{about} {subject}".encode()).hexdigest()


SLUG = r"[a-z0-9]+(?:-[a-z0-9]+)*"
TAG = r"[^\s\x00-\x1f\x7f,](?:[^\x00-\x1f\x7f,]{0,38}[^\s\x00-\x1f\x7f,])?"
"""A tag of coordinators: at most 40 characters, without commas."""

COUNTRY = r"[A-Z]{2}"
LANGUAGE = r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*"
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
STATUSES = LIVE
"""People who have cancelled get no bulletins."""

MODES = ("online", "in_person", "hybrid")
"""Modes of the event of a registration."""

SEGMENT_PARTS: Mapping[str, str] = {
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
"""Parts with several values, each with the pattern of a value."""

REPRESENTATIVE = "representative"
"""The part with one value, True or False: whether a person represents their working group."""

SEGMENT_NAMES = (*SEGMENT_PARTS, REPRESENTATIVE)
MAX_VALUES = 250
"""Values of one part: as many as there are countries."""

MAX_REGISTRATIONS = 5000
"""Registrations that are selected one by one; their ids fit into one request body."""

MAX_VALUE_LENGTH = 80

CHOOSES_FORMS = ("form", "form_kind", "registration")
"""Without one of these parts, a segment leaves out people on forms for proposals: they are not asked to attend."""

Segment = Mapping[str, Sequence[str] | bool]
"""Values by part; an empty segment contains everyone."""


def max_values(part: str) -> int:
    """Return the maximum number of values of a part."""
    return MAX_REGISTRATIONS if part == "registration" else MAX_VALUES


def normalized(segment: Segment) -> dict[str, list[str] | bool]:
    """Return the segment in normal form: parts in a fixed order, values sorted and distinct, no empty part.

    Raises:
        DomainError: ``bulletin-invalid``: a part or a value is invalid.
    """
    for part in segment:
        if part not in SEGMENT_NAMES:
            raise _invalid(part)
    found: dict[str, list[str] | bool] = {
        part: _values(part, segment[part]) for part in SEGMENT_PARTS if segment.get(part)
    }
    if REPRESENTATIVE in segment:
        if not isinstance(segment[REPRESENTATIVE], bool):
            raise _invalid(REPRESENTATIVE)
        found[REPRESENTATIVE] = bool(segment[REPRESENTATIVE])
    return found


def _values(part: str, values: Sequence[str] | bool) -> list[str]:
    if isinstance(values, (bool, str)) or len(values) > max_values(part):
        raise _invalid(part)
    if not all(len(value) <= MAX_VALUE_LENGTH and re.fullmatch(SEGMENT_PARTS[part], value) for value in values):
        raise _invalid(part)
    return sorted(set(values))


def _invalid(part: str) -> DomainError:
    return DomainError("bulletin-invalid", f"the value of {part} is not valid for a segment"[:120])


def leaves_out_proposals(segment: Segment) -> bool:
    """Whether the segment leaves out registrations on forms for proposals."""
    return not any(segment.get(part) for part in CHOOSES_FORMS)
