"""The tests' own servers: they start, lose nothing confirmed, die at once, and leave nothing behind."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pika
import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from deploy.servers.starting import BASE_ENVIRONMENT
from tests.support import run_folder as run_folders
from tests.support import shared_memory
from tests.support.children import start_child
from tests.support.clients import rows
from tests.support.ports import free_port, is_listening
from tests.support.postgres import PostgresServer
from tests.support.processes import PROJECT, ProcessGroup, answers
from tests.support.rabbit_definitions import Rights
from tests.support.rabbitmq import RabbitNode
from tests.support.run_folder import RunFolder, quick_base, runs_folder, sweep
from tests.support.shared_memory import remove_segment, segment_of, segments
from tests.support.waiting import poll_until

SLEEPER = "import time; time.sleep(600)"


@pytest.fixture
def parent(run_folder: RunFolder) -> Path:
    """A place for runs that are not this run's, so that a sweep there meets no one else."""
    folder = run_folder.part("runs")
    folder.chmod(0o711)
    return folder


def _publish(url: str, queue: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        channel.basic_publish("", queue, b"kept", pika.BasicProperties(delivery_mode=2), mandatory=True)


def _take(url: str, queue: str) -> bytes | None:
    """What the queue gives; None also while it has no leader, which the broker calls an internal error (541)."""
    try:
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            body = connection.channel().basic_get(queue, auto_ack=True)[2]
    except pika.exceptions.ConnectionClosedByBroker:
        return None
    return bytes(body) if body is not None else None


def test_rabbitmq_killed_keeps_what_it_confirmed_and_its_port(own_rabbit: RabbitNode, run_folder: RunFolder) -> None:
    url = own_rabbit.fresh_vhost()
    _publish(url, "kept")
    own_rabbit.wait_until_saved(url.rpartition("/")[2], ["kept"])
    own_rabbit.kill()
    assert not own_rabbit.running
    assert [p.pid for p in run_folder.processes() if str(own_rabbit.folder) in p.environ().get("HOME", "")] == []
    own_rabbit.start()
    assert poll_until(lambda: _take(url, "kept"), 20.0) == b"kept"


def test_suspended_rabbitmq_does_not_answer_and_continues_when_resumed(own_rabbit: RabbitNode) -> None:
    own_rabbit.suspend()
    with socket.create_connection(("127.0.0.1", own_rabbit.ports.amqp), timeout=0.5) as client:
        client.sendall(b"AMQP\x00\x00\x09\x01")
        with pytest.raises(TimeoutError):
            client.recv(1)
        own_rabbit.resume()
        client.settimeout(10.0)
        assert client.recv(1) == b"\x01"
    _publish(own_rabbit.amqp_url(), "after")
    assert answers(own_rabbit.metrics_url)


def test_rabbitmq_refuses_guest_and_holds_a_user_to_its_rights(rabbit: RabbitNode) -> None:
    guest = rabbit.amqp_url().replace(rabbit.amqp_url().split("@")[0], "amqp://guest:guest")
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        pika.BlockingConnection(pika.URLParameters(guest))
    reader = rabbit.add_user("reader", "p@ss/word", Rights(configure="^$", write="^$"))
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
        _publish(reader, "refused")


def test_postgres_killed_keeps_what_was_committed(own_postgres: PostgresServer) -> None:
    url = own_postgres.create_database("kept")
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    own_postgres.kill()
    own_postgres.start()
    with own_postgres.connect("kept", "kept") as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(7,)]
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_postgres_copies_of_a_template_do_not_meet(postgres: PostgresServer) -> None:
    def prepare(url: str) -> None:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("CREATE TABLE notes (text text)")

    template = postgres.make_template("support_template", prepare)
    assert postgres.make_template("support_template", prepare) == template
    first, second = (postgres.fresh_database(template).replace("+psycopg", "") for _ in range(2))
    with psycopg.connect(first) as connection:
        connection.execute("INSERT INTO notes VALUES ('only here')")
    with psycopg.connect(second) as connection:
        assert connection.execute("SELECT * FROM notes").fetchall() == []


