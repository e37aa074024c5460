"""``/console/invitation/<token>``: what a colleague is invited to, and how they choose to sign in."""

from flask import Blueprint, Response, make_response, render_template, request

from services.registration.access.credentials import (
    Invitation,
    InvitationEnded,
    accept_with_key,
    accept_with_passkey,
    show_invitation,
)
from services.registration.access.model import ROLE_WORDS
from services.registration.access.passkeys import PasskeyRefused
from services.registration.access.sign_in_pages import MAKING, SignInDesk, browser_family
from shared.web.access import by_link
from shared.web.console.navigation import first_page
from shared.web.cross_site import refuse_cross_site
from shared.web.headers import personal
from shared.web.limits import limited

ENDED = {
    "unknown": "This link is not one of ours. It may have been cut off: copy the whole address from the e-mail.",
    "used": "This link was used already, and works only once. If it was not you, inform the colleague who invited you: "
    "they can end the access and send a new link.",
    "withdrawn": "This invitation was withdrawn, or replaced by a newer one. Look for a newer e-mail, or ask the "
    "colleague who invited you.",
    "expired": "This link has expired. Ask the colleague who invited you for a new one.",
}
"""Why a link opens nothing, for whoever holds it."""


def add_invitations(blueprint: Blueprint, desk: SignInDesk) -> None:
    """The page of an invitation, and the two ways to accept it. Opening it changes nothing."""
    path = "/invitation/<token>"

    @blueprint.get(path)
    @limited("link")
    @by_link
    def invitation_page(token: str) -> Response:
        try:
            return _page(desk, token, show_invitation(desk.desk, token))
        except InvitationEnded as ended:
            return _ended(ended)

    @blueprint.post(f"{path}/key")
    @limited("link")
    @by_link
    def take_key(token: str) -> Response:
        refuse_cross_site()
        try:
            name, key = accept_with_key(desk.desk, token)
        except InvitationEnded as ended:
            return _ended(ended)
        return personal(make_response(render_template("access/key.html", name=name, key=key)))

    @blueprint.post(f"{path}/passkey")
    @limited("link")
    @by_link
    def make_passkey(token: str) -> Response:
        refuse_cross_site()
        try:
            holder = accept_with_passkey(desk.desk, desk.party, token, passkey_label(), desk.answer(MAKING))
        except InvitationEnded as ended:
            return _ended(ended)
        except PasskeyRefused as refusal:
            return _page(desk, token, show_invitation(desk.desk, token), refused=str(refusal), status=422)
        return desk.start(holder, first_page(holder))


def passkey_label() -> str:
    """The name that a passkey gets: what its owner typed, or else the browser's."""
    typed = " ".join(request.form.get("name", "").split())[:80]
    return typed if typed and typed.isprintable() else browser_family()


def _page(desk: SignInDesk, token: str, invitation: Invitation, *, refused: str = "", status: int = 200) -> Response:
    granted = invitation.granted
    page = desk.page(
        "access/invitation.html",
        MAKING,
        lambda challenge: desk.party.making_options(challenge, granted.id, granted.name, ()),
        invitation=invitation,
        roles=[ROLE_WORDS[role] for role in sorted(granted.grant.roles)],
        token=token,
        refused=refused,
    )
    page.status_code = status
    return personal(page)


def _ended(ended: InvitationEnded) -> Response:
    status = 404 if ended.reason == "unknown" else 410
    page = render_template("access/invitation_ended.html", reason=ENDED[ended.reason])
    return personal(make_response(page, status))
