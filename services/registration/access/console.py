"""``/console/access``: who has access, inviting a colleague, and one page for each of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from services import console_words as words
from services.registration.access.model import ADMINISTRATOR, ROLE_WORDS, Grant, Granted, faults_of, is_readable
from services.registration.access.service import (
    AccessContext,
    NewColleague,
    change,
    grant_of,
    invite,
    invite_again,
    revoke,
    withdraw,
)
from services.registration.access.sign_in_pages import (
    SignInContext,
    add_account,
    add_invitations,
    add_renewal,
    add_sign_in,
)
from services.registration.forms.service import list_forms, list_partners
from shared.console.frame import pages_blueprint
from shared.http.access import holder, needs_all_forms, needs_recent_sign_in, public
from shared.http.headers import personal
from shared.http.holders import MAX_HOLDER_NAME_LENGTH
from shared.i18n.languages import LANGUAGE_NAMES, LANGUAGES
from shared.i18n.when import compact_day
from shared.messaging.contracts.payloads import ROLES
from shared.public_forms.addresses import NotAnAddress, normal_address
from shared.runtime.clock import FIRST_YEAR, LAST_YEAR
from shared.runtime.errors import DomainError


@dataclass(frozen=True, slots=True)
class FilledAccess:
    """The form about a person's access, as an administrator has filled it in.

    Attributes:
        name: the name of the invited person; empty where it is not asked for.
        email: the address of the invited person; empty where it is not asked for.
        language: the language of the invited person; empty where it is not asked for.
        grant: what the person may do.
        until_on: the last day of the access, as it was typed.
        faults: the faults by field; nothing may be done while there is one.
    """

    name: str
    email: str
    language: str
    grant: Grant
    until_on: str
    faults: Mapping[str, str]


def read_access(
    given: MultiDict[str, str], forms: Collection[str], now: datetime, *, asks_person: bool, asks_grant: bool = True
) -> FilledAccess:
    """What was typed.

    Args:
        given: the fields.
        forms: the slugs of all forms.
        now: the time.
        asks_person: whether name, address and language are asked.
        asks_grant: whether roles, forms and expiry are.
    """
    faults: dict[str, str] = {}
    name, email = " ".join(given.get("name", "").split()), given.get("email", "").strip()
    language = given.get("language", "en")
    if asks_person:
        if not name or len(name) > MAX_HOLDER_NAME_LENGTH or not is_readable(name):
            faults["name"] = "Enter a name on one line, without addresses and without words of mixed alphabets."
        if language not in LANGUAGES:
            faults["language"] = "Choose one of the languages."
    if asks_person or not asks_grant:
        try:
            email = normal_address(email)
        except NotAnAddress:
            faults["email"] = "Enter an e-mail address."
    until, grant = given.get("until", "").strip(), Grant(frozenset())
    if asks_grant:
        grant = _grant(given, until, faults, forms)
        faults |= {field: fault for field, fault in faults_of(grant, ROLES, now).items() if field not in faults}
    return FilledAccess(name, email, language, grant, until, faults)


def _grant(given: MultiDict[str, str], until: str, faults: dict[str, str], forms: Collection[str]) -> Grant:
    chosen = frozenset(given.getlist("forms"))
    if not chosen <= set(forms):
        faults["forms"] = "Choose from the existing forms."
    try:
        end = end_of_day(until) if until else None
    except ValueError:
        end, faults["until"] = None, "Enter a day, such as 2026-12-31."
    roles, partner = frozenset(given.getlist("roles")), given.get("partner", "").strip() or None
    limited = given.get("reach") == "some"
    if limited and not chosen:
        faults["forms"] = "Choose at least one form, or all forms."
    return Grant(roles, chosen if limited else None, partner, end)


def end_of_day(text: str) -> datetime:
    """The instant at which a day (``2026-12-31``, UTC) is over.

    Raises:
        ValueError: it is not a day, or far beyond any that is meant.
    """
    day = date.fromisoformat(text)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError("the year is out of range")
    return datetime.combine(day, time(), UTC) + timedelta(days=1)


def last_day(until: datetime | None) -> str:
    """The last day of an access, as :func:`end_of_day` reads it; empty without an end."""
    return "" if until is None else (until - timedelta(seconds=1)).astimezone(UTC).date().isoformat()


def last_day_text(until: datetime | None) -> str:
    """:func:`last_day` as a page shows it: ``Thu 31 Dec 2026``."""
    return "" if until is None else compact_day(date.fromisoformat(last_day(until)))


PATH = "/console/access"
SCRIPT = Path(__file__).parent / "static" / "passkeys.js"
STATES = {
    "active": ("Can sign in", "good"),
    "invited": ("Invited", "mind"),
    "expired": ("Ended", ""),
    "without-sign-in": ("Invitation not used", "mind"),
}
CHANGE, INVITE = "change", "invite"
"""Acts of a colleague's page for which something is typed."""