def test_postgres_fresh_databases_go_unless_someone_keeps_them(own_postgres: PostgresServer) -> None:
    kept = own_postgres.fresh_database()
    own_postgres.keep_databases()
    gone = own_postgres.fresh_database()
    with psycopg.connect(gone.replace("+psycopg", "")) as connected:
        own_postgres.drop_fresh_databases()
        with pytest.raises(psycopg.OperationalError):
            connected.execute("SELECT 1")
    psycopg.connect(kept.replace("+psycopg", "")).close()


def test_connection_is_kept_for_the_next_query_and_blocks_no_one(postgres: PostgresServer) -> None:
    """It is opened again when an administrator ended it, and closed when its database is copied."""
    url = postgres.fresh_database()
    [(kept,)] = rows(url, "SELECT pg_backend_pid()")
    assert rows(url, "SELECT pg_backend_pid()") == [(kept,)]
    with postgres.connect() as administrator:
        administrator.execute("SELECT pg_terminate_backend(%s, 5000)", [kept])
    assert rows(url, "SELECT pg_backend_pid()") != [(kept,)]
    copied = make_url(url)
    postgres.fresh_database(copied.database, owner=copied.username)


def test_connection_to_a_server_that_is_killed_is_not_kept(own_postgres: PostgresServer) -> None:
    url = own_postgres.fresh_database()
    first, second = (rows(url, "SELECT pg_backend_pid()") for _ in range(2))
    assert first != second


def test_postgres_database_is_closed_to_other_roles(postgres: PostgresServer) -> None:
    postgres.create_database("support_a")
    postgres.create_database("support_b")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        postgres.connect("support_a", "support_b")


def test_program_is_waited_for_logged_killed_and_started_again(processes: ProcessGroup) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    program = processes.start("web", f"http.server {port} --bind 127.0.0.1", ready_url=url)
    assert '"GET / HTTP/1.1" 200' in program.log_text()
    program.kill()
    assert program.wait() == -signal.SIGKILL
    assert not is_listening(port)
    program.start_again()
    program.wait_ready(url)
    assert program.terminate() == -signal.SIGTERM


def test_program_that_ends_instead_of_starting_is_reported_with_its_log(processes: ProcessGroup) -> None:
    with pytest.raises(AssertionError, match="No module named no_such_module"):
        processes.start("broken", "no_such_module", ready_url="http://127.0.0.1:1/")


def test_program_log_lines_are_read_as_json(processes: ProcessGroup, tmp_path: Path) -> None:
    (tmp_path / "speaker.py").write_text("print('plain'); print('{\"message\": \"done\"}')")
    program = processes.start("speaker", "speaker", env={"PYTHONPATH": str(tmp_path)})
    assert program.wait() == 0
    assert program.logs() == [{"message": "done"}]


