"""What coordinators look at before they write: where the mails stand, and whom they could write to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.notifications.domain.bulletin import TITLED
from services.notifications.domain.states import STATES
from services.notifications.store.bulletins import count_suppressions
from services.notifications.store.choices import (
    Choices,
    FormName,
    choices,
    count_mails,
    names_of_forms,
    titles_of,
)
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
    """What the slugs in a segment are called: titles by part of the segment, and the form's name, if it names one."""

    titles: Mapping[str, str]
    form: FormName | None


def segment_names(work: UnitOfWork, segment: Mapping[str, str]) -> SegmentNames:
    """Find what the slugs in ``segment`` are called.

    Raises:
        Unavailable: the database is away.
    """
    slugs = {name: segment[name] for name in TITLED if name in segment}
    with work.transaction() as connection:
        titles = titles_of(connection, list(slugs.values()))
        forms = names_of_forms(connection, [segment["form"]]) if "form" in segment else []
    known = {name: titles[slug] for name, slug in slugs.items() if slug in titles}
    return SegmentNames(known, forms[0] if forms else None)


def form_names(work: UnitOfWork, forms: Sequence[str]) -> list[FormName]:
    """Find by what people know these forms.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return names_of_forms(connection, forms)
