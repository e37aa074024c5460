"""The form of a draft: empty, with a segment from a link, as submitted, or as stored."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flask import Response, make_response, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from services.console_words import country_name, language_name
from services.notifications.bulletins.model import MAX_SUBJECT_LENGTH, MAX_TEXT_LENGTH, Texts
from services.notifications.bulletins.segments import (
    FormName,
    SegmentChoices,
    SegmentNames,
    form_names,
    segment_choices,
)
from services.notifications.bulletins.store import Bulletin
from services.notifications.recipients.model import REPRESENTATIVE, SEGMENT_NAMES, SEGMENT_PARTS, Segment, normalized
from shared.db.unit_of_work import UnitOfWork
from shared.http.headers import personal
from shared.i18n.languages import LANGUAGES, direction
from shared.runtime.errors import DomainError
from shared.vocabulary.form_kinds import FORM_KINDS

REGISTRATION = "registration"
ABOUT = "about"
"""Parameter of a link: the event of the bulletin, if the segment does not contain it."""

YES_OR_NO = {"yes": True, "no": False}
Options = list[tuple[str, str]]

SEGMENT_WORDS: Mapping[str, str] = {
    "event": "Registered for",
    "not_registered_for": "Not registered for",
    "working_group": "Working group",
    "representative": "Representative",
    "form_kind": "Kind of form",
    "form": "Form",
    "status": "Status",
    "partner": "Partner",
    "country": "Country",
    "language": "Language",
    "tag": "Tag",
    "mode": "Event takes place",
    "registration": "Chosen one by one",
}

STATUS_WORDS: Mapping[str, str] = {"confirmed": "Confirmed", "waitlisted": "Waiting list"}
MODE_WORDS: Mapping[str, str] = {"online": "Online", "in_person": "In person", "hybrid": "Both online and in person"}

FORM_KIND_WORDS: Mapping[str, str] = {name: kind.audience for name, kind in FORM_KINDS.items()}


def form_title(name: FormName) -> str:
    """Return the name of a form, such as ``UPR Webinar Wednesday #10 (webinar)``; without an event its kind."""
    kind = FORM_KIND_WORDS.get(name.kind, name.kind)
    return f"{name.event_title} ({kind.lower()})" if name.event_title else kind


def form_choices(names: Sequence[FormName]) -> list[tuple[str, str]]:
    """Return slug and name of each form, by name; the slug is added if two forms have the same name."""
    titles = [form_title(name) for name in names]
    often = Counter(titles)
    pairs = ((name.form, title) for name, title in zip(names, titles, strict=True))
    return sorted(
        ((slug, f"{title}: {slug}" if often[title] > 1 else title) for slug, title in pairs), key=lambda pair: pair[1]
    )


