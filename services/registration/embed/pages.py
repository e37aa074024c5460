"""The pages, each a function from one value to HTML. Everything in them is escaped by Jinja."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from services.registration.embed.assets import asset
from services.registration.embed.event_time import EventTime, instant_text, when_text
from services.registration.embed.strings import page_texts, script_texts, text_of_kind
from shared.forms.definition import FormDefinition
from shared.forms.rendering import render_fields, render_summary
from shared.forms.texts import engine_texts
from shared.forms.theme import PLAIN, Theme, theme_css
from shared.forms.validation import FieldError
from shared.i18n.languages import LANGUAGE_NAMES, direction

Notice = Literal["busy", "still-running", "rate-limited", "unproven", "failed"]
ResultStatus = Literal["unverified", "confirmed", "waitlisted"]
ClosedReason = Literal["closed", "full", "cancelled", "postponed", "held", "not-open", "guest-list-closed"]
RefusedCause = Literal["form-unknown", "partner-unknown", "origin-not-allowed"]


@dataclass(frozen=True, slots=True)
class Look:
    """What every page has: language (one of ``texts.LANGUAGES``) and theme.

    ``framed`` pages stand in another page: no margin, no heading of their own size. ``parent`` is the exact origin of
    the page around that may hear messages, ``""`` for none.
    """

    language: str
    theme: Theme = PLAIN
    framed: bool = False
    parent: str = ""


@dataclass(frozen=True, slots=True)
class FramePage:
    """The form, in a frame or as a page of its own.

    Attributes:
        partner: slug of the partner through whose page somebody comes, ``""`` for none.
        parent_origin: the exact origin that may hear messages; ``""`` unless it is one of the partner's.
        idempotency_key: of a submission without a script that may be sent again as it is; else empty. The script makes
            its own.
        seats: ``open``, or ``waiting-list`` when whoever registers now has to wait.
        guest_list: when the guest list closes; ``None`` if it stays open until the start.
        challenge: path of challenges, ``""`` where the form asks for no proof of work.
        values, errors, notice: what to show again after a submission without a script that was not taken.
    """

    look: Look
    definition: FormDefinition
    event_time: EventTime | None
    partner: str
    parent_origin: str
    idempotency_key: str = ""
    seats: Literal["open", "waiting-list"] = "open"
    organiser: str = ""
    guest_list: EventTime | None = None
    challenge: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Sequence[FieldError] = ()
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class ResultPage:
    """The answer to a submission without a script that was taken.

    Attributes:
        address: to which the mail goes, as it was typed; ``""`` where it need not be said.
        path: of the page, where it can be loaded again; ``""`` where it answers a form.
    """

    look: Look
    title: str
    event_time: EventTime | None
    status: ResultStatus
    form_kind: str
    address: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class RefusedPage:
    """Shown in a frame in place of the form; ``form`` is the address of the form alone, ``""`` if there is none."""

    look: Look
    cause: RefusedCause
    form: str


@dataclass(frozen=True, slots=True)
class ClosedPage:
    """Shown in place of the form when nobody can register."""

    look: Look
    title: str
    event_time: EventTime | None
    reason: ClosedReason
    path: str = ""


MAX_EMPTY_FORMS = 48
"""Forms by language whose questions stay in memory, 90 kB each."""

OWN_BUTTONS = {"interest": "submit.interest", "working_group": "submit.working_group"}
"""Where the button says something other than that one registers, by kind of form."""


def render_frame(page: FramePage) -> str:
    """The form with its heading, its questions and its notes."""
    slug, language = page.definition.slug, page.look.language
    return render_page(
        "frame.html",
        page.look,
        page=page,
        title=page.definition.title.in_language(language),
        intro=page.definition.intro.in_language(language),
        action=f"/v1/forms/{quote(slug)}/registrations",
        choices=_language_links(page),
        error_prefix=engine_texts().text("error.prefix", language),
        fields=_fields(page),
        summary=render_summary(page.definition, language, page.errors),
        script_texts=script_texts(language, page.definition.kind, dated=is_dated(page.event_time)),
        submit=OWN_BUTTONS.get(page.definition.kind, "submit"),
    )


def _fields(page: FramePage) -> Markup:
    if page.values or page.errors:
        return render_fields(page.definition, page.look.language, values=_answers(page), errors=page.errors)
    return _empty_fields(page.definition, page.look.language)


@lru_cache(maxsize=MAX_EMPTY_FORMS)
def _empty_fields(definition: FormDefinition, language: str) -> Markup:
    """The questions without answers, which take nearly all of a page's time: 700 options. Themes differ outside."""
    return render_fields(definition, language, values=_language_answers(definition, language))


