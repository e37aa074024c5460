"""Addresses, headers and parts become the bytes of a message (RFC 5322, MIME): ASCII with CRLF for any relay.

``email.message.EmailMessage`` parses each header that it is given and each that it writes, a hundred times a mail: most
of the cost of a mail. So this module writes headers in their final form once, and the older classes of the library put
headers and parts together without parsing them.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from email.header import Header
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.policy import Compat32
from email.utils import formataddr, parseaddr
from typing import Any

_ATOM = r"[^\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff<>()\[\]\\,;:\"@]+"
_MAILBOX = re.compile(rf"({_ATOM})@({_ATOM})")


class UnusableAddress(ValueError):
    """The text is not one mailbox. The message does not repeat it: addresses are personal data."""


def mailbox(text: str) -> str:
    """Return the address of ``text`` (``a@b`` or ``Name <a@b>``), with its domain in ASCII (IDNA).

    Raises:
        UnusableAddress: not exactly one mailbox, or a local part that is quoted or not ASCII.
    """
    address = parseaddr(text)[1] if "<" in text else text
    match = _MAILBOX.fullmatch(address)
    if match is None or text.count("@") != 1 or len(address) > 254:
        raise UnusableAddress("an address must be one mailbox, name@domain")
    local, domain = match.groups()
    if not local.isascii():
        raise UnusableAddress("a local part outside ASCII needs every relay on the way to support SMTPUTF8")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        raise UnusableAddress("the domain of an address is not a domain name") from None


def domain_of(text: str) -> str:
    """Return the domain of a mailbox in lower case: the end of Message-IDs.

    Raises:
        UnusableAddress: as :func:`mailbox`.
    """
    return mailbox(text).rpartition("@")[2].lower()


_EOL = "\r\n"


def mailbox_header(name: str, display_name: str, address: str) -> str:
    """Return a mailbox (``address`` in ASCII) with a display name as the value of the header ``name``."""
    if _needs_encoding(display_name):
        return text_header(name, display_name, f"<{address}>")
    shown, _, angled = formataddr((display_name, address)).rpartition(" ")
    return text_header(name, shown, angled) if shown else address


def text_header(name: str, text: str, ending: str = "") -> str:
    """Return one line of text as the value of the header ``name``, in lines of at most 76 characters.

    ``text`` is encoded (RFC 2047) if necessary; ``ending`` in ASCII follows it.

    ``email.header`` does both. ``email.policy`` of Python 3.11 is newer, but loses spaces when it folds a value with
    Arabic letters, puts some ASCII values on a separate line, so that readers see a space before them, and leaves text
    that resembles an encoded word for clients to decode.
    """
    header = Header(text, "utf-8" if _needs_encoding(text) else "us-ascii", header_name=name)
    if ending:
        header.append(ending, "us-ascii")
    return header.encode(linesep=_EOL)


def _needs_encoding(text: str) -> bool:
    return not text.isascii() or "=?" in text


_LINE_END = re.compile(r"\r\n|\r|\n")
_LINES = re.compile(r"[\t -~]*(?:\r\n[\t ]+[!-~][\t -~]*)*")


class _AsWritten(Compat32):
    """Writes headers as given: this module has encoded and folded them."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return the lines of a header; ``ValueError`` if a value would begin another header, or is not ASCII."""
        if not _LINES.fullmatch(value):
            raise ValueError(f"the header {name} is not what a header can be")
        return f"{name}: {value}\r\n".encode("ascii")


WIRE = _AsWritten(linesep="\r\n", cte_type="7bit", mangle_from_=False)


def text_part(text: str, subtype: str) -> Message:
    """Return a text part in quoted-printable or base64, whichever is shorter, with CRLF line ends (RFC 2045, 6.8)."""
    content = _LINE_END.sub("\r\n", text).encode()
    quoted = binascii.b2a_qp(content, istext=True)
    encoded = base64.encodebytes(content)
    if len(quoted) <= len(encoded):
        return _part("text", subtype, quoted, "quoted-printable", {"charset": "utf-8"})
    return _part("text", subtype, encoded, "base64", {"charset": "utf-8"})


def octets_part(
    content: bytes, maintype: str, subtype: str, parameters: Mapping[str, str], disposition: str
) -> Message:
    """Return a binary part; ``disposition`` is the whole header, empty for none."""
    part = _part(maintype, subtype, base64.encodebytes(content), "base64", parameters)
    if disposition:
        part["Content-Disposition"] = disposition
    return part


def multipart(subtype: str, parts: Sequence[Message], mark: str) -> Message:
    """Return a multipart. ``mark`` makes its boundary unique in a mail.

    No line of a part can be the boundary: ``=_`` occurs in neither quoted-printable nor base64 (RFC 2045, 6.7). No mark
    may begin with another one of the same mail: readers may compare only the start of a line (RFC 2046, 5.1.1).
    """
    return MIMEMultipart(subtype, f"=_{mark}", parts, policy=WIRE)


def assembled(body: Message, headers: Sequence[tuple[str, str]]) -> bytes:
    """Return the whole message: the headers of ``body``, then ``headers`` in their order."""
    for name, value in headers:
        body[name] = value
    return body.as_bytes(policy=WIRE)


def _part(maintype: str, subtype: str, encoded: bytes, encoding: str, parameters: Mapping[str, str]) -> Message:
    part = MIMEBase(maintype, subtype, policy=WIRE, **parameters)
    del part["MIME-Version"]  # only the whole message has it
    part["Content-Transfer-Encoding"] = encoding
    part.set_payload(encoded.decode("ascii"))
    return part
