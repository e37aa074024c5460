"""When a form's event is, in the words that its mails and its page of the programme use too."""

from dataclasses import dataclass

from services.registration.embed.strings import page_texts
from shared.i18n.phrases import listed
from shared.i18n.when import Period, time_lines


@dataclass(frozen=True, slots=True)
class EventTime:
    """When an event is; ``period`` is None while there is no date."""

    period: Period | None
    tentative: bool = False


def when_text(moment: EventTime, language: str) -> str:
    """Return when an event is on one line, in its zone and in UTC.

    Raises:
        ZoneInfoNotFoundError: the event's zone is unknown.
    """
    if moment.period is None:
        return page_texts().text("when.none", language)
    local, *utc = time_lines(moment.period, language)
    return " · ".join((local.text, *(line.beside(local) for line in utc)))


def instant_text(moment: EventTime, language: str) -> str:
    """Return an instant in words that can stand in a sentence; raises as :func:`when_text`."""
    if moment.period is None:
        return page_texts().text("when.none", language)
    local, *utc = time_lines(moment.period, language)
    return listed((*local.parts, *(line.beside(local) for line in utc)), language)