def render_result(page: ResultPage) -> str:
    """The confirmation, for people without the script."""
    title, message = (
        text_of_kind(f"result.{page.status}.{part}", page.form_kind, dated=is_dated(page.event_time))
        for part in ("title", "message")
    )
    return render_page("result.html", page.look, page.path, page=page, title=page.title, heading=title, message=message)


def is_dated(event_time: EventTime | None) -> bool:
    """Whether there is a date that an invitation could put in a calendar."""
    return event_time is not None and event_time.period is not None


def render_closed(page: ClosedPage) -> str:
    """Says why there is no form."""
    return render_page("closed.html", page.look, page.path, page=page, title=page.title)


def render_refused(page: RefusedPage) -> str:
    """Says why a page cannot show the form."""
    return render_page(
        "refused.html", page.look, page=page, title=page_texts().text("refused.title", page.look.language)
    )


def embed_path(slug: str, query: Mapping[str, str]) -> str:
    """The path of a form's page with those of the ``query`` values that are not empty."""
    pairs = {key: value for key, value in query.items() if value}
    return f"/embed/{quote(slug)}" + (f"?{urlencode(pairs)}" if pairs else "")


def _answers(page: FramePage) -> dict[str, Any]:
    """The answers to show."""
    return {**_language_answers(page.definition, page.look.language), **page.values}


def _language_answers(definition: FormDefinition, language: str) -> dict[str, Any]:
    """Who reads a page in a language probably wants mails in it."""
    return dict.fromkeys((item.name for item in definition.fields if item.kind == "language"), language)


def _language_links(page: FramePage) -> list[tuple[str, str, str]]:
    """(language, its name in itself, address of this form in it)."""
    query = {"partner": page.partner, **page.look.theme.query(), "parent": page.parent_origin}
    return [
        (code, name, embed_path(page.definition.slug, {"lang": code, **query})) for code, name in LANGUAGE_NAMES.items()
    ]


def render_page(
    template: str, look: Look, path: str = "", *, kept: Mapping[str, str] | None = None, **values: Any
) -> str:
    """One of the templates, with what each of them has.

    Args:
        path: of the page, if it can be read in another language by its address alone. Of a page behind a link only
            ``?`` and the query: no token stands in it.
        kept: values of the query that stay beside the language.
    """
    if path:
        values["languages"] = _languages_of(path, kept or {})

    def text(key: str, **places: object) -> str:
        return page_texts().text(key, look.language, **places)

    def when(moment: EventTime) -> str:
        return when_text(moment, look.language)

    def instant(moment: EventTime) -> str:
        return instant_text(moment, look.language)

    return (
        _environment()
        .get_template(template)
        .render(
            **values,
            look=look,
            dir=direction(look.language),
            text=text,
            when=when,
            instant=instant,
            theme_css=theme_css(look.theme),
        )
    )


def _languages_of(path: str, kept: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(language, its name in itself, address of the page in it)."""
    bare, _, query = path.partition("?")
    pairs = {**dict(parse_qsl(query)), **{name: value for name, value in kept.items() if value}}
    return [(code, name, f"{bare}?{urlencode({**pairs, 'lang': code})}") for code, name in LANGUAGE_NAMES.items()]


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("services.registration.embed"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = asset
    return made
