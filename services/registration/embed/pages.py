"""Public pages, each a function from one value to HTML, and the files that they load.

Everything in a page is escaped by Jinja. Scripts and the stylesheet have a digest of their content in their address.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import sha256, sha384
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlencode

from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from services.registration.embed.strings import (
    EventTime,
    instant_text,
    page_texts,
    script_texts,
    text_of_kind,
    when_text,
)
from shared.http.stylesheets import STATIC_FOLDER as SHARED_FOLDER
from shared.http.stylesheets import Sheet, bundled, paper_sheet
from shared.i18n.catalogue import marked
from shared.i18n.languages import LANGUAGE_NAMES, Title, direction
from shared.public_forms.definition import ADDRESS_FIELD, FormDefinition
from shared.public_forms.fields import engine_texts
from shared.public_forms.rendering import render_fields, render_summary
from shared.public_forms.theme import PLAIN, Theme, theme_css
from shared.public_forms.validation import FieldError

STATIC_FOLDER = Path(__file__).parent / "static"
STATIC_PATH = "/embed/static"
SHEET = "form.css"
SCRIPT = "troika.js"
SCRIPT_PATH = f"/embed/{SCRIPT}"
FORM_PARTS = ("questions.js", "lines.js", "errors.js", "sending.js", "outcome.js", "frame.js")
SCRIPTS: Mapping[str, tuple[Path, ...]] = {
    SCRIPT: (STATIC_FOLDER / SCRIPT,),
    "frame.js": (
        *(SHARED_FOLDER / name for name in ("fetching.js", "parent.js", "proof.js")),
        *(STATIC_FOLDER / name for name in FORM_PARTS),
    ),
    "framed.js": (SHARED_FOLDER / "parent.js", SHARED_FOLDER / "framed.js"),
    "selftest.js": (SHARED_FOLDER / "parent.js", STATIC_FOLDER / "selftest.js"),
    "solver.js": (SHARED_FOLDER / "solver.js",),
    "waiting.js": (SHARED_FOLDER / "fetching.js", STATIC_FOLDER / "waiting.js"),
}
"""The modules of each script that pages load, in order."""


@cache
def sheet() -> Sheet:
    """The stylesheet of all pages."""
    return paper_sheet(STATIC_FOLDER / SHEET)


@cache
def script(name: str) -> Sheet:
    """A script as served.

    Raises:
        KeyError: there is no such script.
    """
    return bundled(*SCRIPTS[name])


@cache
def pinned_script() -> tuple[str, str]:
    """The address of exactly the script that is served now, and its digest for pages that accept only this version
    (SRI). An address never changes its content: after an update of the script the old version is no longer served.
    """
    content = script(SCRIPT).text.encode()
    integrity = b64encode(sha384(content).digest()).decode()
    return f"/embed/troika-{sha256(content).hexdigest()[:12]}.js", f"sha384-{integrity}"


@cache
def asset(name: str) -> str:
    """The address of a stylesheet or script; it changes with the content, so that no cache can serve an old version.

    Raises:
        KeyError: there is no such file.
    """
    return (sheet() if name == SHEET else script(name)).address(f"{STATIC_PATH}/{name}")


Notice = Literal["busy", "rate-limited", "failed"]
Verification = Literal["email", "none"]
"""Whether the owner of an address confirms each registration, or a person who sends a form is registered at once."""
TextOf = Callable[..., str]
"""Returns the text with an id in a language, with its placeholders filled."""
ClosedReason = Literal["closed", "full", "cancelled", "postponed", "begun", "held", "not-open", "guest-list-closed"]
RefusedCause = Literal["form-unknown", "partner-unknown", "origin-not-allowed"]


@dataclass(frozen=True, slots=True)
class PageStyle:
    """What every page has: language (one of ``texts.LANGUAGES``) and theme.

    ``framed`` pages are shown inside another page: no margin, no separate heading size. ``parent`` is the exact origin
    of the enclosing page that may receive messages, ``""`` for none.
    """

    language: str
    theme: Theme = PLAIN
    framed: bool = False
    parent: str = ""


@dataclass(frozen=True, slots=True)
class OwnForm:
    """The form behind a confirmation link, where the owner of an address enters their answers.

    Attributes:
        path: the path of the page, to which the form is posted: ``/c/<token>/forms/<slug>``. A POST with ``show_in``,
            which stores nothing, asks for the form in another language.
        back_path: the path of the list behind the link, ``/c/<token>``.
        address: the address that the link verified; it is shown, and cannot be changed.
    """

    path: str
    back_path: str
    address: str


@dataclass(frozen=True, slots=True)
class FramePage:
    """The form, in a frame, as a separate page, or behind a confirmation link.

    Attributes:
        partner: the slug of the partner through whose page a person comes, ``""`` for none.
        parent_origin: the exact origin that may receive messages; ``""`` unless it is one of the partner's.
        idempotency_key: the key of a submission without a script that may be sent again as it is; else empty. The
            script makes its own.
        seats: ``open``, or ``waiting-list`` when a person who registers now has to wait.
        promotion_mode: the promotion mode of the form: how people who wait get free seats.
        begun: whether the event that people attend by this form has begun, and still takes registrations.
        controller: the controller of the data; ``""`` if it is not named.
        contact: the contact for questions about the data; ``""`` if it is not named.
        guest_list: when the guest list closes; ``None`` if it stays open until the start.
        challenge: the path of proof-of-work challenges.
        verification: the verification of the form; with ``none`` the script asks for the outcome, and shows it.
        calendar: whether a person who gets a seat at once can add the event to their calendar.
        values: the answers to show again after a refused submission without a script.
        errors: the faults to show then.
        notice: the notice to show then; None for none.
        own: the values for the owner of a verified address; ``None`` for everyone else.
    """

    style: PageStyle
    definition: FormDefinition
    event_time: EventTime | None
    partner: str
    parent_origin: str
    idempotency_key: str = ""
    seats: Literal["open", "waiting-list"] = "open"
    promotion_mode: str = ""
    organiser: str = ""
    begun: bool = False
    controller: str = ""
    contact: str = ""
    guest_list: EventTime | None = None
    challenge: str = ""
    verification: Verification = "email"
    calendar: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Sequence[FieldError] = ()
    notice: Notice | None = None
    own: OwnForm | None = None


@dataclass(frozen=True, slots=True)
class RefusedPage:
    """Shown in a frame in place of the form; ``form`` is the address of the form only, ``""`` if there is none."""

    style: PageStyle
    cause: RefusedCause
    form: str


@dataclass(frozen=True, slots=True)
class ClosedPage:
    """The page that is shown in place of the form when registration is not possible.

    Attributes:
        path: the path of the form.
        opens: the time at which registration opens; None if that is not known, or not the reason.
        organiser: the organisation that asks, as on the form.
        controller: the controller of the data, as on the form.
        contact: the contact for questions about the data, as on the form.
    """

    style: PageStyle
    title: Title
    event_time: EventTime | None
    reason: ClosedReason
    path: str = ""
    opens: EventTime | None = None
    organiser: str = ""
    controller: str = ""
    contact: str = ""


RECEIPTS_PATH = "/receipts"
"""Of the pages of receipts; ``/v1`` before it leads to the same for programs."""

MAX_EMPTY_FORMS = 48
"""Forms by language whose questions stay in memory, 90 kB each."""


def render_frame(page: FramePage) -> str:
    """The form with its heading, its questions and its notes."""
    kind, language = page.definition.kind, page.style.language
    dated = is_dated(page.event_time)
    return render_page(
        "frame.html",
        page.style,
        page=page,
        title=page.definition.title.for_reader(language),
        intro=page.definition.intro.in_language(language),
        action=page.own.path if page.own else submissions_path(page.definition.slug),
        receipts=RECEIPTS_PATH,
        choices=_language_links(page),
        error_prefix=engine_texts().text("error.prefix", language),
        fields=_fields(page),
        summary=render_summary(page.definition, language, page.errors),
        waiting=text_of_kind("seats.waiting-list", kind, promotion_mode=page.promotion_mode),
        script_texts=script_texts(
            language, kind, dated=dated, verification=page.verification, promotion_mode=page.promotion_mode
        ),
        submit=text_of_kind("submit", kind),
    )


def submissions_path(slug: str) -> str:
    """Where a form is sent to."""
    return f"/v1/forms/{quote(slug)}/submissions"


def _fields(page: FramePage) -> Markup:
    if page.own or page.values or page.errors:
        fixed = {ADDRESS_FIELD: page.own.address} if page.own else {}
        values = {**page.definition.initial_answers(page.style.language), **page.values}
        return render_fields(page.definition, page.style.language, values=values, errors=page.errors, fixed=fixed)
    return _empty_fields(page.definition, page.style.language)


@lru_cache(maxsize=MAX_EMPTY_FORMS)
def _empty_fields(definition: FormDefinition, language: str) -> Markup:
    """The questions without answers, which take nearly all of a page's rendering time (700 options).

    They do not depend on the theme.
    """
    return render_fields(definition, language, values=definition.initial_answers(language))


def is_dated(event_time: EventTime | None) -> bool:
    """Whether there is a date that an invitation could put in a calendar."""
    return event_time is not None and event_time.period is not None


def render_closed(page: ClosedPage) -> str:
    """Show why the form is not available."""
    return render_page("closed.html", page.style, page.path, page=page, title=page.title)


def render_refused(page: RefusedPage) -> str:
    """Shows why a page cannot show the form."""
    return render_page(
        "refused.html", page.style, page=page, title=page_texts().text("refused.title", page.style.language)
    )


def embed_path(slug: str, query: Mapping[str, str]) -> str:
    """The path of a form's page with those of the ``query`` values that are not empty."""
    pairs = {key: value for key, value in query.items() if value}
    return f"/embed/{quote(slug)}" + (f"?{urlencode(pairs)}" if pairs else "")


