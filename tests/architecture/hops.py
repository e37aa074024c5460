"""The path of a registration, in files: ``python -m tests.architecture.hops``.

Prints the files of services and shared in which a function runs from the POST of a submission to the commit of the
registration and to the mail, and how many there are: for the first registration after the start, and for the second,
which finds the form and its keys in the caches. Everything happens in this process, on a private PostgreSQL with the
embedded bus, without gunicorn and the loops of the workers. What runs because a module is imported does not count.

The form is the sample's webinar, which verifies no address: one submission becomes one registration and one mail.
"""

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Self

from flask.testing import FlaskClient
from sqlalchemy import Engine, event

from services.notifications.sending.sender import Sender
from shared.cli.settings import bus_role_of
from shared.cli.workers import make_queue_consumer
from shared.messaging import topology
from shared.messaging.broker import BusAddress
from shared.messaging.connection import open_publisher
from shared.messaging.consumer import QueueConsumer
from shared.messaging.relay import Relay
from shared.runtime.runner import Stop
from tests.integration.operations.in_process_system import InProcessSystem
from tests.support.clients import WEBINAR, answers, submissions_path
from tests.support.installation import TestInstallation, make_whole
from tests.support.postgres import PostgresServer
from tests.support.processes import PROJECT
from tests.support.run_folder import RunFolder, quick_base, runs_folder
from tests.support.smtp_relay import Relay as MailRelay
from tests.support.waiting import poll_until

AIM_TO_COMMIT, AIM_TO_MAIL = 25, 55
"""Maximum number of our files from the POST to the commit of the registration, and to the mail."""

OURS = (str(PROJECT / "services") + os.sep, str(PROJECT / "shared") + os.sep)
SEATS = 5
WITHIN_S = 30.0


def _is_ours(path: str) -> bool:
    return path.startswith(OURS) and path.endswith(".py")  # and not a template that Jinja has compiled


class FilesRun:
    """Our files in which a function ran, in the order of their first function.

    Attributes:
        files: all so far, as paths below the project.
        at_write: how many there were when a statement last wrote something, or a transaction was last committed.
    """

    def __init__(self) -> None:
        self.files: dict[str, None] = {}
        self.at_write = 0
        self._importing: dict[int, int] = {}

    @contextmanager
    def following(self) -> Iterator[None]:
        """Follow this thread, and those that begin while the block runs."""
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def note_write(self, *_: Any) -> None:
        """Something was written or committed just now."""
        self.at_write = len(self.files)

    def forget_after_write(self) -> None:
        """Leave out what ran after the last write, such as what sends the response."""
        for path in list(self.files)[self.at_write :]:
            del self.files[path]

    def _profile(self, frame: FrameType, happening: str, _: object) -> None:
        code = frame.f_code
        if happening not in ("call", "return"):
            return
        thread = threading.get_ident()
        if code.co_name == "<module>":
            self._importing[thread] = self._importing.get(thread, 0) + (1 if happening == "call" else -1)
        elif happening == "call" and not self._importing.get(thread) and _is_ours(code.co_filename):
            self.files.setdefault(str(Path(code.co_filename).relative_to(PROJECT)))


def to_submission(client: FlaskClient, number: int) -> None:
    """POST the submission of person ``number``."""
    key = f"person-{number:06}"
    answer = client.post(submissions_path(WEBINAR), json=answers(number), headers={"Idempotency-Key": key})
    assert answer.status_code == 202, answer.get_json()


def to_registration(system: InProcessSystem) -> None:
    """Decide."""
    assert system.decider.run_once()


