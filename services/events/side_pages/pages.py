"""Each page is a function from one value to HTML. Everything in them is escaped by Jinja; nothing needs a script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from shared.forms.definition import FormDefinition
from shared.forms.rendering import render_fields, render_summary
from shared.forms.texts import LANGUAGE_NAMES, Catalogue, direction, load_catalogue
from shared.forms.validation import FieldError

HERE = Path(__file__).parent
STYLE = HERE / "static" / "side.css"
STYLE_PATH = "/propose/side.css"


@dataclass(frozen=True, slots=True)
class ProposePage:
    """The proposal form.

    Attributes:
        definition: its questions.
        language: one of ``texts.LANGUAGES``.
        idempotency_key: a new random key, so that pressing twice proposes once.
        values, errors: what to show again after a submission that was not taken.
        busy: it was not taken because the service is busy.
    """

    definition: FormDefinition
    language: str
    idempotency_key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Sequence[FieldError] = ()
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One side event as people read it, in their language; ``room_id`` leads to the room's calendar."""

    times: str
    utc: str
    iso: str
    title: str
    place: str
    room_id: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a side event is; ``time`` with its zone, ``utc`` with its day if another."""

    day: str
    time: str
    utc: str
    iso: str
    room: str


@dataclass(frozen=True, slots=True)
class OwnPage:
    """A proposer's own page.

    Attributes:
        path: of the page.
        status: of the proposal; a text says it in words.
        note: what the coordinators last said, or empty.
        place: in the published timetable, if it has one.
        can_withdraw: whether there is a way to do so.
        asking: whether to ask before it is done.
        can_edit: whether it can be changed and sent again.
        refused: key of the text that says what could not be done; empty if nothing was refused.
    """

    language: str
    path: str
    title: str
    status: str
    note: str
    place: Place | None
    can_withdraw: bool
    can_edit: bool = False
    asking: bool = False
    refused: str = ""


@dataclass(frozen=True, slots=True)
class EditPage:
    """The form with which a returned proposal is changed and sent again.

    Attributes:
        path: of the proposer's own page.
        seen: the revision that is changed.
        note: what the coordinators last said, or empty.
        values, errors: what to show at the questions.
        notice: key of a text above the form, or empty.
        stored: (question, answer) that is stored, where it differs from what was sent.
    """

    definition: FormDefinition
    language: str
    path: str
    seen: int
    note: str
    values: Mapping[str, Any]
    errors: Sequence[FieldError] = ()
    notice: str = ""
    stored: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class TimetablePage:
    """The published timetable by day: (day, side events); ``version`` is a sentence, empty before the first."""

    language: str
    version: str
    zone: str
    days: Sequence[tuple[str, Sequence[Line]]]


@cache
def page_texts() -> Catalogue:
    """The texts of the pages in this folder."""
    return load_catalogue(HERE / "strings")


@cache
def style() -> str:
    """The one stylesheet."""
    return STYLE.read_text(encoding="utf-8")


def render_propose(page: ProposePage) -> str:
    """The form with its heading and its notes."""
    languages = [item.name for item in page.definition.fields if item.kind == "language"]
    values = {**dict.fromkeys(languages, page.language), **page.values}
    return _render(
        "propose.html",
        page.language,
        "/propose",
        page=page,
        title=page.definition.title.in_language(page.language),
        intro=page.definition.intro.in_language(page.language),
        fields=render_fields(page.definition, page.language, values=values, errors=page.errors),
        summary=render_summary(page.definition, page.language, page.errors),
    )


def render_received(language: str) -> str:
    """Says that a proposal has arrived; it depends on nothing but the language."""
    return _render("received.html", language, "/propose", title=page_texts().text("received.title", language))


def render_timetable(page: TimetablePage) -> str:
    """The published timetable."""
    title = page_texts().text("timetable.title", page.language)
    return _render("timetable.html", page.language, "/programme/timetable", page=page, title=title)


def render_own(page: OwnPage) -> str:
    """What became of a proposal, for whoever proposed it."""
    title = page_texts().text("own.heading", page.language)
    return _render("own.html", page.language, page.path, page=page, title=title)


def render_edit(page: EditPage) -> str:
    """The form of a proposal that exists, with its answers."""
    return _render(
        "edit.html",
        page.language,
        page.path,
        page=page,
        kept={"ask": "edit"},
        title=page_texts().text("own.edit.title", page.language),
        fields=render_fields(page.definition, page.language, values=page.values, errors=page.errors),
        summary=render_summary(page.definition, page.language, page.errors),
    )


def fault_text(code: str, language: str) -> str:
    """What to say to people about a rule that answers break together; empty where there is no text for it."""
    key = f"fault.{code}"
    return page_texts().text(key, language) if key in page_texts().by_language["en"] else ""


def render_own_gone(language: str, path: str) -> str:
    """The same for a link that never was, is mistyped, or has ended."""
    return _render("own_gone.html", language, path, title=page_texts().text("own.gone.title", language))


def _render(template: str, language: str, path: str, *, kept: Mapping[str, str] | None = None, **values: Any) -> str:
    """A page; ``kept`` stays in the address when another language is chosen."""

    def text(key: str, **places: object) -> str:
        return page_texts().text(key, language, **places)

    links = [
        (code, name, f"{path}?{urlencode({**(kept or {}), 'lang': code})}") for code, name in LANGUAGE_NAMES.items()
    ]
    page = _environment().get_template(f"side/{template}")
    mark = sha256(style().encode()).hexdigest()[:12]
    return page.render(
        **values,
        language=language,
        dir=direction(language),
        languages=links,
        text=text,
        style=f"{STYLE_PATH}?v={mark}",
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("services.events.side_pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
