"""The pages behind a managing link in every state, as HTML, with values from a test or a picture."""

from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime

from services.registration.embed.pages import PageStyle
from services.registration.embed.strings import EventTime
from services.registration.forms.opening import JoinState
from services.registration.forms.standard_forms import standard_form
from services.registration.own.address_routes import (
    AddressPage,
    UndoPage,
    render_address,
    render_undo,
    render_undo_gone,
)
from services.registration.own.answers import AnswerDifference, own_definition
from services.registration.own.answers_routes import (
    AnswersClosedPage,
    AnswersPage,
    render_answers,
    render_answers_closed,
)
from services.registration.own.limited_routes import (
    EventNotice,
    JoinPage,
    ViewPage,
    ViewStatus,
    render_join,
    render_limited_gone,
    render_view,
)
from services.registration.own.my_data import DatedEntry, GivenConsent, MyDataPage, render_my_data
from services.registration.own.pages import (
    JoinPart,
    LinkPage,
    OfferPart,
    OwnAddress,
    ProposalPart,
    ResourceLink,
    own_text,
    render_erased,
    render_link,
    render_link_ended,
    render_link_gone,
)
from shared.calendar.entries import CalendarLinks, calendar_links
from shared.calendar.ics import CalendarEvent
from shared.i18n.when import Period, day_text, time_lines
from shared.public_forms.rendering import answers_for_display
from shared.public_forms.validation import validate

OWN_PATH = "/r/a-token"
GIVEN = Period(datetime(2020, 2, 20, 9, 30, tzinfo=UTC), None, "America/New_York")
GIVEN_AT = EventTime(GIVEN)
UNTIL = EventTime(Period(datetime(2020, 3, 2, 19, 0, tzinfo=UTC), None, "America/New_York"))
RECORDING = ResourceLink("recording", "Recording of the webinar", "https://videos.example.org/upr-webinar-10", "en")
WEBINAR_FORM = standard_form("webinar", "upr-webinar-10", "UPR Webinar Wednesday #10")
PROPOSAL_FORM = standard_form("proposal", "side-event-proposal", "Propose a side event")
DELEGATION = standard_form("delegation", "geneva-delegation", "Delegation in Geneva")


@dataclass(frozen=True, slots=True)
class Typed:
    """What people have typed; a page shows it as text."""

    name: str = "A participant"
    organisation: str = "Example Organisation"
    other_organisation: str = "Another Organisation"
    organiser: str = "Example Network"
    slides: str = "Slides: what to expect in Geneva"
    consent: str = "I agree that the organisers store what I have entered here, to prepare this event."
    question: str = "Emergency contact"
    event: str = "UPR Webinar Wednesday #10"
    proposal: str = "Housing as a human right"
    note: str = "Please name a third speaker, and say which recommendations you will present."


def everywhere(text: str) -> Typed:
    """Return ``text`` in every place in which people type."""
    return Typed(**{field.name: text for field in fields(Typed)})


def event_links(path: str, title: str) -> CalendarLinks:
    """Links to an event whose every text is ``title``; the file is below ``path``."""
    event = CalendarEvent(
        uid="an-entry@example.org",
        sequence=0,
        stamped_at=datetime(2020, 2, 20, tzinfo=UTC),
        starts_at=datetime(2020, 3, 4, 19, tzinfo=UTC),
        ends_at=datetime(2020, 3, 4, 20, tzinfo=UTC),
        time_zone="America/New_York",
        status="CONFIRMED",
        title=title,
        description=title,
        location=title,
    )
    return calendar_links(event, f"{path}/calendar.ics?lang=en")


