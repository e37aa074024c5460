"""The recipients are encrypted with a new key while messages are consumed; the old key opens nothing afterwards."""

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import text

from services.notifications.consumers import MAIL, effects
from services.notifications.recipients.store import ENCRYPTED_RECIPIENTS
from services.notifications.rules.registrations import NotificationsContext
from shared.messaging.inbox import apply_batch
from shared.runtime.clock import system_clock
from shared.runtime.ids import new_id
from shared.security.sealing import AT_ONCE, ReEncryption, Unsealable, Vault, new_key
from tests.integration.notifications.office import Office
from tests.support.processes import ProcessGroup, Program

BEFORE = 2 * AT_ONCE + 10

Rekey = Callable[[list[bytes]], Program]


@pytest.fixture
def rekey(office: Office, processes: ProcessGroup, tmp_path: Path) -> Rekey:
    """Starts the command with these keys of the vault, as an operator would, by the operator's login."""

    def start(keys: list[bytes]) -> Program:
        vault = tmp_path / "vault.key"
        vault.write_text("".join(f"{key.hex()}\n" for key in keys))
        environment = {
            "NOTIFICATIONS_DATABASE_URL": office.logins["operator"].url.render_as_string(hide_password=False),
            "TROIKA_NOTIFICATIONS_VAULT_FILE": str(vault),
        }
        return processes.start("rekey", "services.notifications rekey", env=environment)

    return start


def opened(office: Office, *keys: bytes) -> dict[str, str]:
    """Name by subject, of every entry that the keys open."""
    vault, found = Vault(list(keys)), {}
    for row in office.rows("SELECT subject::text, closed FROM recipient"):
        try:
            found[row["subject"]] = vault.open(bytes(row["closed"]), row=row["subject"])["name"]
        except Unsealable:
            continue
    return found


def test_book_is_closed_anew_while_messages_are_heard(office: Office, rekey: Rekey) -> None:
    """What comes meanwhile is closed by the new key at once; what is known already is heard of again."""
    office.queue_mails(BEFORE)
    new, names = new_key(), opened(office, office.vault_key)
    assert len(names) == BEFORE
    hears = effects(
        NotificationsContext(system_clock, (office.private_key,), Vault([new, office.vault_key]), "example.org")
    )[MAIL]
    over, added = Event(), list[str]()

    def hear() -> None:
        known = iter(names)
        while not over.is_set():
            added.append(new_id())
            told = [office.told("confirmed", added[-1], person_ref=f"{len(added):064x}")]
            told.append(office.told("cancelled", next(known), 2))
            apply_batch(office.work_of("consume"), MAIL, [office.checked(one) for one in told], hears)

    thread = Thread(target=hear)
    thread.start()
    command = rekey([new, office.vault_key])
    assert command.wait(60) == 0, command.log_text()
    over.set()
    thread.join(20)
    assert len(added) > 0
    assert opened(office, new) == names | dict.fromkeys(added, "A participant")
    assert opened(office, office.vault_key) == {}
    assert command.log_text().splitlines()[-1] == "The newest key alone opens all of them."


def test_entry_that_somebody_has_in_hand_is_waited_for_without_a_lock(office: Office) -> None:
    office.queue_mails(3)
    new, pauses = new_key(), list[float]()
    other = office.engine.connect()
    held = other.execute(text("SELECT subject::text FROM recipient ORDER BY subject LIMIT 1 FOR UPDATE")).scalar_one()

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        assert len(opened(office, new)) == 2
        assert held in opened(office, office.vault_key)
        other.close()

    run = ReEncryption(office.work_of("operator"), ENCRYPTED_RECIPIENTS, [new, office.vault_key], wait)
    run.run()
    assert (run.changed, len(pauses), len(opened(office, new))) == (3, 1, 3)


def test_entry_of_an_unknown_key_is_told_and_left(office: Office, rekey: Rekey) -> None:
    office.queue_mails(2)
    lost = min(opened(office, office.vault_key))
    with office.engine.begin() as connection:
        closed = Vault([new_key()]).close({"name": "of a lost key"}, row=lost)
        connection.execute(
            text("UPDATE recipient SET closed = :closed WHERE subject = :id"), {"closed": closed, "id": lost}
        )
    new = new_key()
    command = rekey([new, office.vault_key])
    assert command.wait(60) == 1
    assert command.log_text().splitlines() == [
        "1 recipients re-encrypted.",
        "Error: None of the keys opens 1 of them; these were not changed.",
    ]
    assert set(opened(office, new)) == set(opened(office, new, office.vault_key)) - {lost}
    assert office.rows(f"SELECT closed FROM recipient WHERE subject = '{lost}'") == [{"closed": closed}]
