"""A decider in the test's own process, with the keys of an installation, run by the test or beside a request."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from services.registration.intake.decider import Decider
from services.registration.intake.queue import publish_key
from services.registration.intake.reading import DeciderKeys
from services.registration.people.messages import RegistrationMessages
from services.registration.people.references import References
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.security.sealing import public_key_of, read_keys
from tests.support.clients import rows
from tests.support.clock import FrozenClock
from tests.support.installation import TestInstallation

PAUSE_S = 0.01


def make_decider(installation: TestInstallation, work: UnitOfWork, clock: CheckedClock) -> Decider:
    """Return a decider with the installation's keys; its public key is published.

    Args:
        installation: of the test.
        work: on the registration database.
        clock: of the decider.
    """
    folder = installation.secrets.folder
    decider_keys, person_keys = read_keys(folder / "decider.key"), read_keys(folder / "person.key")
    publish_key(work, decider_keys, clock())
    messages = RegistrationMessages(
        *(public_key_of(read_keys(folder / f"{name}.key")[0]) for name in ("notifications", "events"))
    )
    return Decider(work, clock, DeciderKeys(decider_keys, References(person_keys[0])), messages)


def decide_all(decider: Decider) -> None:
    """Decide until nothing waits and no mail is due."""
    while decider.run_once():
        pass


@contextmanager
def deciding(decider: Decider) -> Iterator[None]:
    """Let the decider work in a thread while the block runs: pages behind links wait for the outcome of a command."""
    over = threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            while not over.wait(PAUSE_S):
                decide_all(decider)
        except BaseException as error:  # noqa: BLE001 - raised again in the test
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failed:
        raise failed[0]
    decide_all(decider)


def receive_ahead(installation: TestInstallation, offset_s: float) -> None:
    """Let submissions be received at the machine's time and ``offset_s``, as all clocks of the services show it."""
    rows(
        installation.urls["registration"],
        "ALTER TABLE submission ALTER COLUMN received_at "
        f"SET DEFAULT clock_timestamp() + interval '{offset_s} seconds'",
    )


def receive_at(installation: TestInstallation, clock: FrozenClock) -> None:
    """Let submissions be received at the time of ``clock``: the database's clock runs on, the test's is frozen."""
    rows(
        installation.urls["registration"],
        f"ALTER TABLE submission ALTER COLUMN received_at SET DEFAULT '{clock().isoformat()}'",
    )
