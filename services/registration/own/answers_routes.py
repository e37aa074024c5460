"""``/r/<token>/answers`` changes answers, ``/r/<token>/details`` takes the further details: routes and pages.

A GET changes nothing. Typed input is never lost: it is shown again with validation errors, after a change of language,
and beside the current version of the registration if that was changed in the meantime.
"""

# size: routes that read one link and answer with one of several pages, each from its module

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from flask import Blueprint, Response, request

from services.registration.embed.pages import PageStyle, is_dated
from services.registration.embed.strings import EventTime, script_texts
from services.registration.intake.form_view import FormView
from services.registration.intake.model import Result
from services.registration.own.answers import (
    AnswerDifference,
    FormStep,
    current_values,
    differences,
    ends_at,
    given_at,
    own_definition,
    stored_questions,
)
from services.registration.own.commands import send_change, wait_for_outcome
from services.registration.own.pages import gone, kind_key, own_instant, own_text, own_title, render_own, revision_seen
from services.registration.own.service import show_own
from services.registration.own.store import OwnRegistration
from services.registration.public.context import PublicContext, event_time, page_style_of
from services.registration.public.responses import busy, page, see_other
from services.registration.public.submitted import SubmittedForm, language_of, own_language, read_submitted
from shared.http.access import by_link
from shared.http.request_data import require_form
from shared.i18n.languages import LANGUAGE_NAMES, Title
from shared.public_forms.definition import FormDefinition
from shared.public_forms.fields import engine_texts
from shared.public_forms.rendering import render_fields, render_summary
from shared.public_forms.validation import Answers, FieldError, validate
from shared.runtime.errors import DomainError, Unavailable
from shared.security.rate_limits import limited

AnswersNotice = Literal["", "busy", "edit-conflict", "name-taken", "option-full"]


@dataclass(frozen=True, slots=True)
class AnswersPage:
    """The page with the questions of a step, filled in.

    Attributes:
        title: the title of the event or form.
        path: the path of this page.
        back_path: the path of the own page.
        address: the address of the registration.
        definition: the questions that are asked.
        values: the answers to show.
        errors: the faults to show at their fields.
        revision: the revision of the registration from which a change is made.
        until: the time until which it can be changed; None for always.
        sealed_given: the time at which sealed answers of this step were last given; None if never.
        forget: whether the box that deletes earlier sealed answers is ticked.
        notice: why nothing was saved.
        conflict: the differences between the present registration and what was sent.
    """

    style: PageStyle
    step: FormStep
    title: Title
    event_time: EventTime | None
    path: str
    back_path: str
    address: str
    definition: FormDefinition
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Sequence[FieldError] = ()
    revision: int = 1
    until: EventTime | None = None
    sealed_given: EventTime | None = None
    forget: bool = False
    notice: AnswersNotice = ""
    conflict: tuple[AnswerDifference, ...] = ()


def render_answers(page: AnswersPage) -> str:
    """Return the page with the questions of a step."""
    language = page.style.language
    return render_own(
        "answers.html",
        page.style,
        "",
        form_kind=page.definition.kind,
        page=page,
        title=own_text(kind_key(f"{page.step}.title", page.definition.kind), language),
        fields=render_fields(page.definition, language, values=page.values, errors=page.errors),
        summary=render_summary(page.definition, language, page.errors),
        error_prefix=engine_texts().text("error.prefix", language),
        languages_of_form=[(code, name, "") for code, name in LANGUAGE_NAMES.items()],
        script_texts=script_texts(
            language, page.definition.kind, dated=is_dated(page.event_time), verification="email"
        ),
    )


@dataclass(frozen=True, slots=True)
class AnswersClosedPage:
    """Shown when it is too late to change answers."""

    style: PageStyle
    step: FormStep
    title: Title
    event_time: EventTime | None
    back_path: str
    until: EventTime | None


def render_answers_closed(page: AnswersClosedPage) -> str:
    """Return the page that shows since when answers can no longer be changed."""
    title = own_text(f"{page.step}.title", page.style.language)
    return render_own("answers_closed.html", page.style, page=page, title=title)


CONTROL_FIELDS = ("revision", "forget", "show_in")
"""Fields that the form sends in addition to the answers."""

NOTICES: dict[Result, AnswersNotice] = {
    Result.CHANGED_CONCURRENTLY: "edit-conflict",
    Result.NAME_TAKEN: "name-taken",
    Result.OPTION_FULL: "option-full",
}


@dataclass(frozen=True, slots=True)
class OpenStep:
    """A step of a registration that a managing link opens.

    Attributes:
        token: the token of the link.
        own: the registration, as it is now.
        view: the form of the registration.
        style: the style of the page.
        definition: the questions that are asked.
    """

    token: str
    step: FormStep
    own: OwnRegistration
    view: FormView
    style: PageStyle
    definition: FormDefinition

    @property
    def path(self) -> str:
        """The path of the page."""
        return f"/r/{self.token}/{self.step}"


