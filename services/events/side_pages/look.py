"""How a page looks, and in whose page it stands."""

from dataclasses import dataclass

from shared.public_forms.theme import PLAIN, Theme


@dataclass(frozen=True, slots=True)
class Look:
    """Attributes:
    language: one of ``texts.LANGUAGES``.
    nonce: of the page's policy; empty where it has no style of its own.
    partner: slug of the partner through whose page somebody comes, empty for none.
    parent: the exact origin that may frame the page and hear it; empty unless it is one of the partner's.
    """

    language: str
    nonce: str = ""
    theme: Theme = PLAIN
    partner: str = ""
    parent: str = ""

    def query(self) -> dict[str, str]:
        """What a page's address needs so that the next page looks the same, but for the language."""
        return {
            name: value
            for name, value in {"partner": self.partner, "parent": self.parent, **self.theme.query()}.items()
            if value
        }