def own_pages(style: PageStyle, when: EventTime, typed: Typed) -> dict[str, str]:
    """Return the pages by name.

    Args:
        style: of the pages.
        when: the event is.
        typed: what people have typed.
    """
    title = "UPR Webinar Wednesday #10"
    answers = {"name": typed.name, "organisation": typed.organisation}
    link = LinkPage(
        style,
        title,
        when,
        OWN_PATH,
        "confirmed",
        3,
        "webinar",
        answers=answers_for_display(WEBINAR_FORM, answers, style.language),
        has_sealed=True,
        change_path=f"{OWN_PATH}/answers",
        change_until=UNTIL,
        kept_until=day_text(date(2020, 6, 2), style.language),
        sealed_kept_until=day_text(date(2020, 3, 18), style.language),
        organiser=typed.organiser,
        controller="The coordination",
        contact="data@example.org",
        calendar=event_links(OWN_PATH, typed.event),
    )
    link = replace(link, address=OwnAddress("participant@example.org", f"{OWN_PATH}/address"))
    delegation = replace(link, title="Delegation in Geneva", form_kind="delegation", details_path=f"{OWN_PATH}/details")
    waiting = replace(link, status="waitlisted", position=3, calendar=None)
    return {
        "own-confirmed": render_link(link),
        "own-joinable": render_link(replace(link, join=JoinPart("open"))),
        "own-joinable-later": render_link(replace(link, join=JoinPart("early", UNTIL))),
        "own-joinable-nowhere": render_link(replace(link, join=JoinPart("no-address", UNTIL))),
        "own-details-missing": render_link(delegation),
        "own-details-given": render_link(replace(delegation, details_given=GIVEN_AT)),
        "own-waitlisted": render_link(waiting),
        "own-lapsing": render_link(replace(link, keep_until=UNTIL)),
        "own-offered": render_link(replace(waiting, offer=OfferPart(UNTIL))),
        "own-offer-passed": render_link(replace(waiting, offer=OfferPart(None))),
        "own-cancelled": render_link(
            replace(link, status="cancelled", calendar=None, change_path="", again_path="/embed/a-form")
        ),
        "own-changed": render_link(replace(link, saved="changed")),
        "own-kept": render_link(replace(link, saved="kept")),
        "own-processing": render_link(replace(link, processing=True)),
        "own-refused": render_link(replace(link, refused="link.edit-conflict")),
        "own-muted": render_link(replace(link, muted=True)),
        "own-cancel": render_link(replace(link, asking="cancel")),
        "own-erase": render_link(replace(link, asking="erase")),
        "own-recordings": render_link(
            replace(link, resources=(RECORDING, replace(RECORDING, kind="slides", title=typed.slides)))
        ),
        "own-gone": render_link_gone(style, "/embed/a-form", "?form=a-form"),
        "own-erased": render_erased(style),
        "own-ended-cancelled": render_link_ended(style, "cancelled", title, "/embed/a-form", "webinar"),
        "own-ended-renewed": render_link_ended(style, "renewed", title, "", "webinar"),
        **limited_pages(style, when, typed.event),
        **_answers_pages(style, when, typed),
        **_address_pages(link),
        **_my_data_pages(link, typed),
        **_proposal_pages(link, typed),
    }


def _proposal_pages(link: LinkPage, typed: Typed) -> dict[str, str]:
    """A proposal from its submission to its place in the timetable, and withdrawn."""
    answers = {"name": typed.name, "organisation": typed.organisation, "title": typed.proposal, "attendance": 40}
    submitted = replace(
        link,
        title=typed.proposal,
        form_kind="proposal",
        event_time=None,
        answers=answers_for_display(PROPOSAL_FORM, answers, link.style.language),
        has_sealed=False,
        sealed_kept_until="",
        calendar=None,
        change_until=None,
        proposal=ProposalPart("submitted"),
    )
    scheduled = replace(
        submitted,
        event_time=link.event_time,
        calendar=link.calendar,
        proposal=ProposalPart("scheduled", "", "Lake Hall, Geneva"),
    )
    returned = replace(submitted, proposal=ProposalPart("returned", typed.note))
    changing = AnswersPage(
        style=link.style,
        step="answers",
        title=typed.proposal,
        event_time=None,
        path=f"{OWN_PATH}/answers",
        back_path=OWN_PATH,
        address="participant@example.org",
        definition=own_definition(PROPOSAL_FORM, "answers", given=False),
        values=answers,
        revision=3,
    )
    view = ViewPage(
        link.style, "Propose a side event", None, "/v/a-token", "confirmed", proposal="returned", form_kind="proposal"
    )
    return {
        "own-proposal-submitted": render_link(submitted),
        "own-proposal-accepted": render_link(replace(submitted, proposal=ProposalPart("accepted"))),
        "own-proposal-scheduled": render_link(scheduled),
        "own-proposal-returned": render_link(returned),
        "own-proposal-declined": render_link(
            replace(submitted, can_cancel=False, change_path="", proposal=ProposalPart("declined", typed.note))
        ),
        "own-proposal-withdrawn": render_link(
            replace(submitted, status="cancelled", change_path="", again_path="/embed/a-form")
        ),
        "own-proposal-withdraw": render_link(replace(scheduled, asking="cancel")),
        "own-proposal-erase": render_link(replace(submitted, asking="erase")),
        "own-proposal-answers": render_answers(changing),
        "own-proposal-ended": render_link_ended(link.style, "cancelled", typed.proposal, "/embed/a-form", "proposal"),
        "view-proposal": render_view(view),
    }


