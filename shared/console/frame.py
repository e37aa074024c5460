"""Console frame: navigation, style, sign-out, and what the pages of every service's console have in common.

A page may come from any service; the gateway knows from which. Pages that a key does not open are left out. The
services register their pages as one :class:`Console`. A gateway sends ``/console/static`` and ``/console/sign-out`` to
one service; each can serve them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, g, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest, HTTPException, Unauthorized

from shared.http.access import RecentSignInRequired, is_recent, public
from shared.http.gates import quarantine_shown
from shared.http.headers import personal
from shared.http.holders import Holder
from shared.http.problems import from_domain, from_outage
from shared.http.sign_in import SignIn
from shared.http.stylesheets import Sheet, card_sheet, serve_sheet
from shared.i18n.languages import LANGUAGE_NAMES, direction
from shared.i18n.when import compact_instant
from shared.runtime.errors import DomainError, Unavailable
from shared.security.csrf import check_csrf

HOME = "/console"
ACCOUNT = f"{HOME}/account"
FORM_TYPE = "application/x-www-form-urlencoded"

READERS = frozenset({"viewer", "coordinator"})
COORDINATORS = frozenset({"coordinator"})


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """One page of the navigation; ``path`` begins with ``/console``.

    Attributes:
        all_forms: it reaches across all forms, so a key that is limited to some does not open it.
        roles: the roles that may open the page.
        also: further paths whose pages belong to it.
    """

    title: str
    path: str
    all_forms: bool = False
    roles: frozenset[str] = READERS
    also: tuple[str, ...] = ()

    def is_for(self, holder: Holder) -> bool:
        """Whether a key with these roles can open it, as far as the navigation can tell."""
        return bool(self.roles & holder.roles) and not (self.all_forms and holder.forms is not None)

    def length_of_match(self, path: str) -> int:
        """Length of the prefix of ``path`` that matches this page or a page below it; 0 for neither."""
        below = [prefix for prefix in (self.path, *self.also) if prefix != HOME and path.startswith(f"{prefix}/")]
        exact = [prefix for prefix in (self.path, *self.also) if path == prefix]
        return max(map(len, (*below, *exact)), default=0)


@dataclass(frozen=True, slots=True)
class ConsoleSection:
    """Pages of one kind of work; a section is opened on its first page."""

    title: str
    pages: tuple[ConsolePage, ...]


@dataclass(frozen=True, slots=True)
class Console:
    """What the services register of their console: one value for all of them, since each shows the pages of all.

    Attributes:
        sections: the navigation.
        overview: path of the first page after signing in, unless another was requested; a key without access to it is
            redirected.
        first_page: path of the first page of a user who requested none.
        people: path of the list of people that the frame offers to search, for those in ``COORDINATORS``.
        sign_in: path of the sign-in page.
        sign_out: path that signs out of each service, since each believes cookies for itself: a browser that signs out
            is sent through all of them.
        renewal: path of an empty picture, whose answer renews the cookie: pages of processes that cannot show it.
    """

    sections: tuple[ConsoleSection, ...]
    overview: str
    first_page: Callable[[Holder], str]
    people: str
    sign_in: str
    sign_out: tuple[str, ...]
    renewal: str


@dataclass(frozen=True, slots=True)
class NavigationLink:
    """A link of the navigation; ``here``: the page that is shown is this one, or below it."""

    title: str
    path: str
    here: bool


@dataclass(frozen=True, slots=True)
class Navigation:
    """Sections, and the pages of the one that is shown; ``within`` is its title. One page alone is not listed.

    ``people``: path of the list of people that the frame offers to search; empty if it does not.
    """

    sections: tuple[NavigationLink, ...] = ()
    within: str = ""
    pages: tuple[NavigationLink, ...] = ()
    people: str = ""


def navigation_for(console: Console, holder: Holder | None, path: str) -> Navigation:
    """Return what ``holder`` sees of the navigation on the page at ``path``; nothing if no one is signed in."""
    opened = [] if holder is None else list(sections_of(console.sections, holder))
    matching = [page for _, pages in opened for page in pages if page.length_of_match(path)]
    shown = max(matching, key=lambda page: page.length_of_match(path), default=None)
    sections = tuple(NavigationLink(section.title, pages[0].path, shown in pages) for section, pages in opened)
    section, pages = next(((section, pages) for section, pages in opened if shown in pages), (None, ()))
    listed = tuple(NavigationLink(page.title, page.path, page is shown) for page in pages) if len(pages) > 1 else ()
    return Navigation(sections, section.title if section else "", listed, _searched(console, holder, path))


def _searched(console: Console, holder: Holder | None, path: str) -> str:
    """Empty on the list itself, which has its own search field."""
    may = holder is not None and bool(COORDINATORS & holder.roles)
    return console.people if may and path != console.people else ""


def sections_of(
    sections: Sequence[ConsoleSection], holder: Holder
) -> Iterator[tuple[ConsoleSection, tuple[ConsolePage, ...]]]:
    """Yield each section with the pages that ``holder`` may open, without those of which it opens none."""
    for section in sections:
        pages = tuple(page for page in section.pages if page.is_for(holder))
        if pages:
            yield section, pages


HERE = Path(__file__).parent
STYLE = HERE / "static" / "console.css"
CONSOLE = "troika.console"
"""What the services register of their console, among the application's extensions."""
RENEWAL = "troika.renewal"
"""Path of the picture that renews the cookie, among the extensions; empty in the process that signs cookies."""


