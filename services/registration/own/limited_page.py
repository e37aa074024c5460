"""The read-only page, and the page that leads to the online meeting, as HTML."""

from dataclasses import dataclass
from typing import Literal

from services.registration.embed.event_time import EventTime
from services.registration.embed.pages import Look
from services.registration.own.joining import JoinState
from services.registration.own.rendering import own_text, render_own
from shared.i18n.content import Title

ViewStatus = Literal["confirmed", "waitlisted", "cancelled"]
EventNotice = Literal["", "cancelled", "postponed", "held"]


@dataclass(frozen=True, slots=True)
class ViewPage:
    """A registration as its read-only link shows it: without name, address, answers and position.

    Attributes:
        path: of this page, ``/v/<token>``.
        notice: status of an event that is cancelled, postponed or over; ``""`` for any other.
        sent: the managing link was just requested.
        proposal: status of a proposal that is not withdrawn; ``""`` for every other registration.
        form_kind: of the form.
    """

    look: Look
    title: Title
    event_time: EventTime | None
    path: str
    status: ViewStatus
    notice: EventNotice = ""
    sent: bool = False
    proposal: str = ""
    form_kind: str = ""


@dataclass(frozen=True, slots=True)
class JoinPage:
    """Whether the meeting can be joined now.

    Attributes:
        path: of this page, ``/j/<token>``.
        opens: from when it can be joined; None without a date.
    """

    look: Look
    title: Title
    event_time: EventTime | None
    path: str
    state: JoinState
    opens: EventTime | None = None


def render_view(page: ViewPage) -> str:
    """The read-only page."""
    return render_own("view.html", page.look, "?", form_kind=page.form_kind, page=page, title=page.title)


def render_join(page: JoinPage) -> str:
    """The button that leads to the meeting, or why there is none."""
    return render_own("join.html", page.look, "?", page=page, title=page.title)


def render_joining(look: Look, title: Title, address: str) -> str:
    """Return a page that opens the meeting at ``address``.

    It is not a redirect, because browsers apply ``form-action 'self'`` to redirects after a POST too.
    """
    return render_own("joining.html", look, "", title=title, address=address)


def render_limited_gone(look: Look) -> str:
    """The answer to a read-only or join link that opens nothing; the same for every such link."""
    return render_own("limited_gone.html", look, "?", title=own_text("link.gone.title", look.language))