GRANT_TITLES = {"roles": "Roles", "partner": "Partner", "forms": "Forms", "until": "Last day"}
DONE = {
    "invited": "The invitation is on its way. The link works for seven days, once.",
    "sent-again": "A new link is on its way. Earlier ones no longer work.",
    "withdrawn": "The invitation is withdrawn.",
    "changed": "The access is changed. It takes effect in every part of the console within seconds.",
    "revoked": "The access has ended, with its sessions.",
}


def access_blueprint(context: SignInContext) -> Blueprint:
    """Signing in, invitations, the user's own account, and everyone's access."""
    blueprint = pages_blueprint("access_console", __name__)
    blueprint.context_processor(lambda: _words(context.colleagues))
    add_sign_in(blueprint, context)
    add_invitations(blueprint, context)
    add_account(blueprint, context)
    add_renewal(blueprint)
    _add_script(blueprint)
    _add_list(blueprint, context.colleagues)
    _add_colleague(blueprint, context.colleagues)
    return blueprint


def _words(context: AccessContext) -> dict[str, Any]:
    """What the templates need to name roles, forms and days."""
    return {
        "words": words,
        "last_day": last_day,
        "last_day_text": last_day_text,
        "role_names": {role: text.partition(":")[0] for role, text in ROLE_WORDS.items()},
        "form_titles": lambda: {form.slug: form.title for form in list_forms(context.work)},
    }


def _add_script(blueprint: Blueprint) -> None:
    content = SCRIPT.read_text(encoding="utf-8")

    @blueprint.get("/access/passkeys.js")
    @public
    def passkeys_script() -> Response:
        response = Response(content, mimetype="text/javascript")
        response.cache_control.no_cache = True
        response.add_etag()
        return response.make_conditional(request)  # type: ignore[return-value]  # werkzeug's response is Flask's here


def _add_list(blueprint: Blueprint, context: AccessContext) -> None:
    @blueprint.get("/access")
    @needs_all_forms(ADMINISTRATOR)
    def access_page() -> Response:
        page = render_template(
            "access/list.html",
            granted=[(grant, *STATES[grant.state(context.clock())]) for grant in context.granted()],
            in_file=context.file.holders(),
            done=DONE.get(request.args.get("done", ""), ""),
        )
        return personal(make_response(page))

    @blueprint.get("/access/invite")
    @needs_recent_sign_in
    @needs_all_forms(ADMINISTRATOR)
    def invite_page() -> Response:
        return _form(context)

    @blueprint.post("/access/invite")
    @needs_recent_sign_in
    @needs_all_forms(ADMINISTRATOR)
    def invite_colleague() -> AnyResponse:
        filled = _read(context, asks_person=True)
        if filled.faults or request.form.get("go") == "back":
            return _form(context, filled)
        try:
            new = NewColleague(filled.name, filled.email, filled.language, filled.grant)
            if request.form.get("go") != "do":
                return _form(context, filled, preview=True)
            identity = invite(context, holder(), new)
        except DomainError as refusal:
            return _form(context, filled, notice=_sentence(refusal))
        return redirect(f"{PATH}/{identity}?done=invited", 303)