def frame_blueprint(sign_in: SignIn, console: Console) -> Blueprint:
    """Style and sign-out.

    Args:
        sign_in: makes and takes the cookie.
        console: the pages of all services.
    """
    blueprint = Blueprint("console_frame", __name__, url_prefix=HOME, template_folder="templates")
    extensions = {CONSOLE: console, RENEWAL: "" if sign_in.renews else console.renewal}
    blueprint.record_once(lambda state: state.app.extensions.update(extensions))
    blueprint.context_processor(lambda: _around())
    blueprint.register_error_handler(Unauthorized, _to_sign_in)
    blueprint.register_error_handler(HTTPException, _http_page)
    serve_sheet(blueprint, "/static/console.css", _sheet())
    for path, further in zip(console.sign_out, (*console.sign_out[1:], console.sign_in), strict=True):
        _add_sign_out(blueprint, sign_in, path, further, is_last=further == console.sign_in)
    return blueprint


def pages_blueprint(name: str, module: str) -> Blueprint:
    """An empty blueprint below ``/console`` for a service's pages, which extend ``console/base.html``.

    A visitor who is not signed in is sent to the sign-in page and then to the requested page; if they have sent a form,
    a page keeps it until they have signed in. A refusal is a page too.

    Args:
        module: ``__name__`` of the caller; its folder ``templates`` holds the pages.
    """
    blueprint = Blueprint(name, module, url_prefix=HOME, template_folder="templates")
    blueprint.context_processor(lambda: _around())
    blueprint.register_error_handler(Unauthorized, _to_sign_in)
    blueprint.register_error_handler(HTTPException, _http_page)
    blueprint.register_error_handler(DomainError, _domain_page)
    blueprint.register_error_handler(Unavailable, _outage_page)
    return blueprint


def _add_sign_out(blueprint: Blueprint, sign_in: SignIn, path: str, further: str, *, is_last: bool) -> None:
    """End the session here and continue with ``further``; after the last one the cookie is deleted too.

    Repeating it is harmless: a person who was stopped on the way by an unavailable service can start again.
    """

    def leave() -> Response:
        check_csrf()
        sign_in.end()
        if is_last:
            return personal(sign_in.leave(further))
        return personal(cast(Response, redirect(further, 307)))

    rule = path.removeprefix(HOME)
    blueprint.add_url_rule(rule, f"leave_{rule.replace('/', '_')}", public(leave), methods=["POST"])


