"""Removes passwords from results: an address in a setting may hold one, and so may the reason of a server or a library.

Every result passes here, so that no check has to remember it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import unquote

from deploy.operations.doctor.grading import CheckResult, GradedHost

MIN_LENGTH = 4
"""Of a password that is removed wherever it occurs: a shorter one would remove parts of ordinary words."""

REMOVED = "…"

_USER_INFO = re.compile(r"(?<=://)(?:(?!://)\S)*@")
"""In an address, up to its last at sign: a password may hold one that is not encoded."""

_PASSWORD = re.compile(r"://[^:@\s]*:(?P<password>(?:(?!://)\S)*)@")


def passwords_of(host: GradedHost) -> Sequence[str]:
    """Passwords in the addresses of a host's settings, as written and decoded; the longest come first."""
    found = {match["password"] for text in _addresses(host) for match in _PASSWORD.finditer(text)}
    every = found | set(map(unquote, found))
    return sorted((password for password in every if len(password) >= MIN_LENGTH), key=len, reverse=True)


def redact(result: CheckResult, passwords: Iterable[str]) -> CheckResult:
    """Return the result without ``passwords``, and without names and passwords in addresses."""
    about, found, do = (_redacted(text, passwords) for text in (result.about, result.found, result.do))
    return CheckResult(result.grade, about, found, do)


def _redacted(text: str, passwords: Iterable[str]) -> str:
    text = _USER_INFO.sub("", text)
    for password in passwords:
        text = text.replace(password, REMOVED)
    return text


def _addresses(host: GradedHost) -> Iterator[str]:
    yield host.monitor_url
    yield from host.values.values()
    yield from (database.url for database in host.databases)
    for broker in host.brokers:
        yield from broker.urls
