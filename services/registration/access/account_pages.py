"""``/console/account``: one's own passkeys and sessions, and for administrators the sessions of everybody."""

import re

from flask import Blueprint, Response, redirect, request
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response as AnyResponse

from services.registration.access.credentials import add_own_passkey, own_passkeys, remove_own_passkey
from services.registration.access.invitation_pages import passkey_label
from services.registration.access.model import ADMINISTRATOR
from services.registration.access.passkeys import PasskeyRefused
from services.registration.access.sign_in_pages import MAKING, SignInDesk
from shared.core.errors import DomainError
from shared.core.ids import token_hash
from shared.web.access import ROLES, holder, needs
from shared.web.browser_session import needs_recent_sign_in
from shared.web.headers import personal

ACCOUNT = "/console/account"
SESSION_ID = re.compile(r"^[0-9a-f]{64}$")
PASSKEY_ID = re.compile(r"^(?:[0-9a-f]{2}){16,1023}$")


def add_account(blueprint: Blueprint, desk: SignInDesk) -> None:
    """The page of one's own access, and what can be done on it."""

    @blueprint.get("/account")
    @needs(*ROLES)
    def account_page() -> Response:
        return _page(desk)

    @blueprint.post("/account/passkeys")
    @needs_recent_sign_in
    @needs(*ROLES)
    def add_passkey() -> AnyResponse:
        try:
            add_own_passkey(desk.desk, desk.party, holder(), passkey_label(), desk.answer(MAKING))
        except PasskeyRefused as refusal:
            return _page(desk, refused=str(refusal), status=422)
        return redirect(f"{ACCOUNT}?done=added", 303)

    @blueprint.post("/account/passkeys/remove")
    @needs_recent_sign_in
    @needs(*ROLES)
    def remove_passkey() -> AnyResponse:
        try:
            remove_own_passkey(desk.desk, holder(), _given("passkey", PASSKEY_ID))
        except DomainError as refusal:
            if refusal.code == "not-found":
                raise
            return _page(desk, refused=refusal.detail.capitalize() + ".", status=409)
        return redirect(f"{ACCOUNT}?done=removed", 303)

    @blueprint.post("/account/sessions/end")
    @needs(*ROLES)
    def end_session() -> AnyResponse:
        everybody = ADMINISTRATOR in holder().roles
        session = _given("session", SESSION_ID)
        if not desk.sessions.end_one(session, holder().name, only_own=not everybody):
            raise NotFound
        return redirect(f"{ACCOUNT}?done=ended", 303)


def _page(desk: SignInDesk, *, refused: str = "", status: int = 200) -> Response:
    own, passkeys = holder(), own_passkeys(desk.desk, holder())
    everybody = ADMINISTRATOR in own.roles
    present = [bytes.fromhex(one.id) for one in passkeys]
    page = desk.page(
        "access/account.html",
        MAKING,
        lambda challenge: desk.party.making_options(challenge, own.id or "", own.name, present) if own.id else "",
        own=own,
        passkeys=passkeys,
        sessions=desk.sessions.live(None if everybody else own.name),
        everybody=everybody,
        this=token_hash(desk.cookie.session).hex() if desk.cookie.session else "",
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