@cache
def _sheet() -> Sheet:
    return card_sheet(STYLE)


def _around() -> dict[str, Any]:
    """What the frame's templates show: style, navigation, who is signed in."""
    holder = _signed_in()
    return {
        "style": _sheet().address(f"{HOME}/static/console.css"),
        "navigation": navigation_for(_console(), holder, request.path),
        "signed_in": holder,
        "renewal": current_app.extensions[RENEWAL],
        "recently_signed_in": holder is not None and is_recent(),
        "languages": LANGUAGE_NAMES,
        "direction": direction,
        "quarantine": quarantine_shown(),
        "utc_text": compact_instant,
    }


def _console() -> Console:
    console: Console = current_app.extensions[CONSOLE]
    return console


def _signed_in() -> Holder | None:
    """Who is signed in, also where their access does not include the page."""
    found: Holder | None = g.get("holder") or g.get("refused")
    return found


def _to_sign_in(error: Unauthorized) -> Response:
    """Pass the requested address on; it may contain a search term. What was typed into a form is kept on a page."""
    again = isinstance(error, RecentSignInRequired)
    if sent := _sent_by_own_page():
        return _kept_page(sent, again=again)
    above = request.path.rpartition("/")[0] if again else HOME
    target = request.full_path.rstrip("?") if request.method == "GET" else above
    given = {"next": target} | ({"again": "yes"} if again else {})
    return personal(cast(Response, redirect(f"{_console().sign_in}?{urlencode(given, safe='/?')}", 303)))


def _sent_by_own_page() -> list[tuple[str, str]]:
    """What a form of our own pages sent, without files; nothing for every other request."""
    if request.method != "POST" or request.mimetype != FORM_TYPE:
        return []
    try:
        check_csrf()
        return list(request.form.items(multi=True))
    except HTTPException:
        return []


def _kept_page(sent: Sequence[tuple[str, str]], *, again: bool) -> Response:
    """A page that sends the same form again, once its sender has signed in."""
    given = {"next": ACCOUNT} | ({"again": "yes"} if again else {})
    page = render_template(
        "console/kept.html",
        sent=sent,
        again=again,
        action=request.full_path.rstrip("?"),
        sign_in=f"{_console().sign_in}?{urlencode(given, safe='/')}",
    )
    return personal(make_response(page, 401))


def _http_page(error: HTTPException) -> Response:
    """A refusal; a browser that opens the console's first page without access to it is redirected to its own."""
    refused: Holder | None = g.get("refused")
    console = _console()
    if refused is not None and request.path in (HOME, console.overview) and not g.by_key:
        own = console.first_page(refused)
        if own != request.path:
            return personal(cast(Response, redirect(own, 303)))
    return _refusal(error.code or 500, error.name)


def _domain_page(error: DomainError) -> Response:
    return _refusal(from_domain(error).status_code, _sentence(error.detail), explained=bool(error.detail))


def _sentence(detail: str) -> str:
    """``detail`` as a sentence of a page."""
    return f"{detail[:1].upper()}{detail[1:].rstrip('.')}{'' if detail.endswith('?') else '.'}" if detail else ""


def _outage_page(error: Unavailable) -> Response:
    answer = from_outage(error)
    page = _refusal(answer.status_code, error.reason)
    page.headers["Retry-After"] = answer.headers["Retry-After"]
    return page


def _refusal(status: int, reason: str, *, explained: bool = False) -> Response:
    """The page of a refusal; ``explained``: the reason is a sentence about this case, and not a name of the status."""
    page = render_template("console/refusal.html", status=status, reason=reason, explained=explained)
    return personal(make_response(page, status))


def seen_revision(field: str = "seen") -> int:
    """The revision that the submitted page showed, from the form field with this name.

    Raises:
        BadRequest: it is missing, or is not a number.
    """
    seen = request.form.get(field, "")
    if not (seen.isascii() and seen.isdecimal() and len(seen) < 10):
        raise BadRequest("unknown state")
    return int(seen)
