"""The page behind a confirmation link, and the form that its owner can fill there.

Reading a link changes nothing, and a POST without a choice is refused: mail scanners follow links and press buttons.
"""

# size: routes that read one link and answer with one of several pages, each from its module

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from services.registration.embed.pages import PageStyle
from services.registration.embed.strings import EventTime
from services.registration.forms.service import first_form
from services.registration.intake.form_view import FormView
from services.registration.intake.model import Choice, Result
from services.registration.own.commands import mute, send_choices, send_link, wait_for_outcome
from services.registration.own.confirmation_page import (
    CandidateResult,
    ChangeCard,
    ChoiceOption,
    ConfirmationPage,
    Done,
    FormLink,
    PendingCandidate,
    RegisteredEntry,
    back_to_list,
    confirmation_gone,
    read_choices,
    render_confirmation,
)
from services.registration.own.own_form_routes import add_own_form
from services.registration.own.service import WaitingForOwner, show_waiting
from services.registration.own.store import LinkAct, PendingSubmission, RegisteredPerson, WaitingChange
from services.registration.people.model import clear_answers
from services.registration.public.context import PublicContext, event_time, page_style_of, title_of
from services.registration.public.responses import page
from services.registration.public.submitted import attempt_number, own_language
from shared.http.access import by_link
from shared.http.request_data import require_form
from shared.i18n.when import period
from shared.public_forms.rendering import answers_for_display
from shared.runtime.errors import DomainError
from shared.security.rate_limits import limited
from shared.vocabulary.form_kinds import PROPOSAL

MAX_ACTS_SHOWN = 10
"""Of what was done by a link, the newest."""

MAX_GONE = 10
"""Choices about what does not wait any more: a browser can name any number, and each costs a lookup and a result."""


def confirmation_blueprint(context: PublicContext) -> Blueprint:
    """``/c/<token>`` and ``/c/<token>/forms/<slug>``."""
    blueprint = Blueprint("waiting", __name__)
    _add_list(blueprint, context)
    add_own_form(blueprint, context)
    return blueprint


def _add_list(blueprint: Blueprint, context: PublicContext) -> None:
    @blueprint.get("/c/<token>")
    @by_link
    @limited("link")
    def show(token: str) -> Response:
        try:
            waiting = show_waiting(context.work, token, context.clock())
        except DomainError:
            return confirmation_gone()
        return _list_page(context, waiting, done=cast(Done, request.args.get("done", "")))

    @blueprint.post("/c/<token>")
    @by_link
    @limited("command")
    def act(token: str) -> Response:
        require_form()
        try:
            waiting = show_waiting(context.work, token, context.clock())
        except DomainError:
            return confirmation_gone()
        action = request.form.get("action", "")
        if action == "choose":
            return _choose(context, token, waiting)
        if action not in ("send-link", "mute", "unmute"):
            raise BadRequest("unknown action")
        return _command(context, token, waiting, action)


def _choose(context: PublicContext, token: str, waiting: WaitingForOwner) -> Response:
    try:
        choices = read_choices(request.form)
    except ValueError:
        raise BadRequest("there is no such choice") from None
    if not choices:
        no_choice = bool(waiting.pending or waiting.changes)
        return _list_page(context, waiting, no_choice=no_choice, status=422 if no_choice else 200)
    forms = {entry.id: entry.form for entries in (waiting.pending, waiting.changes) for entry in entries}
    decided = {result.candidate for act in waiting.acts for result in act.results}
    gone = [choice for choice in choices if choice.candidate not in forms and choice.candidate not in decided]
    known = [
        *(replace(choice, form=forms[choice.candidate]) for choice in choices if choice.candidate in forms),
        *(_with_form(context, choice) for choice in gone[:MAX_GONE]),
    ]
    if known:  # of what was decided before the page shows the result
        wait_for_outcome(
            context.intake, send_choices(context.intake, _any_form(context, waiting, known), waiting, known)
        )
    return back_to_list(token)


def _with_form(context: PublicContext, choice: Choice) -> Choice:
    """The choice about what is gone, with the form that the page named, if there is such."""
    try:
        context.form_view(choice.form)
    except DomainError:
        return replace(choice, form="")
    return choice


def _command(context: PublicContext, token: str, waiting: WaitingForOwner, action: str) -> Response:
    view = _any_form(context, waiting)
    if action == "send-link":
        registration = request.form.get("registration", "")
        if registration not in {person.id for person in waiting.registered}:
            raise BadRequest("there is no such registration")
        receipt, done = send_link(context.intake, view, waiting, registration), "link-sent"
    else:
        receipt, done = mute(context.intake, view, waiting, muted=action == "mute"), f"{action}d"
    wait_for_outcome(context.intake, receipt)
    return back_to_list(token, done)


def _any_form(context: PublicContext, waiting: WaitingForOwner, choices: Sequence[Choice] = ()) -> FormView:
    """The form of a command's row: one that this address has to do with, else the first form."""
    slugs = [
        entry.form
        for entries in (choices, waiting.pending, waiting.changes, waiting.registered)
        for entry in entries
        if entry.form
    ]
    return context.form_view(slugs[0] if slugs else first_form(context.work))


