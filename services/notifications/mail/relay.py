"""Where the relay is: the form of ``SMTP_URL``. Faults never repeat the address, which may hold a password."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from shared.core.transports import is_loopback

Security = Literal["none", "starttls", "tls"]


@dataclass(frozen=True, slots=True)
class Relay:
    """A mail relay. ``security`` is ``starttls`` or ``tls`` (both verified) or, on a trusted network, ``none``."""

    host: str
    port: int
    security: Security
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_relay(url: str) -> Relay:
    """The relay behind ``smtp://[user:password@]host[:port][?starttls=required]`` or ``smtps://…``.

    The port is 465 with smtps, 587 with a user or STARTTLS, else 25.

    Raises:
        ValueError: another form, or a password that would travel unencrypted to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/") or parts.fragment:
        raise ValueError("an address of the form smtp://host:port or smtps://host:port is required")
    security = _security(parts.scheme, parts.query)
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if (user is None) != (password is None):
        raise ValueError("a user needs a password and a password a user")
    if user and security == "none" and not is_loopback(parts.hostname):
        raise ValueError("a password needs smtps:// or ?starttls=required")
    usual = {"tls": 465, "starttls": 587, "none": 587 if user else 25}[security]
    return Relay(parts.hostname, parts.port or usual, security, user, password)


def plain_relay(url: str) -> str:
    """What is wrong with a relay: mails leave the machine unencrypted. Empty if nothing is."""
    relay = parse_relay(url)
    if relay.security != "none" or is_loopback(relay.host):
        return ""
    return "smtp:// to another machine is not encrypted: use smtps:// or ?starttls=required"


def _security(scheme: str, query: str) -> Security:
    options = parse_qs(query, keep_blank_values=True, strict_parsing=bool(query))
    if options not in ({}, {"starttls": ["required"]}) or (scheme == "smtps" and options):
        raise ValueError("the only option is ?starttls=required, on smtp:// alone")
    if scheme == "smtps":
        return "tls"
    return "starttls" if options else "none"
