"""The page that shows a partner's web editor what works in their page, and the HTML to paste into it."""

from dataclasses import dataclass

from services.registration.embed.assets import SCRIPT_PATH, pinned_script
from services.registration.embed.pages import Look, render_page

PATH = "/embed/selftest"


@dataclass(frozen=True, slots=True)
class SelftestPage:
    """Attributes:
    home: public address of this installation.
    partner: slug of a partner that is known, else ``""``.
    origins: noted down for the partner.
    parent: origin of the page around, as our script there says it; ``""`` without.
    came_from: origin of the page whose link was followed; ``""`` if the browser does not say.
    """

    look: Look
    home: str
    partner: str
    origins: tuple[str, ...]
    parent: str
    came_from: str

    @property
    def link(self) -> str:
        """Address of this page, on its own."""
        return f"{self.home}{PATH}?partner={self.partner}"

    @property
    def script(self) -> str:
        """The tag of our script at the address that never changes."""
        return f'<script type="module" src="{self.home}{SCRIPT_PATH}"></script>'

    @property
    def pinned(self) -> str:
        """The tag of exactly the script that is served now."""
        path, integrity = pinned_script()
        return (
            f'<script type="module" src="{self.home}{path}"\n'
            f'        integrity="{integrity}" crossorigin="anonymous"></script>'
        )


def render_selftest(page: SelftestPage) -> str:
    """Inside another page the list of what works there, else how to come to it."""
    return render_page("selftest.html", page.look, page=page)
