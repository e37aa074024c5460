"""Header values with letters outside ASCII, folded by the older and sturdier half of the standard library.

``email.policy`` of Python 3.11 loses spaces when it folds such a value (seen with Arabic subjects and long names), puts
an ASCII one of some lengths on a line of its own, which readers then see with a space before it, and leaves text that
looks like an encoded word as it is, for clients to decode. ``email.header`` does none of it. The policy stores a value
that has its own ``name`` unchanged and asks it to fold itself; that is the way in.
"""

from email.header import Header
from email.headerregistry import Address
from email.policy import Policy


class EncodedHeader(str):
    """A header value, in UTF-8 encoded words (RFC 2047) where it needs them, with an ASCII ending such as an address.

    A subclass of ``str`` because that is what the library wants a header value to be.
    """

    name: str
    ending: str

    def __new__(cls, name: str, text: str, ending: str = "") -> "EncodedHeader":
        """``text`` is one line; ``ending`` is ASCII."""
        value = super().__new__(cls, f"{text} {ending}".strip())
        value.name, value.ending = name, ending
        return value

    def fold(self, *, policy: Policy) -> str:
        """The header as it goes on the wire, lines of at most 76 characters."""
        text = self.removesuffix(self.ending).rstrip(" ")
        header = Header(text, "utf-8" if _needs_encoding(text) else "us-ascii", header_name=self.name)
        if self.ending:
            header.append(self.ending, "us-ascii")
        return f"{self.name}: {header.encode(linesep=policy.linesep)}{policy.linesep}"


class WholeHeader(str):
    """An ASCII header value that is never folded or encoded: a reader of one-click links takes it as it stands."""

    name: str

    def __new__(cls, name: str, text: str) -> "WholeHeader":
        """``text`` is one line of ASCII, shorter than 900 characters."""
        value = super().__new__(cls, text)
        value.name = name
        return value

    def fold(self, *, policy: Policy) -> str:
        """The header on one line (RFC 5322, 2.1.1 allows 998 characters)."""
        return f"{self.name}: {self}{policy.linesep}"


def text_header(name: str, text: str) -> str:
    """One line of text as a header value."""
    return EncodedHeader(name, text)


def mailbox_header(name: str, display_name: str, address: str) -> str | Address:
    """A mailbox with a display name as a header value; ``display_name`` holds no RFC 5322 specials."""
    if _needs_encoding(display_name):
        return EncodedHeader(name, display_name, f"<{address}>")
    return Address(display_name, addr_spec=address)


def _needs_encoding(text: str) -> bool:
    return not text.isascii() or "=?" in text
