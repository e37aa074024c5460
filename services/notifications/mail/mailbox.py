"""Addresses: refused when they could be anything but one mailbox, and spelled as SMTP wants them."""

import re
from email.utils import parseaddr

_ATOM = r"[^\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff<>()\[\]\\,;:\"@]+"
_MAILBOX = re.compile(rf"({_ATOM})@({_ATOM})")


class UnusableAddress(ValueError):
    """The text is not one mailbox. The message never repeats it: addresses are personal data."""


def mailbox(text: str) -> str:
    """The address of ``text`` (``a@b`` or ``Name <a@b>``), its domain in ASCII (IDNA).

    Raises:
        UnusableAddress: not exactly one mailbox, or a local part that is quoted or not ASCII.
    """
    address = parseaddr(text)[1] if "<" in text else text
    match = _MAILBOX.fullmatch(address)
    if match is None or text.count("@") != 1 or len(address) > 254:
        raise UnusableAddress("an address must be one mailbox, name@domain")
    local, domain = match.groups()
    if not local.isascii():
        raise UnusableAddress("a local part outside ASCII needs every relay on the way to speak SMTPUTF8")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        raise UnusableAddress("the domain of an address is not a domain name") from None


def domain_of(text: str) -> str:
    """The domain of a mailbox, lower case: what Message-IDs end with.

    Raises:
        UnusableAddress: as :func:`mailbox`.
    """
    return mailbox(text).rpartition("@")[2].lower()
