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
from tests.integration.notifications.notification_service import NotificationService
from tests.support.processes import ProcessGroup, Program

BEFORE = 2 * AT_ONCE + 10

Rekey = Callable[[list[bytes]], Program]


@pytest.fixture
def rekey(notifications: NotificationService, processes: ProcessGroup, tmp_path: Path) -> Rekey:
    """Starts the command with these keys of the vault, as an operator would, by the operator's login."""

    def start(keys: list[bytes]) -> Program:
        vault = tmp_path / "vault.key"
        vault.write_text("".join(f"{key.hex()}\n" for key in keys))
        environment = {
            "NOTIFICATIONS_DATABASE_URL": notifications.logins["operator"].url.render_as_string(hide_password=False),
            "TROIKA_NOTIFICATIONS_VAULT_FILE": str(vault),
        }
        return processes.start("rekey", "services.notifications rekey", env=environment)

    return start


def opened(notifications: NotificationService, *keys: bytes) -> dict[str, str]:
    """Name by subject, of every entry that the keys open."""
    vault, found = Vault(list(keys)), {}
    for row in notifications.rows("SELECT subject::text, closed FROM recipient"):
        try:
            found[row["subject"]] = vault.open(bytes(row["closed"]), row=row["subject"])["name"]
        except Unsealable:
            continue
    return found


def test_recipients_are_reencrypted_while_messages_are_consumed(
    notifications: NotificationService, rekey: Rekey
) -> None:
    """New rows are encrypted with the new key at once; messages about known rows are consumed again."""
    notifications.queue_mails(BEFORE)
    new, names = new_key(), opened(notifications, notifications.vault_key)
    assert len(names) == BEFORE
    handlers = effects(
        NotificationsContext(
            system_clock, (notifications.private_key,), Vault([new, notifications.vault_key]), "example.org"
        )
    )[MAIL]
    over, added = Event(), list[str]()

    def consume() -> None:
        known = iter(names)
        while not over.is_set():
            added.append(new_id())
            messages = [notifications.registration_message("confirmed", added[-1], person_ref=f"{len(added):064x}")]
            messages.append(notifications.registration_message("cancelled", next(known), 2))
            apply_batch(
                notifications.work_of("consume"), MAIL, [notifications.checked(one) for one in messages], handlers
            )

    thread = Thread(target=consume)
    thread.start()
    command = rekey([new, notifications.vault_key])
    assert command.wait(60) == 0, command.log_text()
    over.set()
    thread.join(20)
    assert len(added) > 0
    assert opened(notifications, new) == names | dict.fromkeys(added, "A participant")
    assert opened(notifications, notifications.vault_key) == {}
    assert notifications.rows("SELECT kind FROM content_difference") == []
    assert command.log_text().splitlines()[-1] == "The newest key alone opens all of them."


def test_reencryption_waits_for_a_locked_row_without_a_lock(notifications: NotificationService) -> None:
    notifications.queue_mails(3)
    new, pauses = new_key(), list[float]()
    other = notifications.engine.connect()
    held = other.execute(text("SELECT subject::text FROM recipient ORDER BY subject LIMIT 1 FOR UPDATE")).scalar_one()

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        assert len(opened(notifications, new)) == 2
        assert held in opened(notifications, notifications.vault_key)
        other.close()

    run = ReEncryption(notifications.work_of("operator"), ENCRYPTED_RECIPIENTS, [new, notifications.vault_key], wait)
    run.run()
    assert (run.changed, len(pauses), len(opened(notifications, new))) == (3, 1, 3)


def test_row_of_an_unknown_key_is_reported_and_left(notifications: NotificationService, rekey: Rekey) -> None:
    notifications.queue_mails(2)
    lost = min(opened(notifications, notifications.vault_key))
    with notifications.engine.begin() as connection:
        closed = Vault([new_key()]).close({"name": "of a lost key"}, row=lost)
        connection.execute(
            text("UPDATE recipient SET closed = :closed WHERE subject = :id"), {"closed": closed, "id": lost}
        )
    new = new_key()
    command = rekey([new, notifications.vault_key])
    assert command.wait(60) == 1
    assert command.log_text().splitlines() == [
        "1 recipients re-encrypted.",
        "Error: None of the keys opens 1 of them; these were not changed.",
    ]
    assert set(opened(notifications, new)) == set(opened(notifications, new, notifications.vault_key)) - {lost}
    assert notifications.rows(f"SELECT closed FROM recipient WHERE subject = '{lost}'") == [{"closed": closed}]
