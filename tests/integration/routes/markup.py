"""What in a page would run or load although no policy lets it: found by reading the page, not by a browser."""

from html.parser import HTMLParser

LOADING = {"src", "action", "formaction", "data", "poster", "background"}
"""Attributes that make a browser load something, or send something there."""


class _Reader(HTMLParser):
    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See :class:`html.parser.HTMLParser`."""
        given = dict(attrs)
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.faults.append(f"{tag} {name}")
            elif self._is_foreign(tag, name, value or ""):
                self.faults.append(f"{tag} {name} {value}")
        if tag in ("script", "style") and not given.get("src") and not given.get("nonce"):
            self.faults.append(f"{tag} without a nonce")

    def _is_foreign(self, tag: str, name: str, value: str) -> bool:
        place = value.strip().lower()
        if place.startswith(("javascript:", "vbscript:")):
            return True
        loads = name in LOADING or (tag == "link" and name == "href")
        own = place.startswith(f"https://{self._host}/") or not place.startswith(("http:", "https:", "//"))
        return loads and not own


def faults_of(page: str, host: str) -> list[str]:
    """Handlers and styles in attributes, scripts and styles without a nonce, and what is loaded from elsewhere.

    Args:
        page: HTML.
        host: our own.
    """
    reader = _Reader(host)
    reader.feed(page)
    return reader.faults
