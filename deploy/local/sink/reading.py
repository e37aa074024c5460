"""The content of a stored mail, which is hostile input: nothing in it may raise, and nothing is trusted to be text."""

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message

from deploy.local.sink.calendar import CalendarSummary, read_calendar
from deploy.local.sink.folder import received_at

_LINK = re.compile(r"https?://[^\s<>\"'\])]+")
_LABELLED = re.compile(rf"^(\S[^\n]*?)[ \u00a0]*[:：]\r?\n({_LINK.pattern})\r?$", re.MULTILINE)
"""A line that ends with a colon, and an address alone on the next one."""


@dataclass(frozen=True, slots=True)
class MailSummary:
    """One line of the inbox. ``to`` is the recipient of the envelope."""

    id: str
    to: str
    subject: str
    message_id: str
    received_at: datetime
    calendar: CalendarSummary | None


@dataclass(frozen=True, slots=True)
class MailView:
    """One mail, opened.

    ``headers`` are decoded; ``links`` are the http(s) addresses of the text part, each with the line that announces it,
    which may be empty.
    """

    summary: MailSummary
    headers: list[tuple[str, str]]
    text: str | None
    html: str | None
    links: dict[str, str]
    attachments: list[str]


def summarise(mail_id: str, content: bytes) -> MailSummary:
    """The summary of a mail of the sink."""
    return _summary(mail_id, message_from_bytes(content))


def view(mail_id: str, content: bytes) -> MailView:
    """All that the page about one mail shows."""
    message = message_from_bytes(content)
    text = _part_text(message, "text/plain")
    names = [name for part in message.walk() if (name := _file_name(part))]
    headers = [(name, _decoded(value)) for name, value in message.items()]
    labels = {address: label for label, address in _LABELLED.findall(text or "")}
    links = {address: labels.get(address, "") for address in _LINK.findall(text or "")}
    return MailView(_summary(mail_id, message), headers, text, _part_text(message, "text/html"), links, names)


def html_part(content: bytes) -> str | None:
    """The HTML part of a mail as it came, or None."""
    return _part_text(message_from_bytes(content), "text/html")


def _summary(mail_id: str, message: Message) -> MailSummary:
    to = ", ".join(_decoded(value) for value in message.get_all("Delivered-To", message.get_all("To", [])))
    source = _part_text(message, "text/calendar")
    return MailSummary(
        id=mail_id,
        to=to,
        subject=_decoded(message.get("Subject", "")),
        message_id=_decoded(message.get("Message-ID", "")).strip(),
        received_at=received_at(mail_id),
        calendar=None if source is None else read_calendar(source),
    )


def _part_text(message: Message, content_type: str) -> str | None:
    """The first part of that type, decoded as well as it can be."""
    for part in message.walk():
        if part.get_content_type() == content_type and not part.is_multipart():
            payload = part.get_payload(decode=True)
            return _text(payload, part) if isinstance(payload, bytes) else None
    return None


def _text(payload: bytes, part: Message) -> str:
    charset = part.get_param("charset", "utf-8")
    try:
        return payload.decode(charset if isinstance(charset, str) else "utf-8", "replace")
    except (LookupError, ValueError):
        return payload.decode("utf-8", "replace")


def _decoded(value: object) -> str:
    """A header as text on one line; not decoded if that is impossible."""
    raw = str(value)
    try:
        text = str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, ValueError):
        text = raw
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())


def _file_name(part: Message) -> str | None:
    try:
        name = part.get_filename()
    except (LookupError, ValueError, TypeError):
        return None
    return _decoded(name) if name else None
