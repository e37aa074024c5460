"""What a bulletin may hold: a text in English, others beside it, and a segment of people."""

import re
from collections.abc import Mapping

from services.notifications.domain.kinds import ATTENDING
from shared.core.errors import DomainError

LANGUAGES = ("en", "fr", "es", "ar", "ru", "zh")
FORM_KINDS = (*ATTENDING, "working_group", "interest")
SLUGS = ("event", "form", "working_group", "partner", "not_registered_for")
TITLED = ("event", "not_registered_for", "working_group")
"""Parts of a segment that name something with a title."""

LONGEST_SUBJECT = 160
LONGEST_TEXT = 20_000

SLUG = r"[a-z0-9]+(?:-[a-z0-9]+)*"
COUNTRY = r"[A-Z]{2}"
LANGUAGE = r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*"
WRITABLE = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]+"
"""Text without control characters but tab and ends of line."""

SEGMENT = {
    **dict.fromkeys(SLUGS, SLUG),
    "form_kind": "|".join(FORM_KINDS),
    "country": COUNTRY,
    "language": LANGUAGE,
}
"""The parts of a segment, each with the form of its value; a person's registration must fit all that are given."""


def check_bulletin(segment: Mapping[str, str], texts: Mapping[str, Mapping[str, str]]) -> None:
    """Do nothing if a bulletin can be made of these.

    Args:
        segment: whom it is for, by names of ``SEGMENT``.
        texts: ``{subject, text}`` by language.

    Raises:
        DomainError: ``bulletin-invalid``: says what is wrong.
    """
    for name, value in segment.items():
        if name not in SEGMENT or len(value) > 80 or not re.fullmatch(SEGMENT[name], value):
            raise DomainError("bulletin-invalid", f"no segment can be made of what is given as {name}"[:120])
    if "en" not in texts:
        raise DomainError("bulletin-invalid", "an English subject and text are required")
    for language, content in texts.items():
        if language not in LANGUAGES:
            raise DomainError("bulletin-invalid", "a text is in a language that mails do not have")
        _check_text(content.get("subject", ""), LONGEST_SUBJECT, f"the subject ({language})")
        _check_text(content.get("text", ""), LONGEST_TEXT, f"the text ({language})")


def _check_text(text: str, longest: int, name: str) -> None:
    if not text.strip():
        raise DomainError("bulletin-invalid", f"{name} is missing")
    if len(text) > longest:
        raise DomainError("bulletin-invalid", f"{name} is longer than {longest} characters")
    if not re.fullmatch(WRITABLE, text):
        raise DomainError("bulletin-invalid", f"{name} holds control characters")
