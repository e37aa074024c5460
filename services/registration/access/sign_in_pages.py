"""The console's sign-in page: with a passkey, or with a key. A key works without script."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.exceptions import BadRequest

from services.registration.access.credentials import Answer, sign_in_by_passkey
from services.registration.access.passkeys import CHALLENGE_S, Challenge, PasskeyRefused, RelyingParty
from services.registration.access.service import AccessDesk
from services.registration.access.sessions import ConsoleSessions
from services.registration.first_steps.progress import has_form
from shared.core.ids import new_token
from shared.core.security_events import SecurityEvent, note
from shared.web.access import Access, Holder, public
from shared.web.bodies import CONTROL_CHARACTER
from shared.web.console.frame import SIGN_IN
from shared.web.console.navigation import FIRST, FIRST_STEPS, HOME, first_page
from shared.web.cross_site import refuse_cross_site
from shared.web.headers import personal
from shared.web.limits import limited
from shared.web.signing_in import SignIn

SIGNING, MAKING = "sign-in", "make"
"""Purposes of a challenge."""

CHALLENGE_COOKIE = "troika-passkey"
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))


@dataclass(frozen=True, slots=True)
class SignInDesk:
    """Attributes:
    access: holders of keys.
    cookie: the console's.
    sessions: where they are kept.
    desk: of passkeys and invitations.
    party: the console as passkeys know it.
    secure: whether pages are served by HTTPS.
    """

    access: Access
    cookie: SignIn
    sessions: ConsoleSessions
    desk: AccessDesk
    party: RelyingParty
    secure: bool

    def start(self, holder: Holder, target: str) -> Response:
        """Sign ``holder`` in: a new session, which replaces the browser's former one."""
        session = new_token()
        self.sessions.begin(session, holder, browser_family(), former=self.cookie.session)
        return personal(self.cookie.start(holder, session, target))

    def page(self, template: str, purpose: str, options: Callable[[Challenge], str], **more: Any) -> Response:
        """A page with a form for a passkey, and the cookie with its challenge; without passkeys, the page alone."""
        if not (self.party.has_passkeys and self.party.is_at(request.host)):
            return make_response(render_template(template, options="", party=self.party, **more))
        challenge = self.party.new_challenge(purpose)
        page = make_response(render_template(template, options=options(challenge), party=self.party, **more))
        name = f"__Host-{CHALLENGE_COOKIE}" if self.secure else CHALLENGE_COOKIE
        page.set_cookie(
            name, challenge.cookie, max_age=CHALLENGE_S, secure=self.secure, httponly=True, samesite="Strict", path="/"
        )
        return page

    def answer(self, purpose: str) -> Answer:
        """What the browser has sent for its passkey.

        Raises:
            PasskeyRefused: the challenge of its cookie is too old, or of another purpose.
        """
        name = f"__Host-{CHALLENGE_COOKIE}" if self.secure else CHALLENGE_COOKIE
        challenge = self.party.challenge_in(request.cookies.get(name, ""), purpose)
        return Answer(request.form.get("credential", ""), challenge)


def add_sign_in(blueprint: Blueprint, desk: SignInDesk) -> None:
    """``/console/sign-in`` and ``/console/sign-in/passkey``."""

    @blueprint.get("/sign-in")
    @public
    def show_sign_in() -> Response:
        return _page(desk, _target(request.args), again="again" in request.args)

    @blueprint.post("/sign-in")
    @limited("link")
    @public
    def sign_in_with_key() -> Response:
        refuse_cross_site()
        target = _target(request.form)
        holder = desk.access.holder_of(request.form.get("key", "").strip())
        waiting = _admit(desk, target, known=holder is not None)
        if waiting is not None:
            return waiting
        if holder is None:
            return _page(desk, target, status=403, refused="This key is not known. Check it and try again.")
        return desk.start(holder, _opened_by(desk, holder, target))

    @blueprint.post("/sign-in/passkey")
    @limited("link")
    @public
    def sign_in_with_passkey() -> Response:
        refuse_cross_site()
        target = _target(request.form)
        try:
            holder = sign_in_by_passkey(desk.desk, desk.party, desk.answer(SIGNING))
        except PasskeyRefused as refusal:
            return _admit(desk, target, known=False) or _page(desk, target, status=403, refused=str(refusal))
        return _admit(desk, target, known=True) or desk.start(holder, _opened_by(desk, holder, target))


def browser_family() -> str:
    """The family of the browser that sends the request, and nothing more."""
    agent = request.headers.get("User-Agent", "")
    return next((name for mark, name in BROWSERS if mark in agent), "Another browser")


def _admit(desk: SignInDesk, target: str, *, known: bool) -> Response | None:
    """The page that asks to wait, or None. Tries are limited by client network, never by holder: anybody could keep
    that one out.
    """
    wait_s = desk.sessions.admit(desk.cookie.client_network(), known=known)
    if not known or wait_s:
        note(SecurityEvent.SIGN_IN_REFUSED)
    if not wait_s:
        return None
    page = _page(desk, target, status=429, wait_minutes=ceil(wait_s / 60))
    page.headers["Retry-After"] = str(ceil(wait_s))
    return page


def _page(desk: SignInDesk, target: str, *, status: int = 200, **state: Any) -> Response:
    page = desk.page("access/sign_in.html", SIGNING, desk.party.sign_in_options, target=target, path=SIGN_IN, **state)
    page.status_code = status
    return personal(page)


def _target(given: Mapping[str, str]) -> str:
    """Where to go after signing in.

    Raises:
        BadRequest: it could not stand in a header.
    """
    target = given.get("next", FIRST)
    if CONTROL_CHARACTER.search(target):
        raise BadRequest("control characters in the address to go to")
    return target


def _opened_by(desk: SignInDesk, holder: Holder, target: str) -> str:
    """``target``, or in place of the first pages one that says more: to some roles, and while nothing is set up."""
    if target in (FIRST, HOME) and _is_new(desk, holder):
        return FIRST_STEPS
    return first_page(holder) if target in (FIRST, HOME) else target


def _is_new(desk: SignInDesk, holder: Holder) -> bool:
    """Whether no form is published, and ``holder`` may set up the first event."""
    if "coordinator" not in holder.roles or holder.forms is not None:
        return False
    with desk.desk.work.transaction() as connection:
        return not has_form(connection, desk.desk.clock())
