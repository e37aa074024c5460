"""Each page is a function from one value to HTML. Everything in them is escaped by Jinja; nothing needs a script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.events.side_pages.look import Look
from shared.calendar.ics import subscription_links
from shared.i18n.catalogue import Catalogue
from shared.i18n.languages import LANGUAGE_NAMES, direction
from shared.public_forms.definition import FormDefinition
from shared.public_forms.rendering import render_fields, render_summary
from shared.public_forms.texts import engine_texts
from shared.public_forms.theme import theme_css
from shared.public_forms.validation import FieldError
from shared.web.look.sheets import STATIC_FOLDER, Sheet, paper_sheet

HERE = Path(__file__).parent
TEXTS = Catalogue(HERE / "translations")
STYLE_PATH = "/propose/side.css"
PLACE = "/propose"
SCRIPTS = {"proving.js": HERE / "static" / "proving.js"}
SCRIPTS |= {name: STATIC_FOLDER / name for name in ("fetching.js", "framed.js", "parent.js", "proof.js", "solver.js")}
"""What a framed page and a form that asks for a proof of work load, by name."""
RECEIPTS = {"submitted": "received.message", "unverified": "unverified.message"}
"""Key of what is said to whoever has proposed, by the first status."""


@dataclass(frozen=True, slots=True)
class ProposePage:
    """The proposal form.

    Attributes:
        definition: its questions.
        look: its language, and in whose page it stands.
        idempotency_key: a new random key, so that pressing twice proposes once.
        values, errors: what to show again after a submission that was not taken.
        notice: key of a text that says why it was not taken, where that is not the answers; or empty.
        challenge: path of challenges; empty where the form asks for no proof of work.
    """

    definition: FormDefinition
    look: Look
    idempotency_key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Sequence[FieldError] = ()
    notice: str = ""
    challenge: str = ""


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
        asking: what to ask about before it is done: ``withdraw``, ``erase``, or empty.
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
    asking: str = ""
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


def page_texts() -> Catalogue:
    """The texts of the pages in this folder."""
    return TEXTS


@cache
def side_sheet() -> Sheet:
    """The one stylesheet."""
    return paper_sheet(HERE / "static" / "side.css")


def render_propose(page: ProposePage) -> str:
    """The form with its heading and its notes."""
    language = page.look.language
    values = {**page.definition.initial_answers(language), **page.values}
    return _render(
        "propose.html",
        page.look,
        PLACE,
        page=page,
        kept=page.look.query(),
        outcome="refused" if page.errors or page.notice else "",
        failed=bool(page.errors or page.notice),
        title=page.definition.title.in_language(language),
        intro=page.definition.intro.in_language(language),
        fields=render_fields(page.definition, language, values=values, errors=page.errors),
        summary=render_summary(page.definition, language, page.errors),
    )


def render_received(look: Look, status: str, address: str) -> str:
    """Says that a proposal has arrived, or is read once its address is confirmed: whether it came with the proof of
    work that was asked for decides that, and the address nothing. ``address`` is repeated as it was typed."""
    again = f"{PLACE}?{urlencode({**look.query(), 'lang': look.language})}"
    title = page_texts().text(f"{'unverified' if status == 'unverified' else 'received'}.title", look.language)
    values = {"outcome": "proposed", "again": again, "title": title, "message": RECEIPTS[status], "address": address}
    return _render("received.html", look, PLACE, kept=look.query(), **values)


def render_refused(look: Look, cause: str) -> str:
    """Says why a page cannot show the form: ``partner-unknown`` or ``origin-not-allowed``."""
    title = page_texts().text("refused.title", look.language)
    form = f"{PLACE}?{urlencode({'partner': look.partner, 'lang': look.language})}"
    return _render("refused.html", look, PLACE, kept=look.query(), title=title, cause=cause, form=form)


def render_timetable(page: TimetablePage, public_url: str) -> str:
    """The published timetable, with the calendar of each room below ``public_url``."""

    def room_calendar(room_id: str) -> tuple[str, str]:
        return subscription_links(f"/calendar/room/{room_id}.ics", page.language, public_url)

    title, path = page_texts().text("timetable.title", page.language), "/programme/timetable"
    return _render("timetable.html", Look(page.language), path, page=page, title=title, room_calendar=room_calendar)


def render_own(page: OwnPage) -> str:
    """What became of a proposal, for whoever proposed it."""
    title = page_texts().text("own.heading", page.language)
    return _render("own.html", Look(page.language), page.path, kept={"ask": page.asking}, page=page, title=title)


def render_erased(language: str) -> str:
    """Says that somebody was erased; it depends on nothing but the language."""
    title = page_texts().text("erased.title", language)
    return _render("erased.html", Look(language), "/p/erased", title=title)


def render_edit(page: EditPage) -> str:
    """The form of a proposal that exists, with its answers."""
    return _render(
        "edit.html",
        Look(page.language),
        page.path,
        page=page,
        kept={"ask": "edit"},
        failed=bool(page.errors or page.notice),
        title=page_texts().text("own.edit.title", page.language),
        fields=render_fields(page.definition, page.language, values=page.values, errors=page.errors),
        summary=render_summary(page.definition, page.language, page.errors),
    )


def render_unverified(language: str, path: str) -> str:
    """Asks whether an address is theirs. It shows nothing of the proposal: anybody may have written that."""
    title = page_texts().text("unverified.ask", language)
    return _render("unverified.html", Look(language), path, own=path, title=title)


def fault_text(code: str, language: str) -> str:
    """What to say to people about a rule that answers break together; empty where there is no text for it."""
    key = f"fault.{code}"
    return page_texts().text(key, language) if page_texts().has(key) else ""


def render_own_gone(language: str, path: str) -> str:
    """The same for a link that never was, is mistyped, or has ended."""
    return _render("own_gone.html", Look(language), path, title=page_texts().text("own.gone.title", language))


def _render(
    template: str, look: Look, path: str, *, kept: Mapping[str, str] | None = None, outcome: str = "", **values: Any
) -> str:
    """A page; ``kept`` stays in its address when another language is chosen, a framing page hears the ``outcome``."""

    def text(key: str, **places: object) -> str:
        return page_texts().text(key, look.language, **places)

    stays = {name: value for name, value in (kept or {}).items() if value}
    links = [(code, name, f"{path}?{urlencode({**stays, 'lang': code})}") for code, name in LANGUAGE_NAMES.items()]
    return (
        _environment()
        .get_template(f"side/{template}")
        .render(
            **{"failed": False, **values},
            look=look,
            language=look.language,
            dir=direction(look.language),
            languages=links,
            outcome=outcome,
            text=text,
            error_prefix=engine_texts().text("error.prefix", look.language),
            theme_css=theme_css(look.theme),
            style=side_sheet().address(STYLE_PATH),
            scripts=PLACE,
        )
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
