"""The managing link is stored, encrypted, with its mail only, and deleted once the mail is sent or cancelled."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from services.notifications.mails.kinds import DECISION_KINDS, KIND_OF_MESSAGE, KINDS
from services.notifications.mails.store import ENCRYPTED_MAILS
from shared.runtime.ids import new_id
from shared.security.sealing import ReEncryption, Vault, new_key
from tests.integration.notifications.bulletins import draft, send
from tests.integration.notifications.notification_service import EVENT, NotificationService
from tests.integration.notifications.review import send_all
from tests.integration.notifications.test_erasing import erased
from tests.integration.notifications.test_sending_again import STARTS_AT, refuse
from tests.support.smtp_relay import CUT, Relay

TOKEN = "a-token"
FACTS = {
    key.removeprefix("registration.").removesuffix(".v1"): kind
    for key, kind in KIND_OF_MESSAGE.items()
    if KINDS[kind].about == "registration" and kind not in DECISION_KINDS
}
"""Registration's message about a registration, and the kind of the mail that it causes."""


def tokens(notifications: NotificationService) -> dict[str, str | None]:
    """The managing link's token of each mail, by kind; None where it is deleted."""
    return {
        mail["kind"]: mail["closed"] and notifications.vault.open(mail["closed"], row=mail["id"])["token"]
        for mail in notifications.mails()
    }


def recipients(notifications: NotificationService) -> str:
    """All that is stored about recipients, decrypted."""
    closed = notifications.rows("SELECT subject::text AS id, closed FROM recipient WHERE closed IS NOT NULL")
    return str([notifications.vault.open(row["closed"], row=row["id"]) for row in closed])


@pytest.fixture
def registered(notifications: NotificationService) -> str:
    """The id of a registration whose confirmation waits."""
    notifications.consume_event()
    registration = new_id()
    notifications.consume(notifications.registration_message("confirmed", registration))
    return registration


def delivered(notifications: NotificationService) -> list[str]:
    """The mails that a sender hands over now, with their lines joined."""
    with Relay({}) as relay:
        send_all(notifications, relay)
    return [mail.decode().replace("=\r\n", "").replace("=3D", "=") for mail in relay.mails]


def test_only_the_mail_holds_the_link_until_it_is_sent(notifications: NotificationService, registered: str) -> None:
    assert (tokens(notifications), TOKEN in recipients(notifications)) == ({"confirmation": TOKEN}, False)
    assert notifications.rows("SELECT id FROM mail WHERE position('a-token'::bytea IN closed) > 0") == []
    [mail] = delivered(notifications)
    assert f"/r/{TOKEN}" in mail
    assert (tokens(notifications), TOKEN in recipients(notifications)) == ({"confirmation": None}, False)


@pytest.mark.parametrize(("key", "kind"), FACTS.items())
def test_mail_of_each_fact_carries_the_link_of_its_own_message(
    notifications: NotificationService, key: str, kind: str
) -> None:
    notifications.consume_event()
    notifications.consume(notifications.registration_message(key, new_id(), sealed={"token": f"token-of-{key}"}))
    [mail] = delivered(notifications)
    assert f"/r/token-of-{key}" in mail
    assert tokens(notifications) == {kind: None}


def test_link_is_deleted_with_a_mail_that_is_cancelled(notifications: NotificationService, registered: str) -> None:
    notifications.consume(notifications.registration_message("cancelled", registered, 2))
    assert tokens(notifications) == {"confirmation": None, "cancelled-by-you": TOKEN}


def test_mail_that_came_too_late_has_no_link(notifications: NotificationService) -> None:
    registration = new_id()
    notifications.consume(
        notifications.registration_message("cancelled", registration, 2),
        notifications.registration_message("confirmed", registration, 1),
    )
    assert tokens(notifications) == {"cancelled-by-you": TOKEN, "confirmation": None}


def test_mail_that_may_be_sent_again_keeps_its_link(notifications: NotificationService, registered: str) -> None:
    """One that failed, and one of which no one knows whether it went."""
    refuse(notifications)
    assert (notifications.mail()["state"], tokens(notifications)) == ("failed", {"confirmation": TOKEN})
    notifications.consume(notifications.registration_message("changed", registered, 2))
    refuse(notifications, {"DOT": CUT})
    assert notifications.states()["changed"] == "unknown"
    assert tokens(notifications)["changed"] == TOKEN


def test_erasure_deletes_the_links(notifications: NotificationService, registered: str) -> None:
    refuse(notifications)
    notifications.consume(erased(notifications, registered))
    assert tokens(notifications) == {"confirmation": None}


def test_reminders_and_bulletins_hold_no_managing_link(
    notifications: NotificationService, registered: str, client: FlaskClient
) -> None:
    """They have the read-only link, and where there is a meeting the link that opens near the hour."""
    delivered(notifications)
    notifications.clock.set(STARTS_AT - timedelta(days=1))
    notifications.schedule()
    assert send(client, draft(client, {"event": EVENT})) == 200
    notifications.schedule()
    mails = {mail["kind"]: mail["state"] for mail in notifications.mails()}
    assert mails == {"confirmation": "sent", "reminder-1-day": "queued", "bulletin": "queued"}
    sent = delivered(notifications)
    assert len(sent) == 2
    for mail in sent:
        assert ("/v/a-view" in mail, "/r/" in mail, TOKEN in mail) == (True, False, False)
    assert sorted("/j/a-join" in mail for mail in sent) == [False, True]


def test_links_are_reencrypted_with_another_key(notifications: NotificationService, registered: str) -> None:
    newer = new_key()
    work = ReEncryption(
        notifications.work, ENCRYPTED_MAILS, [newer, notifications.vault_key], wait=lambda _seconds: None
    )
    work.run()
    assert work.changed == 1
    mail = notifications.mail()
    assert Vault([newer]).open(mail["closed"], row=mail["id"]) == {"token": TOKEN}