def answers_blueprint(context: PublicContext) -> Blueprint:
    """Routes of the steps below ``/r/<token>``."""
    blueprint = Blueprint("answers", __name__, url_prefix="/r")

    @blueprint.get("/<token>/<any(answers, details):step>")
    @by_link
    @limited("link")
    def show(token: str, step: FormStep) -> Response:
        opened = _open(context, token, step, request.args.get("lang", ""))
        return opened if isinstance(opened, Response) else _form(opened, current_values(opened.own))

    @blueprint.post("/<token>/<any(answers, details):step>")
    @by_link
    @limited("command")
    def save(token: str, step: FormStep) -> Response:
        require_form()
        language = request.form.get("show_in") or request.form.get("lang", "")
        opened = _open(context, token, step, language)
        return opened if isinstance(opened, Response) else _save(context, opened)

    return blueprint


def _open(context: PublicContext, token: str, step: FormStep, language: str) -> OpenStep | Response:
    """Return what the link opens, or the page that explains why there is nothing to change."""
    try:
        own, view = show_own(context.work, token, context.form_view, context.clock())
    except DomainError:
        return gone(context)
    style = page_style_of(own_language({"lang": language}, own.person.registration.language), {}, None)
    whole = view.whole_for(own.person.registration.working_group)
    definition = own_definition(whole, step, given=given_at(own, step) is not None, held=current_values(own))
    opened = OpenStep(token, step, own, view, style, definition)
    if own.person.registration.status == "cancelled" or not definition.fields:
        return _to_own_page(opened)
    until = ends_at(own, view.stored.opening, step)
    if until is not None and until <= context.clock():
        return _closed(opened)
    return opened


def _save(context: PublicContext, opened: OpenStep) -> Response:
    submitted = _submitted(opened)
    if request.form.get("show_in"):
        return _form(opened, submitted.answers)
    answers = validate(opened.definition, submitted.answers, opened.style.language)
    if not answers.ok:
        return _form(opened, {**submitted.answers, **answers.values, **answers.sealed}, answers=answers, status=422)
    if revision_seen() != opened.own.person.registration.revision:
        return _conflict(opened, answers)
    return _outcome(context, opened, answers)


def _submitted(opened: OpenStep) -> SubmittedForm:
    submitted = read_submitted(opened.definition)
    return replace(
        submitted, answers={name: value for name, value in submitted.answers.items() if name not in CONTROL_FIELDS}
    )


def _outcome(context: PublicContext, opened: OpenStep, answers: Answers) -> Response:
    """Queue the change for the decider, and return a response with the outcome."""
    own, given = opened.own, given_at(opened.own, opened.step) is not None
    asked = stored_questions(opened.definition, answers, given=given, forget=bool(request.form.get("forget")))
    view = replace(opened.view, definition=asked)
    revision = own.person.registration.revision
    details = opened.step == "details"
    try:
        sent = send_change(context.intake, view, own, opened.token, answers, revision=revision, details=details)
    except Unavailable:
        return busy(_form(opened, answers.values | answers.sealed, notice="busy", status=503))
    result = wait_for_outcome(context.intake, sent)
    if result in NOTICES:
        again = _open(context, opened.token, opened.step, opened.style.language)
        if isinstance(again, Response):
            return again
        if result is Result.CHANGED_CONCURRENTLY:
            return _conflict(again, answers)
        return _form(again, answers.values | answers.sealed, notice=NOTICES[result], status=409)
    return _to_own_page(opened) if result is not Result.CLOSED else _closed(opened)


def _conflict(opened: OpenStep, answers: Answers) -> Response:
    """Show both versions: the form holds the submitted one, which replaces the stored one if it is saved."""
    differ = differences(opened.definition, current_values(opened.own), answers.values, opened.style.language)
    if not differ and not answers.sealed:
        return _to_own_page(opened)
    values = answers.values | answers.sealed
    return _form(opened, values, notice="edit-conflict", status=409, conflict=differ)


def _form(opened: OpenStep, values: dict[str, Any], *, status: int = 200, **more: Any) -> Response:
    answers: Answers | None = more.pop("answers", None)
    own, form = opened.own, opened.view.stored
    given = given_at(own, opened.step)
    shown = AnswersPage(
        style=opened.style,
        step=opened.step,
        title=own_title(opened.own, opened.view, opened.style.language),
        event_time=event_time(form),
        path=opened.path,
        back_path=f"/r/{opened.token}",
        address=own.person.email,
        definition=opened.definition,
        values=values,
        errors=answers.errors if answers else (),
        revision=own.person.registration.revision,
        until=own_instant(opened.own, opened.view, ends_at(opened.own, form.opening, opened.step)),
        sealed_given=own_instant(opened.own, opened.view, given)
        if any(field.sealed for field in opened.definition.fields)
        else None,
        forget=bool(request.form.get("forget")),
        **more,
    )
    return page(render_answers(shown), opened.style, status=status)


def _closed(opened: OpenStep) -> Response:
    form = opened.view.stored
    shown = AnswersClosedPage(
        style=opened.style,
        step=opened.step,
        title=own_title(opened.own, opened.view, opened.style.language),
        event_time=event_time(form),
        back_path=f"/r/{opened.token}",
        until=own_instant(opened.own, opened.view, ends_at(opened.own, form.opening, opened.step)),
    )
    return page(render_answers_closed(shown), opened.style, status=409 if request.method == "POST" else 200)


def _to_own_page(opened: OpenStep) -> Response:
    language = language_of({"lang": opened.style.language}, None)
    sent = "&sent=1" if request.method == "POST" else ""
    return see_other(f"/r/{opened.token}?lang={language}{sent}")
