"""Header values with letters outside ASCII, folded by the older and sturdier half of the standard library.

``email.policy`` of Python 3.11 loses spaces when it folds such a value (seen with Arabic subjects and long names),
and it leaves text that looks like an encoded word as it is, for clients to decode. ``email.header`` does neither. The
policy stores a value that has its own ``name`` unchanged and asks it to fold itself; that is the way in.
"""

from email.header import Header
from email.headerregistry import Address
from email.policy import Policy


class EncodedHeader(str):
    """A header value in UTF-8 encoded words (RFC 2047), with an ASCII ending of its own such as an address.

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
        header = Header(self.removesuffix(self.ending).rstrip(" "), "utf-8", header_name=self.name)
        if self.ending:
            header.append(self.ending, "us-ascii")
        return f"{self.name}: {header.encode(linesep=policy.linesep)}{policy.linesep}"


def text_header(name: str, text: str) -> str:
    """One line of text as a header value."""
    return EncodedHeader(name, text) if _needs_encoding(text) else text


def mailbox_header(name: str, display_name: str, address: str) -> str | Address:
    """A mailbox with a display name as a header value; ``display_name`` holds no RFC 5322 specials."""
    if _needs_encoding(display_name):
        return EncodedHeader(name, display_name, f"<{address}>")
    return Address(display_name, addr_spec=address)


def _needs_encoding(text: str) -> bool:
    return not text.isascii() or "=?" in text
