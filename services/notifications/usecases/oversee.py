"""What coordinators look at before they write: where the mails stand, and whom they could write to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.notifications.domain.segment import Segment
from services.notifications.domain.states import STATES
from services.notifications.store.bulletins import last_zone
from services.notifications.store.choices import (
    Choices,
    FormName,
    choices,
    count_mails,
    names_of_forms,
    names_of_partners,
    titles_of_events,
    titles_of_groups,
)
from services.notifications.store.events import zones_of
from services.notifications.store.suppressions import count_suppressions
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class MailOverview:
    """Attributes:
    counts: number of mails by kind and by state.
    states: those in which there is any mail, in their usual order.
    suppressed: people who get no bulletins.
    """

    counts: dict[str, dict[str, int]]
    states: list[str]
    suppressed: int


def mail_overview(work: UnitOfWork) -> MailOverview:
    """Where all mails stand.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        rows, suppressed = count_mails(connection), count_suppressions(connection)
    counts: dict[str, dict[str, int]] = {}
    for kind, state, number in rows:
        counts.setdefault(kind, {})[state] = number
    present = {state for _kind, state, _number in rows}
    return MailOverview(counts, [state for state in STATES if state in present], suppressed)


def segment_choices(work: UnitOfWork) -> Choices:
    """What a segment can be made of.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return choices(connection)


@dataclass(frozen=True, slots=True)
class SegmentNames:
    """What the slugs in a segment are called: titles by part and slug, and names of forms by slug."""

    titles: Mapping[str, Mapping[str, str]]
    forms: Mapping[str, FormName]


def segment_names(work: UnitOfWork, segment: Segment) -> SegmentNames:
    """Find what the slugs in ``segment`` are called.

    Raises:
        Unavailable: the database is away.
    """
    events, groups = (_slugs(segment, *parts) for parts in (("event", "not_registered_for"), ("working_group",)))
    with work.transaction() as connection:
        event_titles, group_titles = titles_of_events(connection, events), titles_of_groups(connection, groups)
        forms = names_of_forms(connection, _slugs(segment, "form", "not_registered_for"))
        partners = names_of_partners(connection) if "partner" in segment else {}
    titles = {"event": event_titles, "not_registered_for": event_titles, "working_group": group_titles}
    titles["partner"] = partners
    return SegmentNames(titles, {one.form: one for one in forms})


def usual_zone(work: UnitOfWork, who: str, segment: Segment) -> str:
    """The IANA zone in which ``who`` probably means a time: the one chosen last, else that of the segment's events.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        last = last_zone(connection, who)
        zones = [last] if last else zones_of(connection, _slugs(segment, "event", "not_registered_for"))
    return zones[0] if len(zones) == 1 else "UTC"


def _slugs(segment: Segment, *parts: str) -> list[str]:
    values = (segment.get(part, ()) for part in parts)
    return [slug for value in values if not isinstance(value, bool) for slug in value]


def form_names(work: UnitOfWork, forms: Sequence[str]) -> list[FormName]:
    """Find by what people know these forms.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return names_of_forms(connection, forms)
