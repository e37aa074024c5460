"""A mail as its recipient's program reads it: by the standard library's parsers, independent of our code."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from icalendar import Calendar

LINK = re.compile(r"https?://[^\s<>\"]+")


class Page(HTMLParser):
    """Attributes:
    tags, attributes: names of all there are.
    links: what any attribute or any word leads to.
    comments: and all else that is neither tag nor text.
    text: all words, in order.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.hrefs: list[str] = []
        self.links: set[str] = set()
        self.comments: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        self.links.update(LINK.findall(self.text), *(LINK.findall(href) for href in self.hrefs))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.hrefs += [value or "" for name, value in attrs if name in ("href", "src", "action", "formaction")]

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_pi(self, data: str) -> None:
        self.comments.append(data)

    def unknown_decl(self, data: str) -> None:
        self.comments.append(data)


@dataclass(frozen=True, slots=True)
class Received:
    """Attributes:
    kind: as notifications knows it.
    message: parsed.
    plain, page: the two texts.
    calendars: each calendar part.
    """

    kind: str
    message: EmailMessage
    plain: str
    page: Page
    calendars: list[Any] = field(default_factory=list)

    @property
    def to(self) -> list[str]:
        """Whom it is addressed to, in all its headers."""
        found = [self.message.get_all(name, []) for name in ("To", "Cc", "Bcc")]
        return [address.addr_spec for headers in found for header in headers for address in header.addresses]

    def links(self) -> set[str]:
        """Where anything in it leads: its texts, its headers, its calendar."""
        headers = (link for value in self.message.values() for link in LINK.findall(str(value)))
        calendars = (link for value in self.calendar_values() for link in LINK.findall(value))
        return {*LINK.findall(self.plain), *self.page.links, *headers, *calendars}

    def calendar_values(self) -> Iterator[str]:
        """Every property of its calendar, as text."""
        for calendar in self.calendars:
            for _, value in calendar.property_items():
                yield str(value)

    def everything(self) -> str:
        """All that someone may read in it."""
        return "\n".join((str(self.message["Subject"]), self.plain, self.page.text, *self.calendar_values()))


def read_all(folder: Path, kinds: Mapping[str, str]) -> list[Received]:
    """The mails of ``folder``; ``kinds`` by Message-ID."""
    return [_received(file.read_bytes(), kinds) for file in sorted(folder.glob("*.eml"))]


def _received(content: bytes, kinds: Mapping[str, str]) -> Received:
    message = BytesParser(policy=default).parsebytes(content)
    plain, html = (str(message.get_body((kind,)).get_content()) for kind in ("plain", "html"))  # type: ignore[union-attr]
    parts = [part for part in message.walk() if part.get_content_type() in ("text/calendar", "application/ics")]
    calendars = [Calendar.from_ical(part.get_content()) for part in parts]
    return Received(kinds[str(message["Message-ID"])], message, plain, Page(html), calendars)
