"""What the page behind a managing link shows of a registration, and which buttons it has."""

from datetime import datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from flask import request

from services.registration.embed.pages import PageStyle, embed_path
from services.registration.forms.model import retention_of
from services.registration.forms.opening import closed_reason, is_over
from services.registration.forms.store import PublicForm
from services.registration.intake.form_view import FormView
from services.registration.intake.model import Result
from services.registration.own.address_routes import own_address
from services.registration.own.answers import FormStep, ends_at, own_definition
from services.registration.own.calendar_routes import own_calendar_links
from services.registration.own.limited_routes import join_part
from services.registration.own.pages import (
    Asking,
    LinkPage,
    LinkStatus,
    OfferPart,
    ProposalPart,
    Refusal,
    ResourceLink,
    Saved,
    own_instant,
    own_title,
)
from services.registration.own.service import OwnPage
from services.registration.own.store import LinkAct, OwnRegistration
from services.registration.people.model import clear_answers
from services.registration.public.context import PublicContext, event_time
from services.registration.public.personal_calendar import (
    event_place,
)
from services.registration.public.submitted import attempt_number
from shared.i18n.when import day_text
from shared.public_forms.rendering import answers_for_display

REFUSALS: dict[Result, Refusal] = {
    Result.EVENT_OVER: "link.event-over",
    Result.CHANGED_CONCURRENTLY: "link.edit-conflict",
    Result.OFFER_ENDED: "link.offer-ended",
}
"""Results of a command that are explained; of others the page shows what is."""


REFUSED_CHANGES: dict[Result, Refusal] = {
    Result.NAME_TAKEN: "answers.name-taken",
    Result.OPTION_FULL: "answers.option-full",
    Result.CLOSED: "answers.closed.title",
}
"""Results of a change of answers that are explained here if they came too late for the page with the answers."""


SAVED: dict[Result, Saved] = {Result.CHANGED: "changed", Result.KEPT: "kept"}
"""Results of a change of answers that the page shows."""


def link_page(context: PublicContext, token: str, shown: OwnPage, style: PageStyle, *, asking: Asking) -> LinkPage:
    own, view, act = shown.own, shown.form, shown.act
    form, now, registration = view.stored, context.clock(), own.person.registration
    return LinkPage(
        style=style,
        title=own_title(own, view, style.language),
        event_time=event_time(form),
        path=request.path,
        status=cast(LinkStatus, registration.status),
        revision=registration.revision,
        form_kind=form.kind,
        position=registration.position,
        promotion_mode=form.seats.mode,
        processing=act is not None and act.decided_at is None,
        attempt=attempt_number(),
        refused=_refusal(act),
        muted=own.muted,
        answers=answers_for_display(view.whole, clear_answers(own.person, registration), style.language),
        has_sealed=own.person.has_sealed,
        address=own_address(token, shown),
        asking=asking,
        can_cancel=_can_cancel(own, view, now),
        again_path=_again_path(own, view, style, now),
        join=join_part(shown, now),
        saved=_saved(act),
        change_path=_step_path(own, view, "answers", now),
        change_until=own_instant(own, view, ends_at(own, form.opening, "answers")),
        details_path=_step_path(own, view, "details", now),
        details_given=own_instant(own, view, own.person.details_at),
        kept_until=_kept_until(form, form.kept, style.language),
        sealed_kept_until=_kept_until(form, _sealed_kept(form), style.language) if own.person.has_sealed else "",
        organiser=context.organiser,
        controller=form.controller or "",
        contact=form.contact or "",
        resources=_resource_links(shown, style.language),
        calendar=own_calendar_links(context, token, shown, style.language),
        proposal=_proposal_part(shown, style.language),
        offer=OfferPart(own_instant(own, view, registration.offer_expires_at)) if registration.hold else None,
        keep_until=own_instant(own, view, registration.lapses_at),
    )


def _again_path(own: OwnRegistration, view: FormView, style: PageStyle, now: datetime) -> str:
    """Return the path of the form for registering again; empty while the form takes no registrations."""
    if closed_reason(view.stored.opening, now):
        return ""
    return embed_path(view.stored.slug, {"lang": style.language, "partner": own.person.registration.partner or ""})


def _resource_links(shown: OwnPage, language: str) -> list[ResourceLink]:
    return [
        ResourceLink(resource.kind, resource.title.for_reader(language), resource.url, resource.language)
        for resource in shown.resources
    ]


def _can_cancel(own: OwnRegistration, view: FormView, now: datetime) -> bool:
    """Whether the page offers to cancel: not once the event has begun, nor for a proposal that was declined."""
    return not _is_declined(own) and not is_over(view.stored.opening, now)


def _is_declined(own: OwnRegistration) -> bool:
    return own.proposal is not None and own.proposal.status == "declined"


def _proposal_part(shown: OwnPage, language: str) -> ProposalPart | None:
    """What became of a proposal; None for any other registration."""
    state, event = shown.own.proposal, shown.side_event
    if state is None:
        return None
    return ProposalPart(state.status, state.note, "" if event is None else event_place(event, language))


def _step_path(own: OwnRegistration, view: FormView, step: FormStep, now: datetime) -> str:
    """Where the questions of a step are; empty if it has none, if it is too late, or if the registration has ended."""
    until = ends_at(own, view.stored.opening, step)
    asked = own_definition(view.whole, step, given=False).fields
    ended = own.person.registration.status == "cancelled" or _is_declined(own)
    is_open = bool(asked) and not ended and (until is None or now < until)
    return f"{request.path}/{step}" if is_open else ""


def _sealed_kept(form: PublicForm) -> timedelta:
    """How long after the last day the last of the sealed answers are kept."""
    days = retention_of(form.definition["fields"], form.kept.days).sealed
    return timedelta(days=max(days, default=0))


def _kept_until(form: PublicForm, kept: timedelta, language: str) -> str:
    """The day in the event's zone on which something is deleted; empty while the event has no date."""
    last = form.opening.ends_at or form.opening.starts_at
    if last is None:
        return ""
    return day_text((last + kept).astimezone(ZoneInfo(form.time_zone or "UTC")).date(), language)


def _refusal(act: LinkAct | None) -> Refusal:
    """Why the last command was not done, shown right after it was sent."""
    if act is None or act.result is None or not _was_just_sent():
        return ""
    explained = REFUSALS | REFUSED_CHANGES if act.kind == "change" else REFUSALS
    return explained.get(act.result, "")


def _saved(act: LinkAct | None) -> Saved:
    """What became of a change of answers, shown right after it was sent."""
    if act is None or act.kind != "change" or act.result is None or not _was_just_sent():
        return ""
    return SAVED.get(act.result, "")


def _was_just_sent() -> bool:
    """Whether a command has led to this page, which may have loaded itself again since."""
    return "sent" in request.args or attempt_number() > 0