def _language_links(page: FramePage) -> list[tuple[str, str, str]]:
    """(language, its name in itself, address of this form in it)."""
    query = {"partner": page.partner, **page.style.theme.query(), "parent": page.parent_origin}
    return [
        (code, name, embed_path(page.definition.slug, {"lang": code, **query})) for code, name in LANGUAGE_NAMES.items()
    ]


def render_page(
    template: str,
    style: PageStyle,
    path: str = "",
    *,
    kept: Mapping[str, str] | None = None,
    environment: Callable[[], Environment] | None = None,
    text_of: TextOf | None = None,
    **values: Any,
) -> str:
    """Render a template with the values that all of them need.

    Args:
        template: the name of the template.
        style: the language and theme.
        path: the path of the page, if its address alone is enough to show it in another language. For a page behind a
            link only ``?`` and the query: no token is in it.
        kept: the values of the query that stay beside the language.
        environment: a function that returns the environment of the templates; None for those of this folder.
        text_of: a function that returns the texts; None for those of this folder.
        values: what the template needs besides.
    """
    if path:
        values["languages"] = _languages_of(path, kept or {})

    def text(key: str, **places: object) -> str:
        return (text_of or page_texts().text)(key, style.language, **places)

    def when(event_time: EventTime) -> str:
        return when_text(event_time, style.language)

    def instant(event_time: EventTime) -> str:
        return instant_text(event_time, style.language)

    return (
        (environment or _environment)()
        .get_template(template)
        .render(
            **values,
            style=style,
            dir=direction(style.language),
            text=text,
            when=when,
            instant=instant,
            theme_css=theme_css(style.theme),
        )
    )


