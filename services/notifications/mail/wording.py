"""The sentences of the mails, by name: ``words.greeting``, ``words.subject["confirmation"]``."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.notifications.mail.content import TEXTS, VARIANTS
from shared.i18n.catalogue import Catalogue
from shared.i18n.languages import LANGUAGES as LANGUAGES
from shared.i18n.languages import best_language as language_for
from shared.i18n.languages import direction
from shared.i18n.phrases import labelled

__all__ = ["FALLBACK", "LANGUAGES", "Wording", "language_for", "wording"]

FALLBACK = LANGUAGES[0]
MAIL_TEXTS = Catalogue(Path(__file__).parent / "translations")


@dataclass(frozen=True, slots=True)
class Wording:
    """One language. Three groups hold one text by name of ``TEXTS``; any other attribute is the message called so."""

    language: str

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        return direction(self.language)

    @property
    def gap(self) -> str:
        """What stands between sentences, and after a label: nothing in Chinese, whose marks are as wide as a letter."""
        return "" if self.language == "zh" else " "

    @property
    def mark(self) -> str:
        """What begins a line of plain text whose first letters may stand in an isolate, which does not decide the
        direction of the line (Unicode UAX 9, rule P2): a right-to-left mark, or nothing.
        """
        return "\N{RIGHT-TO-LEFT MARK}" if self.direction == "rtl" else ""

    @property
    def subject(self) -> Mapping[str, str]:
        """Subject lines, with a place for the title."""
        return _group("subject", self.language)

    @property
    def heading(self) -> Mapping[str, str]:
        """Headings."""
        return _group("heading", self.language)

    @property
    def lead(self) -> Mapping[str, str]:
        """First paragraphs."""
        return _group("lead", self.language)

    def labelled(self, label: str, text: str = "") -> str:
        """Return ``label: text`` with the colon of the language."""
        return labelled(label, text, self.language)

    def __getattr__(self, name: str) -> str:
        if not MAIL_TEXTS.has(name):
            raise AttributeError(name)
        return MAIL_TEXTS.text(name, self.language)


@cache
def _group(name: str, language: str) -> Mapping[str, str]:
    plain = {variant: text for (text, _form_kind), variant in VARIANTS.items()}
    found = {text: text if MAIL_TEXTS.has(f"{name}.{text}") else plain[text] for text in TEXTS}
    return {text: MAIL_TEXTS.text(f"{name}.{one}", language) for text, one in found.items()}


@cache
def wording(language: str) -> Wording:
    """Return the sentences of one of :data:`LANGUAGES`."""
    return Wording(language)