def test_child_ends_with_the_process_that_started_it(parent: Path) -> None:
    run = RunFolder.create(parent)
    code = (
        "import sys, time; from pathlib import Path\n"
        "from tests.support.children import start_child; from tests.support.run_folder import RunFolder\n"
        "run = RunFolder(Path(sys.argv[1])); log = run.path / 'log'\n"
        f"start_child(run, [sys.executable, '-c', {SLEEPER!r}], env={{}}, folder=run.path, log=log)\n"
        "print('started', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(run.path)], cwd=PROJECT, env=BASE_ENVIRONMENT, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"started\n"
        assert len(run.processes()) == 1
        starter.kill()
    poll_until(lambda: not run.processes(), 5.0)
    run.remove()


def test_sweep_ends_and_deletes_what_a_dead_run_left_and_nothing_else(parent: Path) -> None:
    alive = RunFolder.create(parent)
    dead = RunFolder(parent / "run-4194305-1-leftover")  # above the largest process id, so no one's
    dead.path.mkdir()
    sleep = [sys.executable, "-c", SLEEPER]
    leftover = start_child(dead, sleep, env={}, folder=PROJECT, log=dead.path / "log")
    kept = start_child(alive, sleep, env={}, folder=PROJECT, log=alive.path / "log")
    poll_until(lambda: len(dead.processes()) == len(alive.processes()) == 1, 5.0)

    assert sweep(parent) == [dead.path]

    assert leftover.wait(5.0) == -signal.SIGKILL
    assert not dead.path.exists()
    assert kept.poll() is None
    assert alive.remove() == [kept.pid]
    kept.wait(5.0)


def test_sweep_ends_a_recorded_server_that_hides_its_environment(parent: Path) -> None:
    dead = RunFolder(parent / "run-4194305-1-leftover")
    dead.path.mkdir()
    other = subprocess.Popen([sys.executable, "-c", SLEEPER], cwd=dead.path, env=BASE_ENVIRONMENT)
    assert sweep(parent) == [dead.path], "a process that was never recorded is not touched"
    assert other.poll() is None
    dead.path.mkdir()
    hidden = subprocess.Popen([sys.executable, "-c", SLEEPER], cwd=dead.path, env=BASE_ENVIRONMENT)
    dead.record(hidden.pid)
    assert sweep(parent) == [dead.path]
    assert hidden.wait(5.0) == -signal.SIGKILL
    other.kill()
    other.wait(5.0)


def test_crashed_run_is_swept_by_the_next(parent: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from tests.support.postgres import PostgresServer; from tests.support.run_folder import RunFolder\n"
        "run = RunFolder.create(Path(sys.argv[1])); PostgresServer(run).start(); os.kill(os.getpid(), 9)"
    )
    crashed = subprocess.run([sys.executable, "-c", code, str(parent)], cwd=PROJECT, env=BASE_ENVIRONMENT)
    assert crashed.returncode == -signal.SIGKILL
    (left,) = parent.iterdir()
    left_behind = {segment_of(pid_file) for pid_file in left.glob("*/data/postmaster.pid")}
    assert sweep(parent) == [left]
    assert RunFolder(left).processes() == []
    assert left_behind & segments() == set()
    assert [p for p in psutil.process_iter(["cmdline"]) if str(left) in " ".join(p.info["cmdline"] or [])] == []


@pytest.mark.parametrize("still_listed", [False, True])
def test_segment_that_another_worker_removed_first(
    still_listed: bool, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = subprocess.run(["ipcmk", "-M", "56"], capture_output=True, text=True, check=True).stdout
    segment = int(made.split()[-1])
    pid_file = parent / "postmaster.pid"
    pid_file.write_text("\n" * 6 + f"  5432001  {segment}\n")
    subprocess.run(["ipcrm", "-m", str(segment)], check=True)
    assert segment not in segments()
    listed = iter([{segment}, {segment} if still_listed else set()])
    monkeypatch.setattr(shared_memory, "segments", lambda: next(listed))
    if still_listed:
        with pytest.raises(RuntimeError, match=f"ipcrm -m {segment}: .+"):
            remove_segment(pid_file)
    else:
        remove_segment(pid_file)


def test_runs_have_separate_folders(run_folder: RunFolder) -> None:
    assert run_folder.path.parent == runs_folder(quick_base())
    assert run_folder.owner_is_running()


def test_runs_stay_out_of_memory_where_there_is_little_or_another_place_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(run_folders, "MEMORY", tmp_path)
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(run_folders, "PLENTY_BYTES", 0)
    assert quick_base() == tmp_path
    monkeypatch.setattr(run_folders, "PLENTY_BYTES", 2**60)
    assert quick_base() is None
    monkeypatch.setattr(run_folders, "PLENTY_BYTES", 0)
    monkeypatch.setenv("TMPDIR", "/var/tmp")
    assert quick_base() is None
