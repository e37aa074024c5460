"""Limits of a bulletin, its states, and the warnings that the sender has to confirm. Pure."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256

from services.notifications.recipients.model import Segment
from shared.i18n.languages import LANGUAGES
from shared.runtime.errors import DomainError

MAX_SUBJECT_LENGTH = 160
MAX_TEXT_LENGTH = 20_000

WRITABLE = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]+"
"""Text without control characters except tab and line ends."""

DRAFT, SCHEDULED, SENDING, SENT, STOPPED = "draft", "scheduled", "sending", "sent", "stopped"
STATES = (DRAFT, SCHEDULED, SENDING, SENT, STOPPED)

EVERYONE, AGAIN = "everybody", "again"
WARNINGS = (EVERYONE, AGAIN)
"""Warnings to confirm: it goes to everyone, or the same was sent to the same segment before."""

MAX_AHEAD = timedelta(days=366)
"""How far ahead a bulletin can be scheduled."""

MAX_LATE = timedelta(hours=24)
"""A scheduled bulletin that is later than this is no longer sent: its text may be out of date."""

Texts = Mapping[str, Mapping[str, str]]
"""``{subject, text}`` by language."""


def check_texts(texts: Texts) -> None:
    """Do nothing if these texts are valid for a bulletin.

    Raises:
        DomainError: ``bulletin-invalid``: states what is wrong.
    """
    if "en" not in texts:
        raise DomainError("bulletin-invalid", "an English subject and text are required")
    for language, content in texts.items():
        if language not in LANGUAGES:
            raise DomainError("bulletin-invalid", "a text is in a language that mails do not have")
        _check_text(content.get("subject", ""), MAX_SUBJECT_LENGTH, f"the subject ({language})")
        _check_text(content.get("text", ""), MAX_TEXT_LENGTH, f"the text ({language})")


def fingerprint_of(segment: Segment, texts: Texts) -> bytes:
    """Return 32 bytes that differ for any other segment or text."""
    return sha256(json.dumps([segment, texts], sort_keys=True).encode()).digest()


def _check_text(text: str, max_length: int, name: str) -> None:
    if not text.strip():
        raise DomainError("bulletin-invalid", f"{name} is missing")
    if len(text) > max_length:
        raise DomainError("bulletin-invalid", f"{name} is longer than {max_length} characters")
    if not re.fullmatch(WRITABLE, text):
        raise DomainError("bulletin-invalid", f"{name} holds control characters")
