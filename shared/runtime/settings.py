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
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from types import EllipsisType
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from environs import Env, EnvValidationError
from marshmallow import ValidationError
from marshmallow.validate import Regexp
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
    from psycopg.conninfo import make_conninfo  # gunicorn's master reads settings, and must not load psycopg

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
    places = [host if _PLAIN.match(host)["port"] else f"{host}:5432" for host in hosts]  # type: ignore[index]  # checked above
    if len({place.lower() for place in places}) < len(places):
        raise ValueError("a host stands there twice: name each server once")
    listed = "&".join(f"host={place}" for place in places)
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


def plain_urls(text: str) -> str:
    """What is wrong with URLs (with commas between): one is unencrypted and leads to another machine; else empty."""
    for url in text.split(","):
        parts = urlsplit(url.strip())
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
        folder: the folder that ``TROIKA_SETTINGS`` names.
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
Validator = Callable[[Any], Any]
"""As marshmallow has them: raises ValidationError."""

FROM_FILE = "_FILE"
"""Ends the name of a setting whose value is in a file: a password, for example."""

REFERENCE = "docs/reference/settings.md"
"""Describes the settings of all services and tools."""

NOT_SET = "Environment variable not set."
"""The fault of a required setting as environs words it."""

OURS, MISSPELT = "TROIKA_", 0.905
"""Similarity from which on a name is taken for a misspelt one; no two settings resemble each other as much."""

_QUOTED = re.compile(r"'([^']+)'")


