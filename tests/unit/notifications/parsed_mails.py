"""A mail as its recipient's client parses it, and the parts that each kind must have."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser

from services.notifications.composing.model import LATE_REMINDER, WORDED_KINDS, MailContext
from services.notifications.composing.rendering import render
from services.notifications.mails.kinds import DECISION_KINDS, REMINDER_KINDS
from shared.calendar.event_news import NEWS_KINDS

HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "Content-Language",
    "MIME-Version",
    "Content-Type",
]
WITH_CALENDAR = [
    "multipart/mixed",
    "multipart/alternative",
    "text/plain",
    "text/html",
    "text/calendar",
    "application/ics",
]
WITHOUT_CALENDAR = ["multipart/alternative", "text/plain", "text/html"]
CALENDAR_KINDS = (
    "confirmation",
    "promotion",
    "proposal-scheduled",
    "changed",
    "cancelled-by-you",
    "event-rescheduled",
    "event-postponed",
    "event-cancelled",
    "event-revived",
    "event-confirmed",
    "event-changed",
)
STRUCTURE = {kind: WITH_CALENDAR if kind in CALENDAR_KINDS else WITHOUT_CALENDAR for kind in WORDED_KINDS}
LINK = "https://register.example.org/r/sample-link-that-opens-nothing"
JOIN = "https://meet.example.org/upr-webinar-10"
EMBED = "https://register.example.org/embed/upr-webinar-10"
PROGRAMME = "https://register.example.org/programme/upr-webinar-10?lang=es"
VIEW = "https://register.example.org/v/sample-view"
JOINING = "https://register.example.org/j/sample-join"
LINKS = {
    **{kind: [VIEW] for kind in NEWS_KINDS},
    **{kind: [JOINING, LINK] for kind in ("confirmation", "promotion")},
    **{kind: [JOINING, VIEW] for kind in (*REMINDER_KINDS, LATE_REMINDER, "remote-possible")},
    **{kind: [VIEW] for kind in DECISION_KINDS},
    **{f"event-{news}-proposal": [VIEW] for news in ("postponed", "revived")},
    **{f"reminder-{when}-proposal": [VIEW] for when in ("7-days", "1-day", "late")},
    "verification": [LINK.replace("/r/", "/c/")],
    "verification-registrations": [LINK.replace("/r/", "/c/")],
    **{name: [LINK.replace("/r/", "/r/undo/")] for name in ("address-changed", "address-changed-proposal")},
    **{name: list[str]() for name in ("address-restored", "address-restored-proposal")},
    **{
        name: ["https://console.example.org/console/invitation/sample"]
        for name in ("invitation", "invitation-recovery")
    },
    "confirmation-delegation": [PROGRAMME, LINK],
    "confirmation-interest": [LINK],
    "recording-available": ["https://videos.example.org/upr-webinar-10"],
    "bulletin": [EMBED, VIEW, "https://register.example.org/u/sample"],
}
"""What each mail links to, in order; kinds that are not here, to the personal page alone. Only what a person or a
coordinator did to the registration has a link that can change it."""


class Links(HTMLParser):
    """Collects what a page links to and every tag it has."""

    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str | None] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.hrefs += [value for name, value in attrs if name in ("href", "src")]


def received(context: MailContext) -> EmailMessage:
    """The mail as a recipient's client parses it."""
    message = message_from_bytes(render(context), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    """The text of a body part."""
    body = message.get_body((kind,))
    assert body is not None
    text: str = body.get_content()
    return text
