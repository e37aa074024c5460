"""What coordinators look at before they write: where the mails stand, and whom they could write to."""

from dataclasses import dataclass

from services.notifications.domain.states import STATES
from services.notifications.store.bulletins import count_suppressions
from services.notifications.store.choices import Choices, choices, count_mails
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
