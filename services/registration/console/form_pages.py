"""Forms: how full and how open they are, changing that with the effect shown first, and who has changed what."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.console import form_words
from services.registration.console.form_filling import Filled, first_values, read_filled, zone_of
from services.registration.domain.form_settings import FormSettings
from services.registration.domain.opening import closed_reason, set_reason
from services.registration.people.messages import RegistrationMessages
from services.registration.store.form_changes import FormChangeLine
from services.registration.store.forms import StoredForm, settings_of
from services.registration.usecases.change_form import FormChange, change_form, preview_form_change, show_form
from services.registration.usecases.look_up import list_forms
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.forms.definition import parse_definition
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, may_touch, needs, require_touch
from shared.web.headers import personal

MEANWHILE = "This form was changed after you had opened the page, so nothing was done. Look at it as it is now."


def add_forms(blueprint: Blueprint, work: UnitOfWork, clock: Clock, messages: RegistrationMessages) -> None:
    """``/console/registrations/forms`` and ``/console/registrations/forms/<slug>``."""

    @blueprint.get("/registrations/forms")
    @needs("coordinator", "viewer")
    def forms_page() -> Response:
        now = clock()
        forms = [form for form in list_forms(work) if may_touch(form.slug)]
        rows = [(form, _title(form), form_words.state_of(closed_reason(form.opening, now))) for form in forms]
        shown = render_template(
            "registrations/forms.html",
            rows=rows,
            form_words=form_words,
            may_see_partners="coordinator" in holder().roles,
        )
        return personal(make_response(shown))

    @blueprint.get("/registrations/forms/<slug>")
    @needs("coordinator", "viewer")
    def form_page(slug: str) -> Response:
        form, history = _form(work, slug)
        filled = Filled(first_values(form), {}, None)
        done = bool(history) and request.args.get("done") == str(history[0].revision) == str(form.revision)
        return _page(form, history, filled, clock(), done=done)

    @blueprint.post("/registrations/forms/<slug>")
    @needs("coordinator")
    def change(slug: str) -> AnyResponse:
        form, history = _form(work, slug)
        filled, seen = read_filled(form, request.form), _seen(request.form)
        if seen != form.revision:
            return _meanwhile(form, history, seen, clock())
        if filled.wanted is None:
            return _page(form, history, filled, clock(), status=422)
        if request.form.get("go") != "do":
            return _effect(work, clock, form, history, filled)
        return _do(work, clock, messages, slug, FormChange(slug, seen, holder().name, filled.wanted))


def _form(work: UnitOfWork, slug: str) -> tuple[StoredForm, list[FormChangeLine]]:
    require_touch(slug)
    return show_form(work, slug)


def _seen(form: Mapping[str, str]) -> int:
    seen = form.get("seen", "")
    if not (seen.isascii() and seen.isdecimal() and len(seen) < 10):
        raise BadRequest("unknown state")
    return int(seen)


def _effect(
    work: UnitOfWork, clock: Clock, form: StoredForm, history: Sequence[FormChangeLine], filled: Filled
) -> Response:
    assert filled.wanted is not None
    effect = preview_form_change(work, clock, form.slug, filled.wanted)
    sentences = form_words.effect_sentences(effect, filled.wanted)
    planned = form_words.planned_sentences(settings_of(form), filled.wanted)
    return _page(form, history, filled, clock(), effect=effect, sentences=sentences, planned=planned)


def _do(work: UnitOfWork, clock: Clock, messages: RegistrationMessages, slug: str, change: FormChange) -> AnyResponse:
    try:
        changed = change_form(work, clock, messages, change)
    except DomainError as refusal:
        if refusal.code != "changed-meanwhile":
            raise
        form, history = show_form(work, slug)
        return _meanwhile(form, history, change.revision, clock())
    return redirect(f"/console/registrations/forms/{slug}?done={changed.revision}", 303)


def _meanwhile(form: StoredForm, history: Sequence[FormChangeLine], seen: int, now: datetime) -> Response:
    """The page as it is now, with what somebody else has done."""
    filled = Filled(first_values(form), {}, None)
    others = [line for line in history if line.revision > seen]
    return _page(form, history, filled, now, status=412, notice=MEANWHILE, meanwhile=others)


def _page(
    form: StoredForm, history: Sequence[FormChangeLine], filled: Filled, now: datetime, status: int = 200, **more: Any
) -> Response:
    page = render_template(
        "registrations/form.html",
        form=form,
        title=_title(form),
        state=form_words.state_of(closed_reason(form.opening, now)),
        zone=zone_of(form),
        filled=filled,
        switched=first_values(form, _switched(form, now)),
        history=history,
        form_words=form_words,
        may_change="coordinator" in holder().roles,
        **more,
    )
    return personal(make_response(page, status))


def _switched(form: StoredForm, now: datetime) -> FormSettings:
    """Closed at once; or open at once, without hours that would keep it closed."""
    if not set_reason(form.opening, now):
        return replace(settings_of(form), open=False)
    opens_at = None if form.opens_at and form.opens_at > now else form.opens_at
    closes_at = None if form.closes_at and form.closes_at <= now else form.closes_at
    return replace(settings_of(form), open=True, opens_at=opens_at, closes_at=closes_at)


def _title(form: StoredForm) -> str:
    return parse_definition(form.definition).title.in_language("en")