@dataclass(frozen=True, slots=True)
class PathToMail:
    """What takes a message of registration to the mail relay, built before it is followed.

    Attributes:
        relay: of registration.
        consumer: of notifications.
        sender: of notifications.
    """

    relay: Relay
    consumer: QueueConsumer
    sender: Sender

    @classmethod
    def of(cls, system: InProcessSystem, mail_port: int) -> Self:
        """The processes of ``system``, each with its own login on the embedded bus."""
        publisher = open_publisher(_bus(system, "registration", "relay"), "registration")
        bus, work = _bus(system, "notifications", "consume"), system.work("notifications")
        return cls(
            Relay(system.work("registration"), publisher, "registration", system.checked_clock),
            make_queue_consumer(bus, work, "notifications", system.notifications.effects),
            system.notifications.sender(mail_port),
        )

    def go(self, system: InProcessSystem) -> None:
        """Publish what registration stored, consume it in notifications, and hand the mail over."""
        before = len(system.notifications.mails())
        assert self.relay.run_once()
        thread = threading.Thread(target=self.consumer.run, kwargs={"safety_interval": 0.1})
        thread.start()
        try:
            poll_until(lambda: len(system.notifications.mails()) > before, WITHIN_S, what="a mail to be sent")
        finally:
            self.consumer.should_stop = True
            thread.join()
        assert self.sender.run_once(Stop())


def _bus(system: InProcessSystem, service: str, process: str) -> BusAddress:
    return BusAddress(database_url=system.installation.urls.of("bus", bus_role_of(service, process)))


def measure(
    system: InProcessSystem, client: FlaskClient, mail_port: int, number: int
) -> tuple[FilesRun, dict[str, int]]:
    """Follow the registration of person ``number``; returns the files, and how many there are after each part."""
    run, counts = FilesRun(), {}
    path = PathToMail.of(system, mail_port)

    def part(name: str, act: Callable[[], None], *, to_its_end: bool = False) -> None:
        with run.following():
            act()
        if not to_its_end:
            run.forget_after_write()
        counts[name] = len(run.files)

    event.listen(Engine, "commit", run.note_write)
    event.listen(Engine, "after_cursor_execute", after_insert := _after_insert(run))
    part("to the commit of the submission", lambda: to_submission(client, number))
    part("to the commit of the registration", lambda: to_registration(system))
    part("to the mail", lambda: path.go(system), to_its_end=True)
    event.remove(Engine, "commit", run.note_write)
    event.remove(Engine, "after_cursor_execute", after_insert)
    return run, counts


def _after_insert(run: FilesRun) -> Callable[..., None]:
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "INSERT" in statement:
            run.note_write()

    return note


@contextmanager
def opened_system() -> Iterator[InProcessSystem]:
    """An installation with the sample loaded and its messages delivered, on a private server; removed afterwards."""
    run = RunFolder.create(runs_folder(quick_base()))
    server = PostgresServer(run, durable=False)
    server.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            system = InProcessSystem(_installation(server, Path(folder)), Path(folder))
            try:
                yield system
            finally:
                system.leave()
    finally:
        server.remove()
        run.remove()


def _installation(server: PostgresServer, folder: Path) -> TestInstallation:
    made = make_whole(server, folder)
    topology.declare(BusAddress(database_url=made.urls["bus"]))
    os.environ.update(made.environment("registration"))
    return made


def show(run: FilesRun, counts: dict[str, int]) -> None:
    """Print the files of each part, and how many there are."""
    files, begun = list(run.files), 0
    for name, count in counts.items():
        print(f"{name}:", *files[begun:count], sep="\n  ")
        begun = count
    for name, count in counts.items():
        services = sum(path.startswith("services") for path in files[:count])
        print(f"{name}: {count} files, {services} of them in services")


def main() -> None:
    """Print the files of the first registration, and of the second."""
    with opened_system() as system, MailRelay({}) as mails:
        system.open(system.client(), SEATS)
        client = system.client()
        for number, name in ((1, "the first registration"), (2, "the second registration")):
            print(f"{name}:")
            show(*measure(system, client, mails.port, number))
        assert len(mails.mails) == 2
    print(f"aims: {AIM_TO_COMMIT} to the commit of the registration, {AIM_TO_MAIL} to the mail")


if __name__ == "__main__":
    main()