class SettingsEnv(Env):
    """The settings of one process; :meth:`seal` raises once, with everything that is missing or wrong.

    A setting is read with a method of environs, and declared by it: ``env.int("TROIKA_METRICS_PORT", 0,
    validate=Range(0, 65535))``. It is required if it has no default; an empty value counts as none. Validators are
    those of marshmallow. What is missing or wrong is None until :meth:`seal`, so nothing is computed from it before.

    A fault never contains a value: it may be a secret. Why ``environs.FileAwareEnv`` is not used: docs/adr/0043.

    Args:
        process: kind of the process, whose own settings in the folder of ``TROIKA_SETTINGS`` have precedence.
        environment: value by name; that of this process if None.
        documented: the document that describes these settings, for the error.

    Attributes:
        given: value by name, with those of the folder.
    """

    def __init__(
        self, process: str = "", environment: Mapping[str, str] | None = None, documented: str = REFERENCE
    ) -> None:
        super().__init__(eager=False)
        self.given: Mapping[str, str] = os.environ if environment is None else environment
        self._documented = documented
        self._about: dict[str, str] = {}
        self._faults: list[tuple[str, str]] = []
        if folder := self.given.get(VARIABLE):
            self._add(Path(folder), process)

    def parsed(
        self,
        name: str,
        parse: Callable[[str], T],
        default: T | EllipsisType = ...,
        *,
        validate: Validator | Sequence[Validator] = (),
        about: str = "",
    ) -> T:
        """A setting of another type: what ``parse`` returns. It raises ValueError or OSError if it refuses a text.

        Args:
            name: the name of the setting.
            parse: reads a text.
            default: the value where the setting is missing; without a default the setting is required.
            validate: validators of the text.
            about: what the setting is for, in a phrase that follows its name in faults.
        """
        self._about[name] = about
        # environs hands all that it does not know to the field; its annotations know `validate` alone
        value: T = self(name, default, validate=validate, post_load=_checked(parse))  # type: ignore[call-overload]
        return value

    def secure(self, kind: str, fault_of: Callable[[str], str]) -> Validator:
        """A validator that refuses an insecure connection, unless ``TROIKA_INSECURE`` names its ``kind``.

        Args:
            kind: one of ``KINDS``.
            fault_of: what is insecure about an address, and what to write instead; empty if nothing is.
        """

        def check(text: str) -> None:
            none: frozenset[str] = frozenset()
            fault = _checked(fault_of)(text)
            if fault and kind not in (self.parsed(INSECURE, read_kinds, none) or none):
                raise ValidationError(f"{fault}; or name {kind} in {INSECURE}")

        return check

    def refuse(self, name: str, fault: str) -> None:
        """Have :meth:`seal` raise for a setting that contradicts another one."""
        self._faults.append((name, fault))

    def seal(self) -> None:
        """End reading.

        Raises:
            SettingsError: anything is missing or wrong; it lists all of it.
        """
        self._refuse_misspelt()
        try:
            super().seal()
        except EnvValidationError as error:
            by_name = cast("Mapping[str, list[str]]", error.error_messages)  # a list only where `eager` is set
            self._faults += [(name, fault) for name, faults in by_name.items() for fault in faults]
        if self._faults:
            raise SettingsError([self._line(*fault) for fault in dict.fromkeys(self._faults)], self._documented)

    def _refuse_misspelt(self) -> None:
        """Refuse a name that resembles one of this process; it may well have one that another process reads."""
        declared = list(self._fields)
        for name in sorted(self.given):
            is_known = name in declared or name.removesuffix(FROM_FILE) in declared
            if name.startswith(OURS) and not is_known and (meant := get_close_matches(name, declared, 1, MISSPELT)):
                self.refuse(name, f"there is no such setting: did you mean {meant[0]}?")

    def _line(self, name: str, fault: str) -> str:
        about = self._about.get(name)
        named = f"{name} ({about})" if about else name
        return f"{named}: {'is required, and not set' if fault == NOT_SET else fault}"

    def _add(self, folder: Path, process: str) -> None:
        try:
            found = read_folder(folder, process)
        except (OSError, UnicodeDecodeError) as error:
            self.refuse(VARIABLE, f"a folder of files that can be read is required ({error})")
            return
        for name in sorted(found.keys() & self.given.keys()):
            self.refuse(name, f"is set, and stands in {VARIABLE} too")
        self.given = {**self.given, **found}

    def _get_value(self, env_key: str, default: Any) -> Any:
        """The value, or the content of the file that ``<name>_FILE`` names; the default if there is neither."""
        text, file = (self.given.get(key, "").strip() for key in (env_key, env_key + FROM_FILE))
        if file and text:
            self.refuse(env_key, f"is set, and {env_key}{FROM_FILE} too")
        elif file:
            try:
                text = Path(file).read_text().strip()
            except (OSError, UnicodeDecodeError):
                self.refuse(env_key + FROM_FILE, "a file that can be read is required")
        return text or default


def _checked(function: Callable[[str], T]) -> Callable[[str], T]:
    """``function``, with its errors as faults; those that quote the text, as urllib's do, are not repeated."""

    def call(text: str) -> T:
        try:
            return function(text)
        except OSError as error:
            raise ValidationError(f"cannot be read: {error.strerror}") from None
        except ValueError as error:
            quoted = any(part in text for part in _QUOTED.findall(str(error)))
            raise ValidationError("Invalid value." if quoted else str(error)) from None

    return call


def url_of(*schemes: str) -> Regexp:
    """A validator of absolute URLs with one of ``schemes``."""
    named = " or ".join(f"{scheme}://" for scheme in schemes)
    return Regexp(rf"({'|'.join(schemes)})://\S+$", error=f"an address that begins with {named} is required")


def readable_file(text: str) -> Path:
    """Parser of a setting that names a file.

    Raises:
        ValueError: there is no such file, or it cannot be read.
    """
    if not Path(text).is_file() or not os.access(text, os.R_OK):
        raise ValueError("a file that can be read is required")
    return Path(text)


def existing_folder(text: str) -> Path:
    """Parser of a setting that names a folder.

    Raises:
        ValueError: there is no such folder.
    """
    if not Path(text).is_dir():
        raise ValueError("a folder that exists is required")
    return Path(text)
