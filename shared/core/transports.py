"""Which connections leave this machine unencrypted or unverified: refused, unless ``TROIKA_INSECURE`` names them."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from shared.core.database_url import connection_parameters

INSECURE = "TROIKA_INSECURE"
SMTP, BROKER, DATABASE, PUBLIC_URL, LIMITS, OTLP = "smtp", "broker", "database", "public-url", "limits", "otlp"
KINDS = (SMTP, BROKER, DATABASE, PUBLIC_URL, LIMITS, OTLP)
"""What can be named there."""

PLAIN = {"amqp": "amqps://", "http": "https://", "redis": "rediss://"}
"""Schemes without encryption, and what to write instead."""


def read_kinds(text: str) -> frozenset[str]:
    """The kinds of connection in ``text``, with commas between.

    Raises:
        ValueError: one of them is unknown.
    """
    kinds = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not kinds <= set(KINDS):
        raise ValueError(f"kinds of connection with commas between are required: {', '.join(KINDS)}")
    return kinds


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or an address) is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def plain_urls(urls: Iterable[str]) -> str:
    """What is wrong with ``urls``: one has a plain scheme and leads to another machine. Empty if nothing is."""
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme in PLAIN and not is_loopback(parts.hostname or ""):
            return f"{parts.scheme}:// to another machine is not encrypted: use {PLAIN[parts.scheme]}"
    return ""


def unverified_database(url: str, environment: Mapping[str, str]) -> str:
    """What is wrong with the address of a database; empty if nothing is.

    Only ``verify-full`` compares the certificate with the name of the host (libpq, "SSL support"); ``PGSSLMODE`` counts
    where the address says nothing.
    """
    parameters = connection_parameters(url)
    hosts = str(parameters.get("hostaddr") or parameters.get("host") or environment.get("PGHOST", "")).split(",")
    mode = parameters.get("sslmode") or environment.get("PGSSLMODE", "")
    if mode == "verify-full" or all(not host or host[0] in "/@" or is_loopback(host) for host in hosts):
        return ""
    return "the server of a database on another machine must be verified: add ?sslmode=verify-full&sslrootcert=…"
