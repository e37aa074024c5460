"""The form in which a bulletin is written: empty, for a segment from a link, as somebody sent it in, or as a draft."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Response, make_response, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from services.notifications.console import wording
from services.notifications.domain.bulletin import LANGUAGES, LONGEST_SUBJECT, LONGEST_TEXT, Texts
from services.notifications.domain.segment import NAMES, PARTS, REPRESENTATIVE, Segment, normal
from services.notifications.store.bulletins import Bulletin
from services.notifications.store.choices import Choices
from services.notifications.usecases.oversee import form_names, segment_choices
from shared.core.errors import DomainError
from shared.i18n.languages import direction
from shared.store.unit_of_work import UnitOfWork
from shared.web.console.words import country_name, language_name
from shared.web.headers import personal

REGISTRATION = "registration"
ABOUT = "about"
"""Parameter of a link: the event that the bulletin is about, where the segment does not say it."""

YES_OR_NO = {"yes": True, "no": False}
Options = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Given:
    """What stands in the form.

    Attributes:
        values: by part of the segment.
        representative: ``yes``, ``no`` or empty.
        texts: by name of field, ``subject-en``.
        revision: of the draft that is changed, as text.
    """

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    representative: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    revision: str = ""

    @property
    def segment(self) -> dict[str, list[str] | bool]:
        """The segment, not checked."""
        found: dict[str, list[str] | bool] = {part: list(values) for part, values in self.values.items()}
        if self.representative in YES_OR_NO:
            found[REPRESENTATIVE] = YES_OR_NO[self.representative]
        return found


def given_in(form: "MultiDict[str, str]") -> Given:
    """What was sent in. Registrations come in one field, parted by spaces: there may be thousands of them."""
    values = {part: found for part in PARTS if (found := [value for value in form.getlist(part) if value])}
    if REGISTRATION in values:
        values[REGISTRATION] = " ".join(values[REGISTRATION]).split()
    texts = {name: value for name, value in form.items() if name.startswith(("subject-", "text-"))}
    return Given(values, form.get(REPRESENTATIVE, ""), texts, form.get("revision", ""))


def given_by_link() -> Given:
    """A segment in the address: how lists of other services lead here.

    Raises:
        BadRequest: a part or a value is none.
        DomainError: ``unknown-parameter``: ignoring a part would make the segment larger.
    """
    for name in request.args:
        if name not in (*NAMES, ABOUT):
            raise DomainError("unknown-parameter", f"{name} is not a filter of a segment")
    return _checked(given_in(request.args))


def with_subject(work: UnitOfWork, given: Given, about: str) -> Given:
    """``given`` with the title of an event as its subject: the one named ``about``, or the only one of the segment."""
    named = {value for part in ("event", "not_registered_for") for value in given.values.get(part, ())}
    event = about or (named.pop() if len(named) == 1 else "")
    title = dict(segment_choices(work).events).get(event, "") if event else ""
    return replace(given, texts={"subject-en": title[:LONGEST_SUBJECT]}) if title else given


def given_by_list() -> Given:
    """Registrations that another page hands over: chosen one by one, or found by what no segment can say.

    Raises:
        BadRequest: one is none, or they are too many.
    """
    marked = [value.partition(":")[0] for value in request.form.getlist("marked")]
    ids = [*marked, *request.form.get(REGISTRATION, "").split()]
    return _checked(Given({REGISTRATION: ids} if ids else {}))


def _checked(given: Given) -> Given:
    try:
        normal(given.segment)
    except DomainError as error:
        raise BadRequest(error.detail) from None
    return given


def given_of(bulletin: Bulletin) -> Given:
    """What the form shows of a draft."""
    texts = {f"{name}-{language}": content[name] for language, content in bulletin.texts.items() for name in content}
    values = {part: value for part, value in bulletin.segment.items() if not isinstance(value, bool)}
    speaks = next((word for word, value in YES_OR_NO.items() if bulletin.segment.get(REPRESENTATIVE) is value), "")
    return Given(values, speaks, texts, str(bulletin.revision))


def texts_of(given: Given) -> Texts:
    """The languages that somebody wrote something in; English in any case."""
    texts = {}
    for language in LANGUAGES:
        subject = given.texts.get(f"subject-{language}", "").strip()
        content = given.texts.get(f"text-{language}", "").replace("\r\n", "\n").strip()
        if subject or content or language == "en":
            texts[language] = {"subject": subject, "text": content}
    return texts


def form_page(
    work: UnitOfWork, given: Given, *, draft: Bulletin | None = None, fault: str | None = None, status: int = 422
) -> Response:
    """The page.

    Args:
        work: on the service's database.
        given: what stands in it.
        draft: that is changed; None for a new one.
        fault: why it was not stored.
        status: if there is a fault.
    """
    choices = segment_choices(work)
    forms = wording.form_choices(form_names(work, choices.used["form"]))
    page = render_template(
        "mail/new.html",
        options=_options(choices, forms, given),
        given=given,
        draft=draft,
        fault=fault,
        languages=LANGUAGES,
        direction=direction,
        longest=(LONGEST_SUBJECT, LONGEST_TEXT),
    )
    return personal(make_response(page, status if fault else 200))


def _options(choices: Choices, forms: Options, given: Given) -> dict[str, Options]:
    """What can be chosen by part: first what is chosen, which can be kept if it is not known any more."""
    offered: dict[str, Options] = {
        "event": choices.events,
        "not_registered_for": [*choices.events, *forms],
        "working_group": choices.groups,
        "form": forms,
        "form_kind": list(wording.FORM_KINDS.items()),
        "status": list(wording.STATUSES.items()),
        "partner": wording.partner_choices(choices.used["partner"], choices.partners),
        "country": _named(choices.used["country"], country_name),
        "language": _named(choices.used["language"], language_name),
        "tag": _named(choices.used["tag"], str),
        "mode": list(wording.MODES.items()),
    }
    return {part: _chosen_first(dict(options), given.values.get(part, ())) for part, options in offered.items()}


def _chosen_first(options: Mapping[str, str], chosen: Sequence[str]) -> Options:
    first = sorted(((value, options.get(value, value)) for value in chosen), key=lambda pair: pair[1])
    return [*first, *((value, text) for value, text in options.items() if value not in chosen)]


def _named(values: Sequence[str], name: Callable[[str], str]) -> Options:
    """Values with what they are called, in that order."""
    return sorted(((value, name(value)) for value in values), key=lambda pair: pair[1])


def segment_lines(segment: Segment, names: Any) -> list[tuple[str, str]]:
    """A segment in words: label and values of each part."""
    return [(wording.SEGMENT[part], wording.segment_value(part, value, names)) for part, value in segment.items()]
