"""The pages on which people sign in, accept an invitation, and manage their own passkeys and sessions.

A key works without a script.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response as AnyResponse

from services.console_pages import FIRST, FIRST_STEPS, SIGN_IN, first_page
from services.registration.access.credentials import (
    CHALLENGE_S,
    Challenge,
    Invitation,
    InvitationEnded,
    PasskeyAnswer,
    PasskeyRefused,
    RelyingParty,
    accept_with_key,
    accept_with_passkey,
    add_own_passkey,
    own_passkeys,
    remove_own_passkey,
    show_invitation,
    sign_in_by_passkey,
)
from services.registration.access.first_steps import has_form
from services.registration.access.model import ADMINISTRATOR, ROLE_WORDS
from services.registration.access.service import AccessContext, ConsoleSessions
from shared.console.frame import HOME
from shared.http.access import by_link, holder, needs, needs_recent_sign_in, public
from shared.http.headers import personal
from shared.http.holders import Access, Holder
from shared.http.request_data import CONTROL_CHARACTER
from shared.http.sign_in import SignIn
from shared.messaging.contracts.payloads import ROLES
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_token, token_hash
from shared.runtime.logs import SIGN_IN_REFUSED, record_security_event
from shared.security.csrf import check_csrf
from shared.security.rate_limits import limited

SIGNING, MAKING = "sign-in", "make"
"""Purposes of a challenge."""

CHALLENGE_COOKIE = "troika-passkey"
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))


@dataclass(frozen=True, slots=True)
class SignInContext:
    """What the pages of signing in use.

    Attributes:
        access: the holders of keys.
        cookie: the console's cookie.
        sessions: the store of sessions.
        colleagues: what invitations and passkeys use.
        party: the console as a relying party of passkeys.
        secure: whether pages are served by HTTPS.
    """

    access: Access
    cookie: SignIn
    sessions: ConsoleSessions
    colleagues: AccessContext
    party: RelyingParty
    secure: bool

    def start(self, holder: Holder, target: str) -> Response:
        """Sign ``holder`` in: a new session, which replaces the browser's former one."""
        session = new_token()
        self.sessions.begin(session, holder, browser_family(), former=self.cookie.session)
        return personal(self.cookie.start(holder, session, target))

    def page(self, template: str, purpose: str, options: Callable[[Challenge], str], **more: Any) -> Response:
        """A page with a form for a passkey, and the cookie with its challenge; without passkeys, only the page."""
        if not (self.party.has_passkeys and self.party.is_at(request.host)):
            return make_response(render_template(template, options="", party=self.party, **more))
        challenge = self.party.new_challenge(purpose)
        page = make_response(render_template(template, options=options(challenge), party=self.party, **more))
        name = f"__Host-{CHALLENGE_COOKIE}" if self.secure else CHALLENGE_COOKIE
        page.set_cookie(
            name, challenge.cookie, max_age=CHALLENGE_S, secure=self.secure, httponly=True, samesite="Strict", path="/"
        )
        return page

    def answer(self, purpose: str) -> PasskeyAnswer:
        """Return the browser's response for its passkey.

        Raises:
            PasskeyRefused: the challenge of its cookie is too old, or of another purpose.
        """
        name = f"__Host-{CHALLENGE_COOKIE}" if self.secure else CHALLENGE_COOKIE
        challenge = self.party.challenge_in(request.cookies.get(name, ""), purpose)
        return PasskeyAnswer(request.form.get("credential", ""), challenge)


def add_sign_in(blueprint: Blueprint, context: SignInContext) -> None:
    """``/console/sign-in`` and ``/console/sign-in/passkey``."""

    @blueprint.get("/sign-in")
    @public
    def show_sign_in() -> Response:
        return _sign_in_page(context, _target(request.args), again="again" in request.args)

    @blueprint.post("/sign-in")
    @limited("link")
    @public
    def sign_in_with_key() -> Response:
        check_csrf()
        target = _target(request.form)
        holder = context.access.holder_of(request.form.get("key", "").strip())
        waiting = _admit(context, target, known=holder is not None)
        if waiting is not None:
            return waiting
        if holder is None:
            return _sign_in_page(context, target, status=403, refused="This key is not known. Check it and try again.")
        return context.start(holder, _opened_by(context, holder, target))

    @blueprint.post("/sign-in/passkey")
    @limited("link")
    @public
    def sign_in_with_passkey() -> Response:
        check_csrf()
        target = _target(request.form)
        try:
            holder = sign_in_by_passkey(context.colleagues, context.party, context.answer(SIGNING))
        except PasskeyRefused as refusal:
            return _admit(context, target, known=False) or _sign_in_page(
                context, target, status=403, refused=str(refusal)
            )
        return _admit(context, target, known=True) or context.start(holder, _opened_by(context, holder, target))


