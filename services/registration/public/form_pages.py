"""Submitting a form without a script, answered with pages."""

from dataclasses import replace
from typing import cast

from flask import Response

from services.registration.embed.pages import FramePage, Look, Notice, OwnForm, Verification, render_frame
from services.registration.embed.receipt_pages import ReceivedPage, render_received
from services.registration.forms.model import ATTENDING
from services.registration.forms.partner_store import Partner
from services.registration.forms.store import PublicForm
from services.registration.intake.form_view import FormView
from services.registration.public.challenge import challenge_path
from services.registration.public.context import PublicContext
from services.registration.public.responses import (
    closed_html,
    event_time,
    guest_list_closes,
    look_of,
    page,
    parent_origin,
)
from services.registration.public.submissions import Refused, take
from services.registration.public.submitted import Submitted, language_of
from shared.core.errors import DomainError, Unavailable
from shared.public_forms.definition import ADDRESS_FIELD
from shared.public_forms.validation import Answers
from shared.web.busy_page import retry_after_s


def submit(context: PublicContext, view: FormView, submitted: Submitted) -> Response:
    """Take a plain form and answer with a page: that it is stored, the form with its faults, or why it is closed."""
    partner = view.partner(submitted.partner)
    language = language_of(submitted.beside, partner.language if partner else None)
    parent = parent_origin(partner, str(submitted.beside.get("parent") or ""))
    look = look_of(language, submitted.beside, partner, parent=parent)
    origins = partner.origins if partner else ()
    try:
        accepted = take(context, view, submitted)
    except Refused as refused:
        return again(context, view, submitted, look, answers=refused.answers, status=422)
    except DomainError as refusal:
        if refusal.code == "form-closed":
            return page(closed_html(view, look, refusal.detail), look, origins, 409)
        return again(context, view, submitted, look, notice="failed", status=422)
    except Unavailable:
        response = again(context, view, submitted, look, notice="busy", status=503)
        response.headers["Retry-After"] = str(retry_after_s())
        return response
    shown = ReceivedPage(
        look=look,
        title=view.definition.title.for_reader(language),
        event_time=event_time(view.stored),
        receipt=accepted.receipt,
        code=accepted.code,
        address=str(submitted.answers.get(ADDRESS_FIELD, "")),
    )
    return page(render_received(shown), look, origins, 202)


def in_language(context: PublicContext, view: FormView, submitted: Submitted, language: str) -> Response:
    """The form in another language, with what was typed so far; nothing is checked, and nothing is stored."""
    partner = view.partner(submitted.partner)
    parent = parent_origin(partner, str(submitted.beside.get("parent") or ""))
    look = look_of(language, submitted.beside, partner, parent=parent)
    follows = view.definition.initial_answers(str(submitted.beside.get("lang")))
    kept = {name: value for name, value in submitted.answers.items() if follows.get(name, ...) != value}
    return again(context, view, replace(submitted, answers=kept), look, status=200)


def again(
    context: PublicContext,
    view: FormView,
    submitted: Submitted,
    look: Look,
    *,
    status: int,
    answers: Answers | None = None,
    notice: Notice | None = None,
    own: OwnForm | None = None,
) -> Response:
    """The form once more, filled with what was sent. A key is kept while the content may still be the same."""
    partner = view.partner(submitted.partner)
    parent = parent_origin(partner, str(submitted.beside.get("parent") or ""))
    values = {**submitted.answers, **(answers.values | answers.sealed if answers else {})}
    key = submitted.key if notice == "busy" else ""
    empty = form_page(context, view, partner, look, parent, key)
    shown = replace(empty, values=values, errors=answers.errors if answers else (), notice=notice, own=own)
    return page(render_frame(shown), look, partner.origins if partner else (), status)


def form_page(
    context: PublicContext, view: FormView, partner: Partner | None, look: Look, parent: str, key: str = ""
) -> FramePage:
    """The empty form."""
    return FramePage(
        look=look,
        definition=view.definition,
        event_time=event_time(view.stored),
        partner=partner.slug if partner else "",
        parent_origin=parent,
        idempotency_key=key,
        seats="waiting-list" if view.stored.seats.word == "waiting-list" else "open",
        organiser=context.organiser,
        controller=view.stored.controller or "",
        contact=view.stored.contact or "",
        guest_list=guest_list_closes(view.stored),
        challenge=challenge_path(view.stored.slug),
        verification=cast(Verification, view.stored.verification),
        calendar=_can_add_at_once(view.stored),
    )


def _can_add_at_once(form: PublicForm) -> bool:
    """Whether somebody may get a seat without a mail, at an event that a calendar can hold."""
    return form.verification == "none" and form.kind in ATTENDING and form.starts_at is not None
