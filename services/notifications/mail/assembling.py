"""Texts and headers become the bytes of a message (RFC 5322, MIME), in ASCII with CRLF: what any relay takes.

``email.message.EmailMessage`` parses each header that it is given and each that it writes, a hundred times a mail:
most of the cost of a mail. Here headers are written in their final form once, and the library's older classes put
them and the parts together without looking into them.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.policy import Compat32
from typing import Any

_LINE_END = re.compile(r"\r\n|\r|\n")
_LINES = re.compile(r"[\t -~]*(?:\r\n[\t ]+[!-~][\t -~]*)*")


class _AsWritten(Compat32):
    """Headers go out as they were given: :mod:`services.notifications.mail.headers` has encoded and folded them."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The header's lines; ``ValueError`` if a value would begin another header, or is not ASCII."""
        if not _LINES.fullmatch(value):
            raise ValueError(f"the header {name} is not what a header can be")
        return f"{name}: {value}\r\n".encode("ascii")


WIRE = _AsWritten(linesep="\r\n", cte_type="7bit", mangle_from_=False)


def text_part(text: str, subtype: str) -> Message:
    """A part of text, as quoted-printable or base64, whichever is shorter; its lines end with CRLF (RFC 2045, 6.8)."""
    content = _LINE_END.sub("\r\n", text).encode()
    quoted = binascii.b2a_qp(content, istext=True)
    encoded = base64.encodebytes(content)
    if len(quoted) <= len(encoded):
        return _part("text", subtype, quoted, "quoted-printable", {"charset": "utf-8"})
    return _part("text", subtype, encoded, "base64", {"charset": "utf-8"})


def octets_part(
    content: bytes, maintype: str, subtype: str, parameters: Mapping[str, str], disposition: str
) -> Message:
    """A part of octets as they are: ``disposition`` is the whole header, empty for none."""
    part = _part(maintype, subtype, base64.encodebytes(content), "base64", parameters)
    if disposition:
        part["Content-Disposition"] = disposition
    return part


def multipart(subtype: str, parts: Sequence[Message], mark: str) -> Message:
    """Parts in one. ``mark`` makes the boundary its own within a mail.

    No line of a part can be the boundary: ``=_`` stands in neither quoted-printable nor base64 (RFC 2045, 6.7). No mark
    may begin with another of the same mail: readers may compare the beginning of a line alone (RFC 2046, 5.1.1).
    """
    return MIMEMultipart(subtype, f"=_{mark}", parts, policy=WIRE)


def assembled(body: Message, headers: Sequence[tuple[str, str]]) -> bytes:
    """The whole message: the headers of ``body``, then ``headers`` in their order."""
    for name, value in headers:
        body[name] = value
    return body.as_bytes(policy=WIRE)


def _part(maintype: str, subtype: str, encoded: bytes, encoding: str, parameters: Mapping[str, str]) -> Message:
    part = MIMEBase(maintype, subtype, policy=WIRE, **parameters)
    del part["MIME-Version"]  # said once, by the whole
    part["Content-Transfer-Encoding"] = encoding
    part.set_payload(encoded.decode("ascii"))
    return part
