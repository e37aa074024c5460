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

import hashlib
from dataclasses import dataclass
from datetime import UTC
from email.message import Message
from email.utils import format_datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from services.notifications.mail.assembling import assembled, multipart, octets_part, text_part
from services.notifications.mail.calendar import invitation
from services.notifications.mail.content import MailContext
from services.notifications.mail.defusing import defuse
from services.notifications.mail.headers import mailbox_header, text_header
from services.notifications.mail.mailbox import domain_of, mailbox
from services.notifications.mail.showing import subject_of, values_of
from services.notifications.mail.wording import language_for, wording


@dataclass(frozen=True, slots=True)
class MailText:
    """What a mail says: its subject, and its text for clients that show HTML and for those that do not."""

    subject: str
    plain: str
    html: str


def write(context: MailContext) -> MailText:
    """The words of a mail.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: the event's zone does not exist.
    """
    words = wording(language_for(context.recipient.language))
    subject = subject_of(context, words)
    values = values_of(context, words) | {"subject": subject}
    plain, html = (_templates().get_template(name).render(values) for name in ("mail.txt", "mail.html"))
    return MailText(subject, plain, html)


def render(context: MailContext, message_id: str = "") -> bytes:
    """The whole mail, as the transport takes it. The same context gives the same bytes, in each attempt.

    Args:
        context: what it is made of.
        message_id: with its angle brackets, where one is stored; by default made of the mail's id and the sender's
            domain.

    Raises:
        UnusableAddress: the recipient's or the sender's address is not one mailbox, or not in ASCII.
        zoneinfo.ZoneInfoNotFoundError: the event's zone does not exist.
    """
    text = write(context)
    mark = hashlib.blake2b(context.mail_id.encode(), digest_size=12).hexdigest()
    return assembled(_body(context, text, mark), _headers(context, text.subject, message_id))


def _body(context: MailContext, text: MailText, mark: str) -> Message:
    texts = [text_part(text.plain, "plain"), text_part(text.html, "html")]
    method = context.calendar_method
    if method is None:
        return multipart("alternative", texts, mark)
    calendar = invitation(context, method)
    told = octets_part(calendar, "text", "calendar", {"charset": "utf-8", "method": method}, "")
    attached = octets_part(calendar, "application", "ics", {}, 'attachment; filename="invite.ics"')
    return multipart("mixed", [multipart("alternative", [*texts, told], f"_{mark}"), attached], mark)


def _headers(context: MailContext, subject: str, message_id: str) -> list[tuple[str, str]]:
    headers = [
        ("From", mailbox_header("From", _display_name(context.organiser_name), mailbox(context.mail_from))),
        ("To", mailbox(context.recipient.address)),
        ("Subject", text_header("Subject", subject)),
        ("Date", format_datetime(context.now.astimezone(UTC))),
        ("Message-ID", message_id or f"<{context.mail_id}@{domain_of(context.mail_from)}>"),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834: nobody's robot answers this
        ("Content-Language", language_for(context.recipient.language)),
    ]
    if context.bulletin is not None:  # RFC 2919: by it mail programs sort and mute bulletins
        headers.append(("List-Id", f"<bulletins.{domain_of(context.mail_from)}>"))
    if context.unsubscribe is not None:  # RFC 8058; never folded: readers of one-click links take it as it stands
        headers.append(("List-Unsubscribe", f"<{context.unsubscribe}>"))
        headers.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return headers


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
