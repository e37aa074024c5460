"""Pages about what was sent: it is stored, later its receipt, and *my registrations*, which sends a link by mail.

No page here shows an answer; the address only where it was just typed. Nothing depends on who is registered.
"""

from dataclasses import dataclass
from math import ceil
from typing import Literal
from urllib.parse import quote, urlencode

from services.registration.embed.pages import RECEIPTS_PATH, PageStyle, is_dated, render_page
from services.registration.embed.strings import EventTime, page_texts, text_of_kind
from shared.calendar.entries import CalendarLinks
from shared.i18n.languages import Title
from shared.public_forms.fields import engine_texts

ReceiptStatus = Literal["received", "check-your-mail", "confirmed", "waitlisted", "full", "option-full", "closed"]

RELOAD_AFTER_S = (0.4, 0.8, 1.6, 4.0, 8.0, 15.0)
"""How long a page about something undecided waits, in seconds, before each time that it loads itself again; then it
stops, and offers to be loaded again."""


@dataclass(frozen=True, slots=True)
class Reload:
    """When and from where a page loads itself again.

    Attributes:
        after_s: the time after which it does, seconds.
        address: ``?`` and a query, so that no token is in it.
    """

    after_s: float
    address: str

    @property
    def after_ms(self) -> int:
        """For the script, which shows the new page in place of the old one."""
        return round(self.after_s * 1000)

    @property
    def whole_s(self) -> int:
        """For a browser without scripts, which reads whole seconds."""
        return ceil(self.after_s)


def next_reload(language: str, attempt: int) -> Reload | None:
    """Return how a page loads itself again that has done so ``attempt`` times; None if it does not.

    Args:
        language: the language of the page.
        attempt: the parameter ``again`` of the query; 0 without.
    """
    if not 0 <= attempt < len(RELOAD_AFTER_S):
        return None
    return Reload(RELOAD_AFTER_S[attempt], f"?{urlencode({'lang': language, 'again': attempt + 1})}")


@dataclass(frozen=True, slots=True)
class ReceivedPage:
    """The page after a form was sent without the script, and stored.

    Attributes:
        title: the title of the form.
        receipt: the receipt, which opens the receipt page.
        code: the code by which the sender recognises their own answers.
        address: the address to which the mail goes, as it was typed.
    """

    style: PageStyle
    title: Title
    event_time: EventTime | None
    receipt: str
    code: str
    address: str


@dataclass(frozen=True, slots=True)
class ReceiptPage:
    """The outcome of a submission, for the holder of its receipt.

    Attributes:
        title: the title of the form.
        form_kind: the kind of the form: joining a group and asking for a notification have no seat.
        code: the code of the submission.
        attempt: how often the page has loaded itself again.
        calendar: the links that add the event to a calendar; None if there is nothing to add.
        mails_held: whether so many confirmation mails are requested that they take longer than usual.
        promotion_mode: the promotion mode of the form.
    """

    style: PageStyle
    title: Title
    event_time: EventTime | None
    form_kind: str
    status: ReceiptStatus
    code: str
    attempt: int = 0
    calendar: CalendarLinks | None = None
    mails_held: bool = False
    promotion_mode: str = ""


def receipt_path(receipt: str, language: str) -> str:
    """The path of a receipt's page."""
    return f"{RECEIPTS_PATH}/{quote(receipt)}?{urlencode({'lang': language})}"


def render_received(page: ReceivedPage) -> str:
    """States that the submission is stored, and what follows: the same for everyone."""
    path = receipt_path(page.receipt, page.style.language)
    return render_page("received.html", page.style, page=page, title=page.title, receipt_path=path)


def render_receipt(page: ReceiptPage) -> str:
    """Shows what has become of a submission."""
    dated = is_dated(page.event_time)
    heading, message = (
        text_of_kind(f"outcome.{page.status}.{part}", page.form_kind, dated=dated, promotion_mode=page.promotion_mode)
        for part in ("title", "message")
    )
    reload = next_reload(page.style.language, page.attempt) if page.status == "received" else None
    return render_page(
        "receipt.html", page.style, "?", page=page, title=page.title, heading=heading, message=message, reload=reload
    )


def render_receipt_gone(style: PageStyle) -> str:
    """The answer to a receipt that is unknown or has expired; the same for every such receipt."""
    return render_page("receipt_gone.html", style, "?", title=page_texts().text("receipt.gone.title", style.language))


MY_PATH = "/my"

MyNotice = Literal["", "address", "busy"]


@dataclass(frozen=True, slots=True)
class MyPage:
    """The page on which a person asks for the mail with their links, before and after the request is sent.

    Attributes:
        sent: whether the form was sent.
        address: the address as it was typed, if it has to be sent again.
        notice: why it was not stored: ``address``: the address is invalid; ``busy``: nothing can be stored now.
    """

    style: PageStyle
    sent: bool = False
    address: str = ""
    notice: MyNotice = ""


def my_path(language: str) -> str:
    """The path of the page in a language."""
    return f"{MY_PATH}?lang={language}"


def render_my(page: MyPage) -> str:
    """The page as HTML."""
    title = page_texts().text("my.title", page.style.language)
    here = f"{MY_PATH}?sent=1" if page.sent else MY_PATH
    prefix = engine_texts().text("error.prefix", page.style.language)
    return render_page("my.html", page.style, here, page=page, title=title, error_prefix=prefix)