def browser_family() -> str:
    """The family of the browser that sent the request, without version or platform."""
    agent = request.headers.get("User-Agent", "")
    return next((name for mark, name in BROWSERS if mark in agent), "Another browser")


def _admit(context: SignInContext, target: str, *, known: bool) -> Response | None:
    """The page that asks to wait, or None.

    Tries are limited by client network, never by holder: otherwise anyone could lock a holder out.
    """
    wait_s = context.sessions.admit(context.cookie.client_network(), known=known)
    if not known or wait_s:
        record_security_event(SIGN_IN_REFUSED)
    if not wait_s:
        return None
    page = _sign_in_page(context, target, status=429, wait_minutes=ceil(wait_s / 60))
    page.headers["Retry-After"] = str(ceil(wait_s))
    return page


def _sign_in_page(context: SignInContext, target: str, *, status: int = 200, **state: Any) -> Response:
    page = context.page(
        "access/sign_in.html", SIGNING, context.party.sign_in_options, target=target, path=SIGN_IN, **state
    )
    page.status_code = status
    return personal(page)


def _target(given: Mapping[str, str]) -> str:
    """Where to go after signing in.

    Raises:
        BadRequest: it contains control characters, which a header cannot contain.
    """
    target = given.get("next", FIRST)
    if CONTROL_CHARACTER.search(target):
        raise BadRequest("control characters in the address to go to")
    return target


def _opened_by(context: SignInContext, holder: Holder, target: str) -> str:
    """``target``; some roles, and users of an empty installation, get a more useful first page."""
    if target in (FIRST, HOME) and _is_new(context, holder):
        return FIRST_STEPS
    return first_page(holder) if target in (FIRST, HOME) else target


def _is_new(context: SignInContext, holder: Holder) -> bool:
    """Whether no form is published, and ``holder`` may set up the first event."""
    if "coordinator" not in holder.roles or holder.forms is not None:
        return False
    with context.colleagues.work.transaction() as connection:
        return not has_form(connection, context.colleagues.clock())


ENDED = {
    "unknown": "This is not one of our links. It may have been cut off: copy the whole address from the e-mail.",
    "used": "This link works only once, and has already been used. If it was not you who used it, tell the colleague "
    "who invited you: they can end the access and send a new link.",
    "withdrawn": "This invitation was withdrawn or replaced by a newer one. Look for a newer e-mail, or ask the "
    "colleague who invited you.",
    "expired": "This link has expired. Ask the colleague who invited you for a new one.",
}
"""Why a link does not work, for the person who has it."""


def add_invitations(blueprint: Blueprint, context: SignInContext) -> None:
    """The page of an invitation, and the two ways to accept it. Opening it changes nothing."""
    path = "/invitation/<token>"

    @blueprint.get(path)
    @limited("link")
    @by_link
    def invitation_page(token: str) -> Response:
        try:
            return _invitation_page(context, token, show_invitation(context.colleagues, token))
        except InvitationEnded as ended:
            return _invitation_ended(ended)

    @blueprint.post(f"{path}/key")
    @limited("link")
    @by_link
    def take_key(token: str) -> Response:
        check_csrf()
        try:
            name, key = accept_with_key(context.colleagues, token)
        except InvitationEnded as ended:
            return _invitation_ended(ended)
        return personal(make_response(render_template("access/key.html", name=name, key=key)))

    @blueprint.post(f"{path}/passkey")
    @limited("link")
    @by_link
    def make_passkey(token: str) -> Response:
        check_csrf()
        try:
            holder = accept_with_passkey(
                context.colleagues, context.party, token, passkey_label(), context.answer(MAKING)
            )
        except InvitationEnded as ended:
            return _invitation_ended(ended)
        except PasskeyRefused as refusal:
            return _invitation_page(
                context, token, show_invitation(context.colleagues, token), refused=str(refusal), status=422
            )
        return context.start(holder, first_page(holder))


