"""Settings: read from the environment, checked once at start; one error names everything that is wrong.

``TROIKA_SETTINGS=/run/troika`` names a folder that an orchestrator mounts. A file in it is the setting of its name for
every process of the container; a file in its folder ``decide`` is a setting of the process ``decide`` only and has
precedence. So several background roles can run in one process, each with its own logins.

Database URLs are accepted in two forms: ``postgresql://user:password@first:5432,second:5432/name`` is libpq's for
several hosts, which SQLAlchemy does not read; libpq does not read SQLAlchemy's
(``?host=first:5432&host=second:5432``). Each gets its own. Connections that leave this machine unencrypted or
unverified are refused unless ``TROIKA_INSECURE`` names them.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import ArgumentError

from shared.runtime.errors import SettingsError

SCHEMES = ("postgresql", "postgresql+psycopg", "postgres")
_SEVERAL = re.compile(r"(?P<scheme>[a-z+]+)://(?P<user>[^/?#]*@)?(?P<hosts>[^/?#@]*,[^/?#@]*)(?P<rest>[/?].*)?$")
_PLAIN = re.compile(r"(?P<host>[^:]+|\[[^\]]+\])(:(?P<port>\d+))?$")


def read_database_url(text: str) -> URL:
    """The address as SQLAlchemy takes it, for psycopg.

    With several hosts the one that accepts writes is used, unless ``target_session_attrs`` requests another.

    Raises:
        ValueError: it is none; the text is not repeated, since it may hold a password.
    """
    try:
        url = make_url(_with_hosts_in_query(text))
    except (ArgumentError, ValueError):
        url = URL.create("none")
    if url.drivername not in SCHEMES or not (url.host or url.database or url.query):
        raise ValueError("an address of the form postgresql://user:password@host:port/database is required")
    if len(_as_tuple(url.query.get("host", ()))) > 1 and "target_session_attrs" not in url.query:
        url = url.update_query_dict({"target_session_attrs": "read-write"})
    return url.set(drivername="postgresql+psycopg")


def database_url(text: str) -> str:
    """``text``, if it is an address.

    Raises:
        ValueError: it is none.
    """
    read_database_url(text)
    return text


def conninfo(text: str) -> str:
    """The address as libpq takes it.

    Raises:
        ValueError: it is none.
    """
    return make_conninfo(**connection_parameters(text))


def connection_parameters(text: str) -> dict[str, Any]:
    """libpq's parameters (``host``, ``port``, ``user``, ``sslmode`` …); several hosts with commas between.

    Raises:
        ValueError: it is no address.
    """
    dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialects untyped
    _, parameters = dialect.create_connect_args(read_database_url(text))  # type: ignore[no-untyped-call]  # as above
    return {name: value for name, value in parameters.items() if name != "context"}


def is_same_database(one: str, other: str) -> bool:
    """Whether two addresses name the same database on the same server, as far as their text shows it.

    Raises:
        ValueError: one of them is no address.
    """
    first, second = _places(one), _places(other)
    return bool(first & second)


def _places(text: str) -> set[tuple[str, str, str]]:
    """Each (host, port, database) of an address."""
    known = connection_parameters(text)
    hosts = str(known.get("host", "")).split(",")
    ports = str(known.get("port", "")).split(",")
    name = str(known.get("dbname", known.get("user", "")))
    ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
    return {(host.lower(), port or "5432", name) for host, port in zip(hosts, ports, strict=True)}


def _with_hosts_in_query(text: str) -> str:
    found = _SEVERAL.match(text)
    if found is None:
        return text
    hosts = found["hosts"].split(",")
    if not all(_PLAIN.match(host) for host in hosts):
        raise ValueError("a host is required between two commas")
    listed = "&".join(f"host={host if _PLAIN.match(host)['port'] else f'{host}:5432'}" for host in hosts)  # type: ignore[index]  # checked above
    path, _, query = (found["rest"] or "/").partition("?")
    return f"{found['scheme']}://{found['user'] or ''}{path}?{listed}{'&' + query if query else ''}"


def _as_tuple(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


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
    where the address sets no ``sslmode``.
    """
    parameters = connection_parameters(url)
    hosts = str(parameters.get("hostaddr") or parameters.get("host") or environment.get("PGHOST", "")).split(",")
    mode = parameters.get("sslmode") or environment.get("PGSSLMODE", "")
    if mode == "verify-full" or all(not host or host[0] in "/@" or is_loopback(host) for host in hosts):
        return ""
    return "the server of a database on another machine must be verified: add ?sslmode=verify-full&sslrootcert=…"


VARIABLE = "TROIKA_SETTINGS"
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


def read_folder(folder: Path, process: str) -> dict[str, str]:
    """Every setting of ``process`` in ``folder``, by name.

    The value is the file's content. It is the file's path where the name ends so (``TROIKA_INTAKE_KEY_FILE``), and
    the folder's path for a folder (``TROIKA_FORM_KEYS``).

    Args:
        folder: that ``TROIKA_SETTINGS`` names.
        process: kind of the process; empty for a process without its own settings.

    Raises:
        OSError: the folder is not there, or a file in it cannot be read.
        UnicodeDecodeError: a file is not text.
    """
    own = folder / process
    return {**dict(_settings(folder)), **(dict(_settings(own)) if process and own.is_dir() else {})}


