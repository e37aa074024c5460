"""A context becomes one message (RFC 5322). Must never send, read a store, or let a form's text make a header or link.

With a calendar the message is built the way the large calendar providers build theirs::

    multipart/mixed
    ├── multipart/alternative
    │   ├── text/plain
    │   ├── text/html
    │   └── text/calendar; method=REQUEST      what Outlook, Gmail and Apple Mail act on
    └── application/ics; invite.ics            the same bytes, for clients that only know attachments

Outlook looks for an invitation in the first child of ``multipart/mixed`` only and wants ``text/calendar`` there
(MS-STANOICAL, notes on RFC 6047 section 2.4); the last alternative is the richest, so the calendar stands last. The
attachment has another type, so that nobody counts a second invitation. Without a calendar: ``multipart/alternative``.
"""

from datetime import UTC
from email.headerregistry import Address, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from services.notifications.mail.calendar import invitation
from services.notifications.mail.content import MailContext
from services.notifications.mail.defusing import defuse
from services.notifications.mail.headers import WholeHeader, mailbox_header, text_header
from services.notifications.mail.mailbox import domain_of, mailbox
from services.notifications.mail.showing import subject_of, values_of
from services.notifications.mail.wording import Wording, language_for, wording


class _HeaderClasses:
    """Makes the classes of header values, one for each name.

    The library's own makes a new class each time a header is set or read, fifty times a mail: a tenth of composing.
    """

    def __init__(self) -> None:
        self._library = HeaderRegistry()
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        made = self._made.get(name.lower())
        if made is None:
            made = self._made[name.lower()] = self._library[name]
        return made

    def __call__(self, name: str, value: Any) -> Any:
        return self[name](name, value)


_HEADERS_POLICY = SMTP.clone(cte_type="7bit", header_factory=_HeaderClasses())
"""CRLF, and bodies that any relay takes, with or without 8BITMIME."""


def render(context: MailContext) -> EmailMessage:
    """The whole mail; ``message.as_bytes()`` is what the transport takes.

    The same context gives the same headers and parts (boundaries are random): a repeated attempt carries the same
    Message-ID.

    Raises:
        UnusableAddress: the recipient's or the sender's address is not one mailbox, or not in ASCII.
        zoneinfo.ZoneInfoNotFoundError: the event's zone does not exist.
    """
    words = wording(language_for(context.recipient.language))
    subject = subject_of(context, words)
    values = values_of(context, words) | {"subject": subject}
    message = EmailMessage(policy=_HEADERS_POLICY)
    message.set_content(_templates().get_template("mail.txt").render(values))
    message.add_alternative(_templates().get_template("mail.html").render(values), subtype="html")
    _add_calendar(message, context)
    _set_headers(message, context, words, subject)  # last: multipart makers carry Content-* headers down with them
    return message


def _set_headers(message: EmailMessage, context: MailContext, words: Wording, subject: str) -> None:
    message["From"] = mailbox_header("From", _display_name(context.organiser_name), mailbox(context.mail_from))
    message["To"] = Address(addr_spec=mailbox(context.recipient.address))
    message["Subject"] = text_header("Subject", subject)
    message["Date"] = context.now.astimezone(UTC)
    message["Message-ID"] = f"<{context.mail_id}@{domain_of(context.mail_from)}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's robot answers this
    message["Content-Language"] = words.language
    if context.unsubscribe is not None:  # RFC 8058
        message["List-Unsubscribe"] = WholeHeader("List-Unsubscribe", f"<{context.unsubscribe}>")
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def _add_calendar(message: EmailMessage, context: MailContext) -> None:
    method = context.calendar_method
    if method is None:
        return
    calendar = invitation(context, method)
    message.add_alternative(
        calendar.decode(), subtype="calendar", charset="utf-8", cte="base64", params={"method": method}
    )
    message.add_attachment(calendar, maintype="application", subtype="ics", filename="invite.ics")


def _display_name(text: str) -> str:
    """A name for From without the characters that have a meaning in an address list (RFC 5322, section 3.2.3)."""
    return " ".join(defuse(text, 60).translate({ord(c): " " for c in '()<>[]:;@\\,"'}).split())


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("services.notifications.mail"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