def partner_choices(slugs: Sequence[str], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return slug and name of each partner, by name; the slug is added if two partners have the same name."""
    titles = {slug: names.get(slug, slug) for slug in slugs}
    often = Counter(titles.values())
    shown = ((slug, f"{title}: {slug}" if often[title] > 1 else title) for slug, title in titles.items())
    return sorted(shown, key=lambda pair: pair[1].casefold())


def segment_value(part: str, value: Sequence[str] | bool, names: SegmentNames) -> str:
    """Return the values of a part of a segment in words; a value without a known title does not change."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if part == "registration":
        return f"{len(value)} {'registration' if len(value) == 1 else 'registrations'}"
    return ", ".join(sorted(_value(part, choice, names) for choice in value))


def _value(part: str, value: str, names: SegmentNames) -> str:
    if part == "country":
        return country_name(value)
    if part == "language":
        return language_name(value)
    if value in names.titles.get(part, {}):
        return names.titles[part][value]
    if part in ("form", "not_registered_for") and value in names.forms:
        return form_title(names.forms[value])
    return {"form_kind": FORM_KIND_WORDS, "status": STATUS_WORDS, "mode": MODE_WORDS}.get(part, {}).get(value, value)


@dataclass(frozen=True, slots=True)
class DraftForm:
    """The content of the form.

    Attributes:
        values: the chosen values by part of the segment.
        representative: ``yes``, ``no`` or empty.
        texts: the texts by name of field, as in ``subject-en``.
        revision: the revision of the draft that is changed, as text.
    """

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    representative: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    revision: str = ""

    @property
    def segment(self) -> dict[str, list[str] | bool]:
        """The segment, not validated."""
        found: dict[str, list[str] | bool] = {part: list(values) for part, values in self.values.items()}
        if self.representative in YES_OR_NO:
            found[REPRESENTATIVE] = YES_OR_NO[self.representative]
        return found


def read_draft_form(form: "MultiDict[str, str]") -> DraftForm:
    """Return the submitted content. Registrations come in one field, separated by spaces: there can be thousands."""
    values = {part: found for part in SEGMENT_PARTS if (found := [value for value in form.getlist(part) if value])}
    if REGISTRATION in values:
        values[REGISTRATION] = " ".join(values[REGISTRATION]).split()
    texts = {name: value for name, value in form.items() if name.startswith(("subject-", "text-"))}
    return DraftForm(values, form.get(REPRESENTATIVE, ""), texts, form.get("revision", ""))


def draft_form_from_link() -> DraftForm:
    """Return the segment in the URL: lists of other services link to the form with it.

    Raises:
        BadRequest: a part or a value is invalid.
        DomainError: ``unknown-parameter``: ignoring a part would make the segment larger.
    """
    for name in request.args:
        if name not in (*SEGMENT_NAMES, ABOUT):
            raise DomainError("unknown-parameter", f"{name} is not a filter of a segment")
    return _checked(read_draft_form(request.args))


def with_event_title(work: UnitOfWork, content: DraftForm, about: str) -> DraftForm:
    """Return ``content`` with the title of an event as subject: of ``about``, or of the only event of the segment."""
    named = {value for part in ("event", "not_registered_for") for value in content.values.get(part, ())}
    event = about or (named.pop() if len(named) == 1 else "")
    title = dict(segment_choices(work).events).get(event, "") if event else ""
    return replace(content, texts={"subject-en": title[:MAX_SUBJECT_LENGTH]}) if title else content


def draft_form_from_list() -> DraftForm:
    """Return registrations that another page submits: selected one by one, or by a filter that segments do not have.

    Raises:
        BadRequest: one is invalid, or they are too many.
    """
    marked = [value.partition(":")[0] for value in request.form.getlist("marked")]
    ids = [*marked, *request.form.get(REGISTRATION, "").split()]
    return _checked(DraftForm({REGISTRATION: ids} if ids else {}))


def _checked(content: DraftForm) -> DraftForm:
    try:
        normalized(content.segment)
    except DomainError as error:
        raise BadRequest(error.detail) from None
    return content


def draft_form_of(bulletin: Bulletin) -> DraftForm:
    """Return the content of the form for a draft."""
    texts = {f"{name}-{language}": parts[name] for language, parts in bulletin.texts.items() for name in parts}
    values = {part: value for part, value in bulletin.segment.items() if not isinstance(value, bool)}
    answer = next((word for word, value in YES_OR_NO.items() if bulletin.segment.get(REPRESENTATIVE) is value), "")
    return DraftForm(values, answer, texts, str(bulletin.revision))


def texts_of(content: DraftForm) -> Texts:
    """Return the languages with any text, and English in any case."""
    texts = {}
    for language in LANGUAGES:
        subject = content.texts.get(f"subject-{language}", "").strip()
        text = content.texts.get(f"text-{language}", "").replace("\r\n", "\n").strip()
        if subject or text or language == "en":
            texts[language] = {"subject": subject, "text": text}
    return texts


def form_page(
    work: UnitOfWork, content: DraftForm, *, draft: Bulletin | None = None, fault: str | None = None, status: int = 422
) -> Response:
    """Return the page with the form.

    Args:
        work: the unit of work on the service's database.
        content: the content of the form.
        draft: the draft that is changed; None for a new one.
        fault: why it was not stored.
        status: the HTTP status of a response with a fault.
    """
    choices = segment_choices(work)
    forms = form_choices(form_names(work, choices.used["form"]))
    page = render_template(
        "mail/new.html",
        options=_options(choices, forms, content),
        given=content,
        draft=draft,
        fault=fault,
        languages=LANGUAGES,
        direction=direction,
        max_lengths=(MAX_SUBJECT_LENGTH, MAX_TEXT_LENGTH),
    )
    return personal(make_response(page, status if fault else 200))


def _options(choices: SegmentChoices, forms: Options, content: DraftForm) -> dict[str, Options]:
    """Return the options by part: first the selected ones, which remain even if they are unknown now."""
    offered: dict[str, Options] = {
        "event": choices.events,
        "not_registered_for": [*choices.events, *forms],
        "working_group": choices.groups,
        "form": forms,
        "form_kind": list(FORM_KIND_WORDS.items()),
        "status": list(STATUS_WORDS.items()),
        "partner": partner_choices(choices.used["partner"], choices.partners),
        "country": _named(choices.used["country"], country_name),
        "language": _named(choices.used["language"], language_name),
        "tag": _named(choices.used["tag"], str),
        "mode": list(MODE_WORDS.items()),
    }
    return {part: _chosen_first(dict(options), content.values.get(part, ())) for part, options in offered.items()}


def _chosen_first(options: Mapping[str, str], chosen: Sequence[str]) -> Options:
    first = sorted(((value, options.get(value, value)) for value in chosen), key=lambda pair: pair[1])
    return [*first, *((value, text) for value, text in options.items() if value not in chosen)]


def _named(values: Sequence[str], name: Callable[[str], str]) -> Options:
    """Return values with their names, in the order of the names."""
    return sorted(((value, name(value)) for value in values), key=lambda pair: pair[1])


def segment_lines(segment: Segment, names: SegmentNames) -> list[tuple[str, str]]:
    """Return a segment in words: label and values of each part."""
    return [(SEGMENT_WORDS[part], segment_value(part, value, names)) for part, value in segment.items()]
