"""The page behind a managing link, what it says when it opens nothing, and the page after an erasure, as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.registration.embed.event_time import EventTime
from services.registration.embed.pages import Look
from services.registration.embed.receipt_pages import next_reload
from services.registration.embed.strings import page_texts
from services.registration.own.address_page import OwnAddress
from services.registration.own.rendering import render_own
from shared.calendar.links import CalendarLinks
from shared.i18n.content import Title

ResourceKind = Literal["recording", "slides", "brief"]
Asking = Literal["", "cancel", "erase"]
Refusal = Literal["", "event-over", "changed-meanwhile", "offer-ended"]
Saved = Literal["", "changed", "kept"]
LinkStatus = Literal["confirmed", "waitlisted", "cancelled"]

ERASED_PATH = "/r/erased"
"""Of the page that says that somebody was erased."""


@dataclass(frozen=True, slots=True)
class ResourceLink:
    """A recording, slides or a brief of the event; ``url`` begins with ``https://``, ``language`` is a BCP 47 tag."""

    kind: ResourceKind
    title: Title
    url: str
    language: str


@dataclass(frozen=True, slots=True)
class JoinPart:
    """Joining online, on the own page.

    Attributes:
        state: ``open``, ``early`` or ``no-address``.
        opens: from when it is possible; None without a date.
    """

    state: str
    opens: EventTime | None = None


@dataclass(frozen=True, slots=True)
class OfferPart:
    """An offer of a seat, on the own page; ``until`` when it stands, None once its person has let it pass."""

    until: EventTime | None


@dataclass(frozen=True, slots=True)
class ProposalPart:
    """What became of a proposal, on the own page.

    Attributes:
        status: ``submitted``, ``accepted``, ``scheduled``, ``returned`` or ``declined``.
        note: of the coordinators; may be empty.
        place: room and city of the side event; empty before it has any.
    """

    status: str
    note: str = ""
    place: str = ""

    @property
    def is_suggestion(self) -> bool:
        """Whether a change of the answers is a suggestion to the coordinators, who have accepted the proposal."""
        return self.status in ("accepted", "scheduled")


@dataclass(frozen=True, slots=True)
class LinkPage:
    """A person's own registration.

    Attributes:
        path: of this page, ``/r/<token>``.
        form_kind: kind of the form: joining a group and asking to be told have no seat.
        position: place on the waiting list, from 1; ``None`` unless waitlisted.
        processing: a command by this link is not decided yet.
        attempt: how often the page has loaded itself again.
        refused: why the last command was not done, ``""`` if it was.
        muted: the person wants no mail about submissions with their address, which can be undone here.
        answers: (label, answer) in order, see ``answers_for_display``.
        has_sealed: there are answers that are not shown.
        saved: what became of a change that was just sent: ``changed``, ``kept`` as nothing was different, or ``""``.
        change_path: where the answers can be changed; ``""`` when it is too late, or there are none.
        change_until: until when that is possible; None for always.
        details_path: where to give what is asked after the confirmation; ``""`` where nothing is, or it is too late.
        details_given: when that was given; None if it is missing.
        kept_until: the day on which the registration is erased, in words; ``""`` while that is not known.
        sealed_kept_until: the same of sealed answers; ``""`` if there are none.
        organiser, controller, contact: who asks, who is responsible for the data, and where to ask about them.
        address: what is shown of the address.
        asking: show the question whether to cancel, or to be erased; a page that is only read. ``""`` for neither.
        can_cancel: false once the event has begun.
        again_path: where to register again after cancelling, ``""`` when that is not possible.
        join: what it says of joining online; None for nothing.
        resources: what was published about the event.
        calendar: links that add the event to a calendar; None if there is nothing to add.
        proposal: of a proposal for a side event, what became of it; None for every other registration.
        offer: of a seat, to this person; None if there was none since they wait.
    """

    look: Look
    title: Title
    event_time: EventTime | None
    path: str
    status: LinkStatus
    revision: int
    form_kind: str
    position: int | None = None
    processing: bool = False
    attempt: int = 0
    refused: Refusal = ""
    muted: bool = False
    answers: Sequence[tuple[str, str]] = ()
    has_sealed: bool = False
    saved: Saved = ""
    change_path: str = ""
    change_until: EventTime | None = None
    details_path: str = ""
    details_given: EventTime | None = None
    kept_until: str = ""
    sealed_kept_until: str = ""
    organiser: str = ""
    controller: str = ""
    contact: str = ""
    address: OwnAddress | None = None
    asking: Asking = ""
    can_cancel: bool = True
    again_path: str = ""
    join: JoinPart | None = None
    resources: Sequence[ResourceLink] = ()
    calendar: CalendarLinks | None = None
    proposal: ProposalPart | None = None
    offer: OfferPart | None = None


def render_link(page: LinkPage) -> str:
    """A person's registration, or the question whether to cancel or erase it."""
    state, effect = f"link.{page.status}", f"link.cancel.{page.status}-effect"
    if page.status == "waitlisted" and page.offer is not None:
        state = "offer.state" if page.offer.until else "offer.passed"
    if page.proposal is not None and page.status != "cancelled":
        state = f"proposal.{page.proposal.status}"
        effect = "proposal.withdraw.scheduled-effect" if page.proposal.status == "scheduled" else effect
    here, kept = f"?{page.path.partition('?')[2]}", {"ask": page.asking}
    reload = next_reload(page.look.language, page.attempt) if page.processing else None
    return render_own(
        "link.html",
        page.look,
        here,
        form_kind=page.form_kind,
        kept=kept,
        page=page,
        title=page.title,
        state=state,
        effect=effect,
        reload=reload,
    )


def render_link_gone(look: Look, again_path: str = "", path: str = "") -> str:
    """The answer to a managing link that opens nothing; the same for every such link.

    ``path`` is ``?`` and the query of the link; ``again_path`` is where the form is that the link names, ``""`` if it
    names none that is open.
    """
    title = page_texts().text("link.gone.title", look.language)
    return render_own("link_gone.html", look, path, title=title, again_path=again_path)


def render_link_ended(look: Look, result: str, title: Title, again_path: str, form_kind: str) -> str:
    """The answer to a managing link that has ended itself: ``result`` is ``cancelled`` or ``renewed``.

    ``title`` is that of the form, ``again_path`` where to register again, ``""`` for nowhere.
    """
    return render_own("link_ended.html", look, form_kind=form_kind, title=title, result=result, again_path=again_path)


def render_erased(look: Look) -> str:
    """Says that somebody was erased; it depends on nothing but the language."""
    return render_own("erased.html", look, ERASED_PATH, title=page_texts().text("erased.title", look.language))
