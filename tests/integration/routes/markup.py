"""Finds what in a page would run or load against a policy, by reading the page without a browser."""

from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

LOADING = {"src", "action", "formaction", "data", "poster", "background"}
"""Attributes that make a browser load something, or send something there."""


class _Reader(HTMLParser):
    def __init__(self, host: str, policy: str) -> None:
        super().__init__()
        self._host, self._policy = host, policy
        self._style: str | None = None
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See :class:`html.parser.HTMLParser`."""
        given = dict(attrs)
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.faults.append(f"{tag} {name}")
            elif self._is_foreign(tag, name, value or ""):
                self.faults.append(f"{tag} {name} {value}")
        if tag == "script" and not given.get("src") and not given.get("nonce"):
            self.faults.append("script without a nonce")
        if tag == "style" and not given.get("nonce"):
            self._style = ""

    def handle_data(self, data: str) -> None:
        """See :class:`html.parser.HTMLParser`."""
        if self._style is not None:
            self._style += data

    def handle_endtag(self, tag: str) -> None:
        """See :class:`html.parser.HTMLParser`."""
        if tag == "style" and self._style is not None:
            digest = b64encode(sha256(self._style.encode()).digest()).decode()
            if f"'sha256-{digest}'" not in self._policy:
                self.faults.append("style without a nonce or its hash")
            self._style = None

    def _is_foreign(self, tag: str, name: str, value: str) -> bool:
        place = value.strip().lower()
        if place.startswith(("javascript:", "vbscript:")):
            return True
        loads = name in LOADING or (tag == "link" and name == "href")
        own = place.startswith(f"https://{self._host}/") or not place.startswith(("http:", "https:", "//"))
        return loads and not own


def faults_of(page: str, host: str, policy: str = "") -> list[str]:
    """Handlers and styles in attributes, scripts and styles that no policy allows, and what is loaded from elsewhere.

    Args:
        page: HTML.
        host: our own.
        policy: its Content-Security-Policy.
    """
    reader = _Reader(host, policy)
    reader.feed(page)
    return reader.faults
