"""What anybody may know of a form, as the other services are told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FormFacts:
    """Attributes:
    id: its slug.
    event: slug of the event that it registers for; None for none.
    title: by language; the language "" is that of a title for all.
    open: the coordinators' switch.
    opens_at, closes_at: their hours; None for no bound.
    closes_hours_before: how long before the start of the event the guest list closes; 0 if it does not.
    """

    id: str
    revision: int
    kind: str
    event: str | None
    title: Mapping[str, str]
    open: bool
    opens_at: datetime | None
    closes_at: datetime | None
    closes_hours_before: int
