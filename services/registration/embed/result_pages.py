"""The answers of the intake that decides within the request; they go with it."""

from dataclasses import dataclass
from typing import Literal

from services.registration.embed.event_time import EventTime
from services.registration.embed.pages import Look, is_dated, render_page
from services.registration.embed.strings import page_texts, text_of_kind

ResultStatus = Literal["unverified", "confirmed", "waitlisted"]


@dataclass(frozen=True, slots=True)
class ResultPage:
    """The answer to a submission without a script that was taken.

    Attributes:
        address: to which the mail goes, as it was typed; ``""`` where it need not be said.
        path: of the page, where it can be loaded again; ``""`` where it answers a form.
    """

    look: Look
    title: str
    event_time: EventTime | None
    status: ResultStatus
    form_kind: str
    address: str = ""
    path: str = ""


def render_result(page: ResultPage) -> str:
    """The confirmation, for people without the script."""
    dated = is_dated(page.event_time)
    title, message = (_key(page.status, part, page.form_kind, dated=dated) for part in ("title", "message"))
    return render_page("result.html", page.look, page.path, page=page, title=page.title, heading=title, message=message)


def result_message(status: str, language: str, form_kind: str, *, dated: bool) -> str:
    """The sentence that answers a registration of this status on a kind of form.

    Raises:
        KeyError: there is no text for ``status``.
    """
    return page_texts().text(_key(status, "message", form_kind, dated=dated), language)


def _key(status: str, part: str, form_kind: str, *, dated: bool) -> str:
    outcome = "check-your-mail" if status == "unverified" else status
    return text_of_kind(f"outcome.{outcome}.{part}", form_kind, dated=dated)
