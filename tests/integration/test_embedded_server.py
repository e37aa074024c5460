"""The embedded PostgreSQL requires a password, widens no folder's permissions, and works below a private one."""

import multiprocessing
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from shared.db.embedded_server import WHEEL, EmbeddedServer, binaries, remove_server, usable_binaries
from shared.db.roles import limit_problems, migrator
from shared.runtime.accounts import database_account, run_as
from tests.support.waiting import poll_until

DATABASES = {"registration": ("troika_registration_web",)}
ROLE = migrator("registration")

Starter = Callable[[Path], EmbeddedServer]


@pytest.fixture
def start() -> Iterator[Starter]:
    """Starts a server in a folder; stops it and deletes its data after the test."""
    started: list[tuple[EmbeddedServer, Path]] = []

    def start_in(folder: Path) -> EmbeddedServer:
        server = EmbeddedServer(folder)
        started.append((server, folder))
        server.start(DATABASES)
        return server

    yield start_in
    for server, _folder in started:
        server.leave()
    for _server, folder in started:
        remove_server(folder)


def _mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


def _url(server: EmbeddedServer) -> str:
    return server.url("registration", ROLE).replace("+psycopg", "")


def _folder_of_socket(server: EmbeddedServer) -> Path:
    return Path(str(make_url(server.url("registration", ROLE)).query["host"]))


@pytest.mark.parametrize("name", ["postgres", "x" * 60 + "/" + "y" * 60], ids=["short", "longer than a socket's path"])
def test_socket_is_private_and_each_login_needs_its_own_password(start: Starter, tmp_path: Path, name: str) -> None:
    server = start(tmp_path / name / "with a 'quote' and \"more\"")
    folder, account = _folder_of_socket(server), database_account()
    assert _mode(folder) == "700"
    assert folder.stat().st_uid == (os.geteuid() if account is None else account.uid)
    for wrong in (None, "wrong", server.password("troika_registration_web")):
        for role in (ROLE, "postgres"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(host=str(folder), user=role, dbname="registration", password=wrong)
    with psycopg.connect(_url(server)) as connection:
        assert connection.execute("SELECT session_user::text").fetchone() == (ROLE,)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert limit_problems(connection) == []


def test_no_folder_is_opened_wider(start: Starter, tmp_path: Path) -> None:
    """Root's server runs as another account, which cannot enter a private folder: its data goes elsewhere."""
    private = tmp_path / "private"
    (private / "checkout").mkdir(parents=True)
    private.chmod(0o700)
    above = [private, *private.parents, private / "checkout"]
    before = {path: _mode(path) for path in above}
    server = start(private / "checkout" / "var" / "postgres")
    assert {path: _mode(path) for path in above} == before
    assert _mode(server.place) == "700"
    assert (private / "checkout" / "var" / "postgres").resolve() == server.place
    server.leave()
    remove_server(private / "checkout" / "var" / "postgres")
    assert not server.place.exists()


def test_data_and_passwords_are_there_after_a_restart_and_a_kill(start: Starter, tmp_path: Path) -> None:
    server = start(tmp_path / "postgres")
    with psycopg.connect(_url(server)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    server.leave()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(_url(server))
    again = start(tmp_path / "postgres")
    pid = int((again.place / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    poll_until(lambda: not Path(f"/proc/{pid}").exists(), what="end of the server")
    with psycopg.connect(_url(start(tmp_path / "postgres"))) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (1,)


def _join(folder: Path, joined: "multiprocessing.synchronize.Event") -> None:
    EmbeddedServer(folder).start(DATABASES)
    joined.set()
    multiprocessing.Event().wait()


def test_last_process_to_leave_stops_it(start: Starter, tmp_path: Path) -> None:
    """A process that was killed no longer counts."""
    context = multiprocessing.get_context("spawn")
    server, joined = start(tmp_path / "postgres"), context.Event()
    other = context.Process(target=_join, args=(tmp_path / "postgres", joined), daemon=True)
    other.start()
    assert joined.wait(60)
    url = _url(server)
    server.leave()
    psycopg.connect(url).close()
    other.kill()
    other.join()
    third = start(tmp_path / "postgres")
    psycopg.connect(url).close()
    third.leave()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_data_of_an_earlier_version_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")
    with pytest.raises(RuntimeError, match="delete it"):
        EmbeddedServer(tmp_path / "postgres").start(DATABASES)


def test_programs_run_where_the_account_cannot_read_the_wheel(tmp_path: Path) -> None:
    """initdb needs libpq, which the wheel keeps in a folder beside its package."""
    account, private = database_account(), tmp_path / "private"
    installed = binaries(tmp_path, None).parents[2]
    for part in (f"{WHEEL}/pginstall18", f"{WHEEL}.libs"):
        shutil.copytree(installed / part, private / part, symlinks=True)
    private.chmod(0o700)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to(tempfile.gettempdir()) and folder != Path(tempfile.gettempdir()):
            folder.chmod(folder.stat().st_mode | 0o111)
    found = usable_binaries(private, tmp_path, account)
    assert (found.is_relative_to(private)) is (account is None)
    done = run_as(account, [str(found / "initdb"), "--version"], cwd="/")
    assert done.stdout.startswith("initdb (PostgreSQL) 18")
    assert _mode(private) == "700"


def test_environment_without_the_wheel_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shared.db.embedded_server.importlib.util.find_spec", lambda _name: None)
    with pytest.raises(RuntimeError, match="pip install --require-hashes"):
        binaries(tmp_path, None)
