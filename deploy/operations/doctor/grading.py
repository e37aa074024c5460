"""Input and output of a check: a host as its settings files describe it, results, and grades."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

PRIVATE_HOSTS = "TROIKA_DOCTOR_PRIVATE_HOSTS"
"""Setting with the servers in a network of this installation alone, as Compose names them."""


class Grade(StrEnum):
    """How good a result is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_ASKED = "not asked"


EXIT_CODES = {Grade.OK: 0, Grade.NOT_ASKED: 0, Grade.WARNING: 1, Grade.FAILED: 2}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the report.

    Attributes:
        grade: how good it is.
        about: the thing that was checked: a service, a login, a host name, a file.
        found: what was found, without secrets.
        do: the remedy; empty if none is needed.
    """

    grade: Grade
    about: str
    found: str
    do: str = ""


def ok(about: str, found: str) -> CheckResult:
    """A result without a problem."""
    return CheckResult(Grade.OK, about, found)


def warning(about: str, found: str, do: str) -> CheckResult:
    """A result that does no harm yet."""
    return CheckResult(Grade.WARNING, about, found, do)


def failed(about: str, found: str, do: str) -> CheckResult:
    """A result that breaks a guarantee of the installation, or soon will."""
    return CheckResult(Grade.FAILED, about, found, do)


def not_asked(about: str, found: str, do: str = "") -> CheckResult:
    """The check got no answer: ``found`` is the reason."""
    return CheckResult(Grade.NOT_ASKED, about, found, do)


@dataclass(frozen=True, slots=True)
class HostDatabase:
    """A login at a database.

    Attributes:
        service: whose database it is.
        process: the kind of process that uses the login.
        url: the address with the password.
    """

    service: str
    process: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HostBroker:
    """A login at the broker: its name, and the addresses of the nodes with its password."""

    login: str
    urls: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class HostKeyFile:
    """A key of a process: a file, or the text of a public key.

    Attributes:
        service: whose process it is; empty for commands of every service.
        process: the kind of process.
        variable: setting that names the file or holds the key.
        path: the path of the file; None for a public key.
        text: the public key in hex digits.
    """

    service: str
    process: str
    variable: str
    path: Path | None = None
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class GradedHost:
    """An installation as its settings files describe it.

    Attributes:
        where: the place where they were found, in words.
        databases: logins at the databases, the services' processes in the order of the list of processes.
        brokers: logins at the broker.
        key_files: keys of every process.
        values: settings that all processes share (``TROIKA_PUBLIC_URL`` …) and those of the doctor itself.
        secret_files: files and folders that only the processes may read.
        secret_folder: the folder that holds them all.
        folders: the folders with data, logs and temporary files, by what they are for.
        monitor_url: the address with the login that may read the server's statistics; empty if there is none.
    """

    where: str
    databases: tuple[HostDatabase, ...] = ()
    brokers: tuple[HostBroker, ...] = ()
    key_files: tuple[HostKeyFile, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_files: tuple[Path, ...] = ()
    secret_folder: Path = Path("/")
    folders: Mapping[str, Path] = field(default_factory=dict)
    monitor_url: str = field(default="", repr=False)

    def value(self, name: str) -> str:
        """A shared setting; empty if it is not set."""
        return self.values.get(name, "").strip()

    def one_login_each(self) -> list[HostDatabase]:
        """One login for each service's database: the operator's if it is here."""
        operators = [database for database in self.databases if database.process == "operator"]
        found = {database.service: database for database in (*reversed(self.databases), *operators)}
        return [found[service] for service in sorted(found)]