def _add_colleague(blueprint: Blueprint, context: AccessContext) -> None:
    @blueprint.get("/access/<uuid:holder_id>")
    @needs_all_forms(ADMINISTRATOR)
    def colleague_page(holder_id: UUID) -> Response:
        return _colleague(context, context.one(str(holder_id)))

    @blueprint.post("/access/<uuid:holder_id>")
    @needs_recent_sign_in
    @needs_all_forms(ADMINISTRATOR)
    def change_colleague(holder_id: UUID) -> AnyResponse:
        identity, act = str(holder_id), request.form.get("act", "")
        granted, filled = context.one(identity), _filled(context, act)
        try:
            done = _do(context, granted, act, filled)
        except DomainError as refusal:
            if refusal.code == "not-found":
                raise
            now = context.one(identity)
            status, notice = 409, _sentence(refusal)
            if refusal.code == "edit-conflict" and filled is not None:
                typed, stored = _by_field(filled.grant), _by_field(now.grant)
                status, notice = 412, words.changed_since_typed("access", typed, stored, GRANT_TITLES)
            return _colleague(context, now, notice=notice, status=status, **({act: filled} if filled else {}))
        return redirect(f"{PATH}?done={done}" if done == "revoked" else f"{PATH}/{identity}?done={done}", 303)


def _filled(context: AccessContext, act: str) -> FilledAccess | None:
    """What was typed for an act of the page; None for one that asks nothing."""
    if act == CHANGE:
        return _read(context, asks_person=False)
    if act == INVITE:
        return read_access(request.form, (), context.clock(), asks_person=False, asks_grant=False)
    return None


def _by_field(grant: Grant) -> dict[str, object]:
    return {name: getattr(grant, name) for name in GRANT_TITLES}


def _do(context: AccessContext, granted: Granted, act: str, filled: FilledAccess | None) -> str:
    """Carry out one act of the page; returns the name of the notice to show afterwards."""
    for fault in filled.faults.values() if filled else ():
        raise DomainError("invalid-access", fault)
    if act == CHANGE and filled is not None:
        seen = request.form.get("seen", "")
        change(context, holder(), granted.id, filled.grant, int(seen) if seen.isdecimal() else 0)
        return "changed"
    if act == INVITE and filled is not None:
        language = filled.language if filled.language in LANGUAGE_NAMES else "en"
        invite_again(context, holder(), granted.id, filled.email, language)
        return "sent-again"
    if act == "withdraw":
        withdraw(context, holder(), granted.id)
        return "withdrawn"
    if act == "revoke" and request.form.get("sure") == "yes":
        revoke(context, holder(), granted.id)
        return "revoked"
    raise DomainError("invalid-access", "tick “I am sure” first")


def _read(context: AccessContext, *, asks_person: bool) -> FilledAccess:
    forms = {form.slug for form in list_forms(context.work)}
    return read_access(request.form, forms, context.clock(), asks_person=asks_person)


def _form(
    context: AccessContext, filled: FilledAccess | None = None, notice: str = "", preview: bool = False
) -> Response:
    status = 422 if filled is not None and (filled.faults or notice) else 200
    page = render_template("access/invite.html", filled=filled, notice=notice, preview=preview, **_choices(context))
    return personal(make_response(page, status))


def _colleague(
    context: AccessContext, granted: Granted, notice: str = "", status: int = 200, **filled: FilledAccess
) -> Response:
    """The page of a colleague; ``filled`` is what was typed for the act of that name, to be shown again."""
    now = context.clock()
    page = render_template(
        "access/colleague.html",
        one=granted,
        state=STATES[granted.state(now)],
        waits=granted.invited_until is not None and now < granted.invited_until,
        notice=notice,
        done=DONE.get(request.args.get("done", ""), ""),
        filled=filled,
        **_choices(context),
    )
    return personal(make_response(page, status))


def _choices(context: AccessContext) -> dict[str, Any]:
    """Choices of the page: no one can give more than they have."""
    own = grant_of(holder())
    may = [role for role in ROLE_WORDS if role in own.roles or (role == "partner" and "coordinator" in own.roles)]
    forms = [(form.slug, form.title) for form in list_forms(context.work)]
    return {
        "roles": {role: ROLE_WORDS[role] for role in may},
        "forms": forms,
        "partners": [(partner.slug, partner.name) for partner in list_partners(context.work, None)],
        "languages": LANGUAGE_NAMES,
    }


def _sentence(refusal: DomainError) -> str:
    return refusal.detail[:1].upper() + refusal.detail[1:].rstrip(".") + "."
