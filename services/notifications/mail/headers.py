"""Header values in their final form: encoded (RFC 2047) and folded (RFC 5322, 2.2.3), ready for the wire.

``email.header`` does both. ``email.policy`` of Python 3.11 is newer, but loses spaces when it folds a value with Arabic
letters, puts an ASCII one of some lengths on a line of its own, which
readers then see with a space before it, and leaves text that looks like an encoded word for clients to decode.
"""

from email.header import Header
from email.utils import formataddr

_EOL = "\r\n"


def text_header(name: str, text: str) -> str:
    """One line of text as the value of the header ``name``."""
    return _folded(name, text)


def mailbox_header(name: str, display_name: str, address: str) -> str:
    """A mailbox (``address`` in ASCII) with a display name as the value of the header ``name``."""
    if _needs_encoding(display_name):
        return _folded(name, display_name, f"<{address}>")
    shown, _, angled = formataddr((display_name, address)).rpartition(" ")
    return _folded(name, shown, angled) if shown else address


def _folded(name: str, text: str, ending: str = "") -> str:
    """``text`` in encoded words where it needs them, then ``ending`` in ASCII, in lines of 76 characters at most."""
    header = Header(text, "utf-8" if _needs_encoding(text) else "us-ascii", header_name=name)
    if ending:
        header.append(ending, "us-ascii")
    return header.encode(linesep=_EOL)


def _needs_encoding(text: str) -> bool:
    return not text.isascii() or "=?" in text