def _list_page(
    context: PublicContext, waiting: WaitingForOwner, *, done: Done = "", no_choice: bool = False, status: int = 200
) -> Response:
    style = page_style_of(own_language(request.values.to_dict(), waiting.link.language), {}, None)
    views = _views(context, waiting)
    shown = ConfirmationPage(
        style=style,
        path=request.path,
        address=waiting.link.email,
        candidates=tuple(
            _candidate(submission, waiting, views[submission.form], style) for submission in waiting.pending
        ),
        changes=tuple(_change(change, views[change.form], style) for change in waiting.changes),
        results=tuple(_results(waiting, views, style)),
        registered=tuple(_entry(person, views[person.form], style) for person in waiting.registered),
        forms=tuple(_form_links(context, waiting, views, style)),
        muted=waiting.link.muted,
        no_choice=no_choice,
        done=done if done in ("link-sent", "muted", "unmuted") else "",
        attempt=attempt_number(),
    )
    return page(render_confirmation(shown), style, status=status)


def _views(context: PublicContext, waiting: WaitingForOwner) -> dict[str, FormView]:
    """The forms that anything behind the link is about."""
    slugs = {entry.form for entries in (waiting.pending, waiting.changes, waiting.registered) for entry in entries}
    for act in _shown_acts(waiting):
        slugs |= {act.form} | {result.form for result in act.results if result.form}
    return {slug: context.form_view(slug) for slug in sorted(slugs)}


def _candidate(one: PendingSubmission, waiting: WaitingForOwner, view: FormView, style: PageStyle) -> PendingCandidate:
    definition = view.definition
    zone = one.content.time_zone or view.stored.time_zone or "UTC"
    received = period(one.received_at, None, zone, None)
    assert received is not None
    return PendingCandidate(
        id=one.id,
        form=one.form,
        title=title_of(view.stored, definition, style.language),
        event_time=event_time(view.stored),
        code=one.code,
        received=received,
        answers=answers_for_display(definition, clear_answers(one.content), style.language),
        has_sealed=one.has_sealed,
        consents=tuple(field.label.in_language(style.language) for field in definition.consents),
        options=_options(one, waiting, definition.kind),
        form_kind=definition.kind,
    )


def _change(one: WaitingChange, view: FormView, style: PageStyle) -> ChangeCard:
    return ChangeCard(
        id=one.id,
        form=one.form,
        title=title_of(view.stored, view.definition, style.language),
        event_time=event_time(view.stored),
        code=one.code,
        received=EventTime(period(one.received_at, None, view.stored.time_zone or "UTC")),
    )


def _options(one: PendingSubmission, waiting: WaitingForOwner, form_kind: str) -> tuple[ChoiceOption, ...]:
    """Return the options, with keeping before replacing; a person who is registered already cannot register again.

    Of a registration they contain the name alone. They do not say which of its answers would change either: the
    holder of the link can submit answers for the address, and would find out the registered ones by trying.
    """
    others = [person for person in waiting.registered if person.form == one.form]
    if not others:
        return (ChoiceOption("confirm"), ChoiceOption("refuse"))
    same = [person for person in others if person.person == one.person]
    replacing = [ChoiceOption("replace", person.id, person.name) for person in same or others]
    another = [] if same else [ChoiceOption("another-person")]
    if form_kind == PROPOSAL:  # one person makes several
        return (*another, *replacing, ChoiceOption("keep"), ChoiceOption("refuse"))
    return (ChoiceOption("keep"), *replacing, *another, ChoiceOption("refuse"))


def _results(waiting: WaitingForOwner, views: Mapping[str, FormView], style: PageStyle) -> Iterator[CandidateResult]:
    for act in _shown_acts(waiting):
        if act.decided_at is None:
            yield _result(None, views[act.form], "", style)
        for result in act.results:
            yield _result(result.result, views[result.form or act.form], result.code, style)


def _shown_acts(waiting: WaitingForOwner) -> list[LinkAct]:
    return [act for act in waiting.acts if act.kind in ("confirm", "submission")][:MAX_ACTS_SHOWN]


def _result(result: Result | None, view: FormView, code: str, style: PageStyle) -> CandidateResult:
    return CandidateResult(
        result=result,
        title=title_of(view.stored, view.definition, style.language),
        event_time=event_time(view.stored),
        code=code,
        form_kind=view.stored.kind,
        form_path=f"{request.path}/forms/{view.stored.slug}" if result in (Result.EXPIRED, Result.OPTION_FULL) else "",
        promotion_mode=view.stored.seats.mode,
    )


def _entry(one: RegisteredPerson, view: FormView, style: PageStyle) -> RegisteredEntry:
    return RegisteredEntry(
        id=one.id,
        title=title_of(view.stored, view.definition, style.language),
        event_time=event_time(view.stored),
        status="confirmed" if one.status == "confirmed" else "waitlisted",
        form_kind=view.stored.kind,
        name=one.name,
    )


def _form_links(
    context: PublicContext, waiting: WaitingForOwner, views: Mapping[str, FormView], style: PageStyle
) -> Iterator[FormLink]:
    """The forms of what waits, as far as they are open."""
    for slug in dict.fromkeys([*(submission.form for submission in waiting.pending), *views]):
        view = views[slug]
        if not view.refusal(context.clock()):
            yield FormLink(title_of(view.stored, view.definition, style.language), f"{request.path}/forms/{slug}")
