"""What a partner's web editor pastes: the element, or a plain frame, for one form, in one language.

Everything in a snippet is a slug, a code or our own address, but the form's title: that is written as HTML text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode, urlsplit

from services.registration.embed.assets import pinned_script
from services.registration.embed.heights import NARROW_PX, WIDE_PX, estimate_height
from shared.public_forms.definition import FormDefinition

ELEMENT, PINNED, FRAME, LINK = "element", "pinned", "frame", "link"
WAYS: Mapping[str, str] = {
    ELEMENT: "Element with our script (recommended)",
    PINNED: "Element with exactly today's script",
    FRAME: "Plain frame, without a script",
    LINK: "Link to a page of its own",
}
"""How a form comes into a page, and how that is called."""

FRAME_MARGIN = 1.12
"""Without a script nobody tells the page how high the form is, and questions appear while it is filled in."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Attributes:
    definition: of the form.
    partner: slug.
    language: of the form; empty: the reader's browser decides.
    spoken: the language of the link and of the frame's name.
    way: one of ``WAYS``.
    """

    definition: FormDefinition
    partner: str
    language: str
    spoken: str
    way: str

    @property
    def title(self) -> str:
        """Of the form."""
        return self.definition.title.in_language(self.spoken)


@dataclass(frozen=True, slots=True)
class Snippet:
    """``html`` to paste; ``policy``: what a Content-Security-Policy must allow for it, empty if nothing."""

    html: str
    policy: str


def snippet_of(choice: Choice, public_url: str) -> Snippet:
    """What to paste for a choice.

    Args:
        choice: made by the web editor.
        public_url: of this installation, without a slash at its end.
    """
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(public_url))
    address = f"{public_url}/embed/{choice.definition.slug}?{urlencode(_query(choice))}"
    title, href = escape(choice.title), escape(address)
    link = f'<a href="{href}">{title}</a>'
    if choice.way == LINK:
        return Snippet(link, "")
    if choice.way == FRAME:
        height = round(estimate_height(choice.definition, choice.spoken, NARROW_PX) * FRAME_MARGIN, -1)
        frame = f'<iframe title="{title}" width="100%" height="{height:.0f}"\n        src="{href}"></iframe>'
        return Snippet(frame, f"frame-src {origin}")
    language = f' lang="{choice.language}"' if choice.language else ""
    element = f'<troika-form form="{choice.definition.slug}" partner="{choice.partner}"{language} theme="auto">'
    script = _pinned(public_url) if choice.way == PINNED else f'src="{escape(public_url)}/embed/troika.js"'
    script = f'<script type="module" {script}></script>'
    return Snippet(
        f"{script}\n{element}\n  {link}\n  {_room(choice)}\n</troika-form>", f"script-src {origin}; frame-src {origin}"
    )


def _room(choice: Choice) -> str:
    """Keeps the form's space free until our script is there, where scripts run at all; no policy forbids it."""
    height = round(estimate_height(choice.definition, choice.spoken, WIDE_PX), -1)
    drawn = f'<div slot="room"><svg width="1" height="{height}" aria-hidden="true"></svg></div>'
    return f"<noscript><!--</noscript>{drawn}<noscript>--></noscript>"


def _pinned(public_url: str) -> str:
    """Address and mark of the script as it is now: the browser runs no other, and shows the link after an update."""
    address, mark = pinned_script()
    return f'src="{escape(public_url + address)}" integrity="{mark}" crossorigin="anonymous"'


def _query(choice: Choice) -> dict[str, str]:
    return {"partner": choice.partner, **({"lang": choice.language} if choice.language else {})}
