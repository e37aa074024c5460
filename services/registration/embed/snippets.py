"""What a partner's web editor pastes: the element, or a plain frame, for one form, in one language.

Everything in a snippet is a slug, a code or our own address, but the form's title: that is written as HTML text.

The height of the form is estimated, so that a page can reserve the space before the form is there. The lines of each
text are counted with average letter widths. Against Chromium the estimate is within a tenth for the forms of the
sample, in six languages, from 328 to 1100 pixels (``tests/browser``). An element corrects it when its frame reports the
true height; a plain frame keeps it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from math import ceil
from unicodedata import east_asian_width
from urllib.parse import urlencode, urlsplit

from services.registration.embed.pages import pinned_script
from services.registration.embed.strings import page_texts
from shared.i18n.languages import LANGUAGE_NAMES
from shared.public_forms.definition import Field, FormDefinition
from shared.vocabulary.form_kinds import FORM_KINDS

NARROW_PX, WIDE_PX = 328, 640
"""Widths of a frame: on a phone of 360 pixels with a margin, and in a column of text."""

SIDE_PADDING_PX = 32
LINE_PX, HELP_LINE_PX = 24.8, 23.3
FIELD_MARGIN_PX = 24
CONTROL_PX = {"input.html": 53, "select.html": 53, "zones.html": 53, "textarea.html": 120}
CHOICE_PADDING_PX = 19.2
LANGUAGE_GAP_PX, LANGUAGE_ROW_PX = 20, 32
HEADING_PX, FOOTER_PX, BUTTON_PX, PROGRESS_PX = 84, 52, 50, 37
WHEN_CHARACTERS, LOCAL_CHARACTERS = 160, 70
"""Of the lines with the event's time, in its own zone with UTC, and in the reader's."""
WHEN_LINES = 4
"""Of the first of these at least: day, hours, zone and UTC are on separate lines."""


def estimate_height(definition: FormDefinition, language: str, width: int) -> int:
    """Return the height of a form in a frame, in pixels, as long as nothing is filled in.

    Args:
        definition: the form, with the choices that there are.
        language: the language of its texts.
        width: the width of the frame, in pixels.
    """
    inner = width - SIDE_PADDING_PX
    asked = [field for field in definition.fields if not field.shown_when]
    required, privacy, my_link = (page_texts().text(key, language) for key in ("required-note", "privacy", "my.link"))
    parts = [
        _languages(inner),
        HEADING_PX + _lines(definition.title.in_language(language), inner, 1.6) * 35,
        _when(definition, inner) * LINE_PX,
        _lines(definition.intro.in_language(language), inner) * LINE_PX + 12,
        _lines(required, inner, 0.94) * HELP_LINE_PX + 20,
        sum(_field(field, language, inner) for field in asked),
        BUTTON_PX + PROGRESS_PX + FOOTER_PX,
        (_lines(privacy, inner, 0.94) + 1) * HELP_LINE_PX + 12,
        _lines(my_link, inner, 0.94) * HELP_LINE_PX + 12,
    ]
    return ceil(sum(parts))


def _when(definition: FormDefinition, inner: int) -> int:
    if not FORM_KINDS[definition.kind].shows_event:
        return 0
    return max(_lines("x" * WHEN_CHARACTERS, inner, 1.06), WHEN_LINES) + _lines("x" * LOCAL_CHARACTERS, inner)


def _languages(inner: int) -> float:
    """The choice of languages, which breaks into rows."""
    across = sum(_across(name) + LANGUAGE_GAP_PX for name in LANGUAGE_NAMES.values())
    return ceil(across / (inner + 16)) * LANGUAGE_ROW_PX


def _field(field: Field, language: str, inner: int) -> float:
    template = field.kind.widget(field).template
    label, help_ = field.label.in_language(language), field.help.in_language(language)
    notes = _lines(help_, inner, 0.94) * HELP_LINE_PX + (1.6 if help_ else 0)
    if template == "consent.html":
        return _lines(label, inner - 34, 1.08) * LINE_PX + CHOICE_PADDING_PX + notes + FIELD_MARGIN_PX + 13
    mark = " (required)" if field.required else ""
    above = _lines(label + mark, inner, 1.06) * LINE_PX + notes + FIELD_MARGIN_PX
    if template != "choices.html":
        return above + CONTROL_PX[template]
    labels = [label for _, label in field.kind.choices(field, language)]
    return above + sum(max(_lines(text, inner - 34), 1) * LINE_PX + CHOICE_PADDING_PX for text in labels)


def _lines(text: str, across: float, scale: float = 1.0) -> int:
    return sum(max(ceil(_across(part) * scale / across), 1) for part in text.splitlines())


def _across(text: str) -> float:
    """Pixels of a text in one line, at the size of the page."""
    return sum(16.0 if east_asian_width(letter) in "WF" else _letter(letter) for letter in text)


def _letter(letter: str) -> float:
    if "\u0400" <= letter <= "\u04ff":
        return 9.9
    return 6.6 if "\u0600" <= letter <= "\u06ff" else 8.0


ELEMENT, PINNED, FRAME, LINK = "element", "pinned", "frame", "link"
WAYS: Mapping[str, str] = {
    ELEMENT: "Element with our script (recommended)",
    PINNED: "Element with exactly today's script",
    FRAME: "Plain frame, without a script",
    LINK: "Link to a page of its own",
}
"""How a form comes into a page, and how that is called."""

FRAME_MARGIN = 1.12
"""Without a script the page does not receive the height of the form, and questions appear while it is filled in."""


@dataclass(frozen=True, slots=True)
class SnippetChoice:
    """The choices of a web editor for the code to paste.

    Attributes:
        definition: the definition of the form.
        partner: the slug of the partner.
        language: the language of the form; if empty, the reader's browser decides.
        text_language: the language of the link and of the frame's name.
        way: one of ``WAYS``.
    """

    definition: FormDefinition
    partner: str
    language: str
    text_language: str
    way: str

    @property
    def title(self) -> str:
        """The title of the form."""
        return self.definition.title.in_language(self.text_language)


@dataclass(frozen=True, slots=True)
class Snippet:
    """``html`` to paste; ``policy``: what a Content-Security-Policy must allow for it, empty if nothing."""

    html: str
    policy: str


def snippet_of(choice: SnippetChoice, public_url: str) -> Snippet:
    """Return the code to paste for a choice.

    Args:
        choice: the choices of the web editor.
        public_url: the URL of this installation, without a slash at its end.
    """
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(public_url))
    address = f"{public_url}/embed/{choice.definition.slug}?{urlencode(_query(choice))}"
    title, href = escape(choice.title), escape(address)
    link = f'<a href="{href}">{title}</a>'
    if choice.way == LINK:
        return Snippet(link, "")
    if choice.way == FRAME:
        height = round(estimate_height(choice.definition, choice.text_language, NARROW_PX) * FRAME_MARGIN, -1)
        frame = f'<iframe title="{title}" width="100%" height="{height:.0f}"\n        src="{href}"></iframe>'
        return Snippet(frame, f"frame-src {origin}")
    language = f' lang="{choice.language}"' if choice.language else ""
    element = f'<troika-form form="{choice.definition.slug}" partner="{choice.partner}"{language} theme="auto">'
    script = _pinned(public_url) if choice.way == PINNED else f'src="{escape(public_url)}/embed/troika.js"'
    script = f'<script type="module" {script}></script>'
    return Snippet(
        f"{script}\n{element}\n  {link}\n  {_room(choice)}\n</troika-form>", f"script-src {origin}; frame-src {origin}"
    )


def _room(choice: SnippetChoice) -> str:
    """Keeps the form's space free until our script is there, where scripts run at all; no policy forbids it."""
    height = round(estimate_height(choice.definition, choice.text_language, WIDE_PX), -1)
    drawn = f'<div slot="room"><svg width="1" height="{height}" aria-hidden="true"></svg></div>'
    return f"<noscript><!--</noscript>{drawn}<noscript>--></noscript>"


def _pinned(public_url: str) -> str:
    """Address and mark of the script as it is now: the browser runs no other, and shows the link after an update."""
    address, mark = pinned_script()
    return f'src="{escape(public_url + address)}" integrity="{mark}" crossorigin="anonymous"'


def _query(choice: SnippetChoice) -> dict[str, str]:
    return {"partner": choice.partner, **({"lang": choice.language} if choice.language else {})}
