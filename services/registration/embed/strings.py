"""The fixed texts of the pages, in six languages; a text that is missing in one is shown in English.

The time of an event is written as in mails and on the page of the programme.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.i18n.catalogue import Catalogue, listed
from shared.i18n.when import Period, time_lines

PAGE_TEXTS = Catalogue(Path(__file__).parent / "translations")
OUTCOMES = ("confirmed", "waitlisted", "full", "option-full", "closed", "check-your-mail")
"""What a receipt can show when a submission is decided."""

COUNTED = ("js.retry",)
"""Texts with a number in them: the script chooses the form by its CLDR category."""


def page_texts() -> Catalogue:
    """Return the catalogue of the pages in this folder."""
    return PAGE_TEXTS


def text_of_kind(key: str, form_kind: str, *, dated: bool = True, promotion_mode: str = "") -> str:
    """Return the key of the text that is true for a kind of form: its own, where the general one is not.

    Args:
        key: the key of the general text.
        form_kind: the kind of the form; joining a group and asking for a notification have no seat and no invitation.
        dated: whether the form's event has a date, without which there is no invitation.
        promotion_mode: the promotion mode of the form; where coordinators decide about each seat, no order is promised.
    """
    own = [f"{key}.{form_kind}", f"{key}.{promotion_mode}", *([] if dated else [f"{key}.undated"])]
    return next((name for name in own if name in page_texts().ids()), key)


@cache
def script_texts(
    language: str, form_kind: str, *, dated: bool, verification: str, promotion_mode: str = ""
) -> dict[str, str | dict[str, str]]:
    """Return the texts that the script of the framed page needs, by their names without the prefix ``js.``.

    Args:
        language: the language of the page.
        form_kind: the kind of the form, as for :func:`text_of_kind`; so are ``dated`` and ``promotion_mode``.
        verification: the verification of the form; the script shows outcomes of forms with ``none`` only.
    """
    texts = page_texts()
    keys = [key for key in texts.ids() if key.startswith("js.")]
    if verification == "none":
        keys += [f"outcome.{outcome}.{part}" for outcome in OUTCOMES for part in ("title", "message")] + ["late"]
    found: dict[str, str | dict[str, str]] = {
        key.removeprefix("js."): texts.text(
            text_of_kind(key, form_kind, dated=dated, promotion_mode=promotion_mode), language
        )
        for key in keys
        if key not in COUNTED
    }
    return found | {key.removeprefix("js."): texts.plural_forms(key, language) for key in COUNTED}


def submission_texts(language: str, verification: str) -> tuple[str, str]:
    """Return the texts for a stored submission: ``message`` confirms it, ``next`` states what follows.

    Args:
        language: the language of the person.
        verification: the verification of the form. Nothing else may change the texts: they never reveal who is
            registered.
    """
    texts = page_texts()
    return texts.text("received.title", language), texts.text(next_key(verification), language)


def next_key(verification: str) -> str:
    """Return the key of the text on what follows a submission on a form with this verification."""
    return "received.next.none" if verification == "none" else "received.next"


@dataclass(frozen=True, slots=True)
class EventTime:
    """When an event is; ``period`` is None while there is no date."""

    period: Period | None
    tentative: bool = False


def when_text(event_time: EventTime, language: str) -> str:
    """Return when an event is on one line, in its zone and in UTC.

    Raises:
        ZoneInfoNotFoundError: the event's zone is unknown.
    """
    if event_time.period is None:
        return page_texts().text("when.none", language)
    local, *utc = time_lines(event_time.period, language)
    return " · ".join((local.text, *(line.beside(local) for line in utc)))


def instant_text(event_time: EventTime, language: str) -> str:
    """Return an instant in words that fit into a sentence; raises as :func:`when_text`."""
    if event_time.period is None:
        return page_texts().text("when.none", language)
    local, *utc = time_lines(event_time.period, language)
    return listed((*local.parts, *(line.beside(local) for line in utc)), language)
