"""The form in which a bulletin is written: empty, as somebody sent it in, or as the draft stands."""

from collections.abc import Callable, Mapping, Sequence

from flask import Response, make_response, render_template, request

from services.notifications.console.wording import form_choices
from services.notifications.domain.bulletin import LANGUAGES, LONGEST_SUBJECT, LONGEST_TEXT, SEGMENT
from services.notifications.store.bulletins import Bulletin
from services.notifications.usecases.oversee import form_names, segment_choices
from shared.store.unit_of_work import UnitOfWork
from shared.web.headers import personal


def form_page(
    work: UnitOfWork,
    given: Mapping[str, str],
    *,
    draft: Bulletin | None = None,
    fault: str | None = None,
    status: int = 422,
) -> Response:
    """The page.

    Args:
        work: on the service's database.
        given: values by name of field.
        draft: that is changed; None for a new one.
        fault: why it was not stored.
        status: if there is a fault.
    """
    choices = segment_choices(work)
    page = render_template(
        "mail/new.html",
        choices=choices,
        forms=form_choices(form_names(work, choices.used["form"])),
        given=given,
        draft=draft,
        fault=fault,
        languages=LANGUAGES,
        longest=(LONGEST_SUBJECT, LONGEST_TEXT),
        named=_named,
    )
    response = personal(make_response(page))
    response.status_code = status if fault else 200
    return response


def values_of(bulletin: Bulletin) -> dict[str, str]:
    """What the form shows of a draft."""
    values = dict(bulletin.segment)
    for language, content in bulletin.texts.items():
        values |= {f"{name}-{language}": content[name] for name in ("subject", "text")}
    return values


def segment_given() -> dict[str, str]:
    """The segment in the request."""
    return {name: value for name in SEGMENT if (value := request.form.get(name, "").strip())}


def texts_given() -> dict[str, dict[str, str]]:
    """The languages that somebody wrote something in; English in any case."""
    texts = {}
    for language in LANGUAGES:
        subject = request.form.get(f"subject-{language}", "").strip()
        content = request.form.get(f"text-{language}", "").replace("\r\n", "\n").strip()
        if subject or content or language == "en":
            texts[language] = {"subject": subject, "text": content}
    return texts


def _named(values: Sequence[str], name: Callable[[str], str] = str) -> list[tuple[str, str]]:
    """Values with what they are called, in that order."""
    return sorted(((value, name(value)) for value in values), key=lambda pair: pair[1])
