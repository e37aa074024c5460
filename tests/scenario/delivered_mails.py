"""Mails as their recipients get them: who got which, the personal link in it, and its effect on a calendar."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cache
from pathlib import Path
from typing import Any

from icalendar import Calendar

_LINK = re.compile(r"/(?:[cr]|r/undo)/[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Entry:
    """The part of a mail about one calendar entry (RFC 5546)."""

    method: str
    uid: str
    sequence: int
    starts_at: datetime | None
    status: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail. ``link`` is the path of its personal link, empty if it has none; ``entry`` of its calendar part."""

    kind: str
    message_id: str
    to: str
    subject: str
    text: str
    link: str
    entry: Entry | None


def read_letters(folder: Path, kinds: Mapping[str, str]) -> list[Letter]:
    """The mails of ``folder`` in order of arrival; ``kinds`` by Message-ID. What has no kind yet is left out."""
    files = sorted(folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
    letters = (_read(file) for file in files)
    return [replace(letter, kind=kinds[letter.message_id]) for letter in letters if letter.message_id in kinds]


def calendar_after(letters: Iterable[Letter]) -> dict[str, Entry]:
    """A recipient's calendar by UID after these mails in this order: an older SEQUENCE never wins, a CANCEL removes."""
    newest: dict[str, Entry] = {}
    for letter in letters:
        entry = letter.entry
        if entry is not None and (entry.uid not in newest or entry.sequence >= newest[entry.uid].sequence):
            newest[entry.uid] = entry
    return {uid: entry for uid, entry in newest.items() if entry.method != "CANCEL"}


@cache
def _read(file: Path) -> Letter:
    """The mail in ``file``, whose kind is not known yet. The scenario checks all of its mails after each act."""
    message = BytesParser(policy=policy.default).parsebytes(file.read_bytes())
    body = message.get_body(("plain",))
    text = str(body.get_content()) if body else ""
    link = _LINK.search(text)
    return Letter(
        kind="",
        message_id=str(message["Message-ID"]),
        to=str(message["To"].addresses[0].addr_spec),
        subject=str(message["Subject"]),
        text=text,
        link=link[0] if link else "",
        entry=_entry(message),
    )


def _entry(message: EmailMessage) -> Entry | None:
    parts = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    if not parts:
        return None
    calendar: Any = Calendar.from_ical(str(parts[0].get_content()))
    (event,) = calendar.walk("VEVENT")
    starts = event.get("DTSTART")
    return Entry(
        method=str(calendar["METHOD"]),
        uid=str(event["UID"]),
        sequence=int(event.get("SEQUENCE", 0)),
        starts_at=starts.dt if starts else None,
        status=str(event.get("STATUS", "")),
    )