def _my_data_pages(link: LinkPage, typed: Typed) -> dict[str, str]:
    language = link.style.language

    def dated(what: str) -> DatedEntry:
        return DatedEntry("2020-03-01T09:00:00+00:00", time_lines(GIVEN, language)[0].text, what)

    status = (own_text("data.status", language), own_text("registered.confirmed", language))
    accepted = dated(own_text("data.change.confirmed", language))
    bare = MyDataPage(
        link.style, typed.event, link.event_time, OWN_PATH, (status,), (), (), (), (), (), (), (accepted,), ()
    )
    answered = dated(f"{own_text('data.change.answers', language)} – {typed.question}")
    mails = [
        own_text("data.mail.is-sent", language, mail=own_text(f"data.mail.{kind}", language))
        for kind in ("confirmation", "changed")
    ]
    full = replace(
        bare,
        answers=link.answers,
        sealed=(dated(typed.question), dated(typed.question)),
        readings=(dated(""),),
        tags=("press",),
        notes=(dated(typed.note),),
        consents=(GivenConsent(typed.consent, "en", 3, dated("")),),
        changes=(accepted, answered),
        mails=[dated(one) for one in mails],
    )
    return {
        "own-data": render_my_data(full),
        "own-data-bare": render_my_data(bare),
        "own-data-unread": render_my_data(replace(full, readings=())),
    }


def limited_pages(style: PageStyle, when: EventTime, title: str) -> dict[str, str]:
    """Return the pages behind links that change nothing, by name; ``title`` is that of the event."""
    view = ViewPage(style, title, when, "/v/a-token", "confirmed")
    join = JoinPage(style, title, when, "/j/a-token", JoinState.OPEN, UNTIL)
    statuses: tuple[ViewStatus, ...] = ("confirmed", "waitlisted", "cancelled")
    notices: tuple[EventNotice, ...] = ("cancelled", "postponed", "held")
    return {
        **{f"view-{status}": render_view(replace(view, status=status)) for status in statuses},
        **{f"view-event-{notice}": render_view(replace(view, notice=notice)) for notice in notices},
        "view-sent": render_view(replace(view, sent=True)),
        **{f"join-{state}": render_join(replace(join, state=state)) for state in JoinState},
        "limited-gone": render_limited_gone(style),
    }


def _answers_pages(style: PageStyle, when: EventTime, typed: Typed) -> dict[str, str]:
    answers = AnswersPage(
        style=style,
        step="answers",
        title="Delegation in Geneva",
        event_time=when,
        path=f"{OWN_PATH}/answers",
        back_path=OWN_PATH,
        address="participant@example.org",
        definition=own_definition(DELEGATION, "answers", given=True),
        values={"name": typed.name, "organisation": typed.organisation, "country": "CH"},
        revision=3,
        until=UNTIL,
        sealed_given=GIVEN_AT,
    )
    unnamed = {"name": "", "organisation": typed.organisation}
    faults = validate(answers.definition, unnamed, style.language)
    details = replace(
        answers,
        step="details",
        definition=own_definition(DELEGATION, "details", given=False),
        values={},
        sealed_given=None,
    )
    labels = {field.name: field.label.in_language(style.language) for field in DELEGATION.fields}
    conflict = (
        AnswerDifference(labels["organisation"], typed.organisation, typed.other_organisation),
        AnswerDifference(labels["name"], "", typed.name),
    )
    closed = AnswersClosedPage(style, "details", "Delegation in Geneva", when, OWN_PATH, UNTIL)
    return {
        "own-answers": render_answers(answers),
        "own-answers-faults": render_answers(
            replace(answers, values={"organisation": typed.organisation}, errors=faults.errors)
        ),
        "own-answers-conflict": render_answers(replace(answers, notice="edit-conflict", conflict=conflict)),
        "own-answers-name-taken": render_answers(replace(answers, notice="name-taken")),
        "own-details": render_answers(details),
        "own-details-closed": render_answers_closed(closed),
        "own-answers-closed": render_answers_closed(replace(closed, step="answers")),
    }


def _address_pages(link: LinkPage) -> dict[str, str]:
    """Another address: asked for, waiting, refused, and taken back."""
    own, asking = (
        link.address,
        AddressPage(
            link.style, link.title, link.event_time, f"{OWN_PATH}/address", OWN_PATH, "participant@example.org"
        ),
    )
    assert own is not None
    asked = replace(own, asked="new@example.net", code="P4ZT")
    undo = UndoPage(link.style, link.title, link.event_time, "/r/undo/a-token", "offered", until=UNTIL)
    return {
        "own-address-asked": render_link(replace(link, address=asked)),
        "own-address-same": render_link(replace(link, address=replace(own, refused="same-address"))),
        "own-address-too-often": render_link(replace(link, address=replace(asked, refused="asked-too-often"))),
        "own-address": render_address(asking),
        "own-address-invalid": render_address(replace(asking, typed="nobody", error="invalid")),
        "own-address-unchanged": render_address(replace(asking, typed=asking.address, error="same-address")),
        "undo": render_undo(undo),
        "undo-no-choice": render_undo(replace(undo, no_choice=True)),
        "undo-processing": render_undo(replace(undo, state="processing")),
        "undo-done": render_undo(replace(undo, state="address-restored", until=None)),
        "undo-registered-there": render_undo(replace(undo, state="registered-there")),
        "undo-full": render_undo(replace(undo, state="address-full")),
        "undo-over": render_undo(replace(undo, state="gone", until=None)),
        "undo-gone": render_undo_gone(link.style),
    }