def _settings(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.iterdir()):
        if _NAME.fullmatch(path.name):
            named = path.is_dir() or path.name.endswith("_FILE")
            yield path.name, str(path) if named else path.read_text().strip()


T = TypeVar("T")

FROM_FILE = "_FILE"
"""Ends the name of a setting whose value is in a file: a password, for example."""


class Reader:
    """Collects values and faults; :meth:`finish` raises once, with all of them.

    A fault never contains a value: it may be a secret.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, process: str = "") -> None:
        """Read ``environment`` (this process's, if None), and the folder of settings that it may name.

        Args:
            environment: value by name.
            process: kind of the process, whose own settings in the folder count first.
        """
        self._environment: Mapping[str, str] = os.environ if environment is None else environment
        self.problems: list[str] = []
        if folder := self._environment.get(VARIABLE):
            self._add(Path(folder), process)

    def take(self, name: str, parse: Callable[[str], T], default: T | None = None) -> T:
        """The parsed value of ``name``; ``default`` if unset; a fault if there is neither or it does not parse."""
        text = self._text_of(name)
        if not text:
            if default is None:
                self.problems.append(f"{name}: is required")
            return default  # type: ignore[return-value]  # finish() raises before a missing value is used
        try:
            return parse(text)
        except (ValueError, OSError) as error:
            self.problems.append(f"{name}: {error}")
            return default  # type: ignore[return-value]  # as above

    def _add(self, folder: Path, process: str) -> None:
        try:
            found = read_folder(folder, process)
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(f"{VARIABLE}: a folder of files that can be read is required ({error})")
            return
        twice = sorted(name for name in found if name in self._environment)
        self.problems.extend(f"{name}: is set, and stands in {VARIABLE} too" for name in twice)
        self._environment = {**self._environment, **found}

    def _text_of(self, name: str) -> str:
        """The value of ``name``, or the content of the file that ``<name>_FILE`` names; empty if there is neither."""
        text, file = (self._environment.get(each, "").strip() for each in (name, name + FROM_FILE))
        if not file:
            return text
        if text:
            self.problems.append(f"{name}: is set, and {name}{FROM_FILE} too")
            return text
        try:
            return Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError):
            self.problems.append(f"{name}{FROM_FILE}: a file that can be read is required")
            return ""

    @property
    def environment(self) -> Mapping[str, str]:
        """What is read."""
        return self._environment

    def secure(self, name: str, kind: str, fault: str) -> None:
        """Add ``fault`` (if it is not empty) to what is wrong with ``name``, unless ``kind`` is allowed.

        Args:
            name: of the setting.
            kind: one of ``shared.runtime.settings.KINDS``, which ``TROIKA_INSECURE`` may name.
            fault: what is insecure, and what to write instead.
        """
        allowed: frozenset[str] = frozenset()
        if fault and kind not in self.take(INSECURE, read_kinds, allowed):
            self.problems.append(f"{name}: {fault}; or name {kind} in {INSECURE}")

    def text(self, name: str, default: str | None = None) -> str:
        """Any text."""
        return self.take(name, str, default)

    def integer(self, name: str, default: int, least: int = 0, most: int = 2**31 - 1) -> int:
        """A whole number within bounds."""

        def parse(text: str) -> int:
            value = int(text) if text.lstrip("-").isdigit() else None
            if value is None or not least <= value <= most:
                raise ValueError(f"a whole number from {least} to {most} is required")
            return value

        return self.take(name, parse, default)

    def url(self, name: str, schemes: tuple[str, ...], default: str | None = None) -> str:
        """An absolute URL with one of ``schemes``, or the default as it is written (``memory://``)."""

        def parse(text: str) -> str:
            parts = urlsplit(text)
            if text == default:
                return text
            if parts.scheme not in schemes or not (parts.netloc or parts.query or parts.path):
                raise ValueError(f"an address that begins with {' or '.join(s + '://' for s in schemes)} is required")
            return text

        return self.take(name, parse, default)

    def file(self, name: str, default: Path | None = None) -> Path:
        """The path of a file that exists and can be read."""

        def parse(text: str) -> Path:
            path = Path(text)
            if not path.is_file() or not os.access(path, os.R_OK):
                raise ValueError("a file that can be read is required")
            return path

        return self.take(name, parse, default)

    def folder(self, name: str, default: Path | None = None) -> Path:
        """The path of a folder that exists."""

        def parse(text: str) -> Path:
            path = Path(text)
            if not path.is_dir():
                raise ValueError("a folder that exists is required")
            return path

        return self.take(name, parse, default)

    def finish(self) -> None:
        """Raises:
        SettingsError: anything was wrong; it lists all of it.
        """
        if self.problems:
            raise SettingsError(self.problems)