def passkey_label() -> str:
    """The name of a new passkey: what its owner typed, or else that of the browser."""
    typed = " ".join(request.form.get("name", "").split())[:80]
    return typed if typed and typed.isprintable() else browser_family()


def _invitation_page(
    context: SignInContext, token: str, invitation: Invitation, *, refused: str = "", status: int = 200
) -> Response:
    granted = invitation.granted
    page = context.page(
        "access/invitation.html",
        MAKING,
        lambda challenge: context.party.making_options(challenge, granted.id, granted.name, ()),
        invitation=invitation,
        roles=[ROLE_WORDS[role] for role in sorted(granted.grant.roles)],
        token=token,
        refused=refused,
    )
    page.status_code = status
    return personal(page)


def _invitation_ended(ended: InvitationEnded) -> Response:
    status = 404 if ended.reason == "unknown" else 410
    page = render_template("access/invitation_ended.html", reason=ENDED[ended.reason])
    return personal(make_response(page, status))


ACCOUNT = "/console/account"
EMPTY_PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
SESSION_ID = re.compile(r"^[0-9a-f]{64}$")
PASSKEY_ID = re.compile(r"^(?:[0-9a-f]{2}){16,1023}$")


def add_renewal(blueprint: Blueprint) -> None:
    """The picture by which pages of other services renew the cookie."""

    @blueprint.get("/account/renewal")
    @needs(*ROLES)
    def renew() -> Response:
        """Access control renews the cookie of the answer, as it does for each page of this process."""
        return Response(EMPTY_PICTURE, mimetype="image/svg+xml")


def add_account(blueprint: Blueprint, context: SignInContext) -> None:
    """The page of the user's own access, with its actions."""

    @blueprint.get("/account")
    @needs(*ROLES)
    def account_page() -> Response:
        return _account_page(context)

    @blueprint.post("/account/passkeys")
    @needs_recent_sign_in
    @needs(*ROLES)
    def add_passkey() -> AnyResponse:
        try:
            add_own_passkey(context.colleagues, context.party, holder(), passkey_label(), context.answer(MAKING))
        except PasskeyRefused as refusal:
            return _account_page(context, refused=str(refusal), status=422)
        return redirect(f"{ACCOUNT}?done=added", 303)

    @blueprint.post("/account/passkeys/remove")
    @needs_recent_sign_in
    @needs(*ROLES)
    def remove_passkey() -> AnyResponse:
        try:
            remove_own_passkey(context.colleagues, holder(), _given("passkey", PASSKEY_ID))
        except DomainError as refusal:
            if refusal.code == "not-found":
                raise
            return _account_page(context, refused=refusal.detail.capitalize() + ".", status=409)
        return redirect(f"{ACCOUNT}?done=removed", 303)

    @blueprint.post("/account/sessions/end")
    @needs(*ROLES)
    def end_session() -> AnyResponse:
        may_end_any = ADMINISTRATOR in holder().roles
        session = _given("session", SESSION_ID)
        if not context.sessions.end_one(session, holder().name, only_own=not may_end_any):
            raise NotFound
        return redirect(f"{ACCOUNT}?done=ended", 303)


def _account_page(context: SignInContext, *, refused: str = "", status: int = 200) -> Response:
    own, passkeys = holder(), own_passkeys(context.colleagues, holder())
    may_end_any = ADMINISTRATOR in own.roles
    present = [bytes.fromhex(passkey.id) for passkey in passkeys]
    page = context.page(
        "access/account.html",
        MAKING,
        lambda challenge: context.party.making_options(challenge, own.id or "", own.name, present) if own.id else "",
        own=own,
        passkeys=passkeys,
        sessions=context.sessions.live(None if may_end_any else own.name),
        may_end_any=may_end_any,
        this=token_hash(context.cookie.session).hex() if context.cookie.session else "",
        done=request.args.get("done", ""),
        refused=refused,
    )
    page.status_code = status
    return personal(page)


def _given(name: str, pattern: re.Pattern[str]) -> str:
    value = request.form.get(name, "")
    if not pattern.match(value):
        raise BadRequest
    return value