def _languages_of(path: str, kept: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(language, its name in itself, address of the page in it)."""
    bare, _, query = path.partition("?")
    pairs = {**dict(parse_qsl(query)), **{name: value for name, value in kept.items() if value}}
    return [(code, name, f"{bare}?{urlencode({**pairs, 'lang': code})}") for code, name in LANGUAGE_NAMES.items()]


@cache
def _environment() -> Environment:
    return make_environment(PackageLoader("services.registration.embed"))


def make_environment(loader: BaseLoader) -> Environment:
    """Return an environment for templates of pages."""
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.policies["json.dumps_kwargs"] = {
        "sort_keys": True,
        "ensure_ascii": False,
    }  # two bytes a letter in place of six
    made.globals.update(asset=asset, marked=marked)
    return made


PATH = "/embed/selftest"


@dataclass(frozen=True, slots=True)
class SelftestPage:
    """The page on which a partner's web editor checks the embedding.

    Attributes:
        home: the public address of this installation.
        partner: the slug of a partner that is known, else ``""``.
        origins: the origins recorded for the partner.
        parent: the origin of the enclosing page, as our script there reports it; ``""`` without.
        came_from: the origin of the page whose link was followed; ``""`` if the browser does not send it.
    """

    style: PageStyle
    home: str
    partner: str
    origins: tuple[str, ...]
    parent: str
    came_from: str

    @property
    def link(self) -> str:
        """Address of this page, on its own."""
        return f"{self.home}{PATH}?partner={self.partner}"

    @property
    def script(self) -> str:
        """The tag of our script at its permanent address."""
        return f'<script type="module" src="{self.home}{SCRIPT_PATH}"></script>'

    @property
    def pinned(self) -> str:
        """The tag of exactly the script that is served now."""
        path, integrity = pinned_script()
        return (
            f'<script type="module" src="{self.home}{path}"\n'
            f'        integrity="{integrity}" crossorigin="anonymous"></script>'
        )


def render_selftest(page: SelftestPage) -> str:
    """Inside another page, list what works there; otherwise explain how to embed it."""
    return render_page("selftest.html", page.style, page=page)
