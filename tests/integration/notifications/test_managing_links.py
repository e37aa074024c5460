"""The managing link of a mail: that mail alone holds it, closed, and it goes once the mail is sent or cancelled."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from services.notifications.mails.kinds import DECISION_KINDS, KIND_OF_MESSAGE, KINDS
from services.notifications.mails.store import ENCRYPTED_MAILS
from shared.runtime.ids import new_id
from shared.security.sealing import ReEncryption, Vault, new_key
from tests.integration.notifications.bulletins import draft, send
from tests.integration.notifications.office import EVENT, Office
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
"""What registration says of a registration, and the kind of the mail that it causes."""


def tokens(office: Office) -> dict[str, str | None]:
    """The managing link's token of each mail, by kind; None where it is deleted."""
    return {
        mail["kind"]: mail["closed"] and office.vault.open(mail["closed"], row=mail["id"])["token"]
        for mail in office.mails()
    }


def book(office: Office) -> str:
    """All that is stored about recipients, decrypted."""
    closed = office.rows("SELECT subject::text AS id, closed FROM recipient WHERE closed IS NOT NULL")
    return str([office.vault.open(row["closed"], row=row["id"]) for row in closed])


@pytest.fixture
def registered(office: Office) -> str:
    """The id of a registration whose confirmation waits."""
    office.hear_event()
    registration = new_id()
    office.hear(office.told("confirmed", registration))
    return registration


def delivered(office: Office) -> list[str]:
    """The mails that a sender hands over now, with their lines joined."""
    with Relay({}) as relay:
        send_all(office, relay)
    return [mail.decode().replace("=\r\n", "").replace("=3D", "=") for mail in relay.mails]


def test_only_the_mail_holds_the_link_until_it_is_sent(office: Office, registered: str) -> None:
    assert (tokens(office), TOKEN in book(office)) == ({"confirmation": TOKEN}, False)
    assert office.rows("SELECT id FROM mail WHERE position('a-token'::bytea IN closed) > 0") == []
    [mail] = delivered(office)
    assert f"/r/{TOKEN}" in mail
    assert (tokens(office), TOKEN in book(office)) == ({"confirmation": None}, False)


@pytest.mark.parametrize(("key", "kind"), FACTS.items())
def test_mail_of_each_fact_carries_the_link_of_its_own_message(office: Office, key: str, kind: str) -> None:
    office.hear_event()
    office.hear(office.told(key, new_id(), sealed={"token": f"token-of-{key}"}))
    [mail] = delivered(office)
    assert f"/r/token-of-{key}" in mail
    assert tokens(office) == {kind: None}


def test_link_is_deleted_with_a_mail_that_is_cancelled(office: Office, registered: str) -> None:
    office.hear(office.told("cancelled", registered, 2))
    assert tokens(office) == {"confirmation": None, "cancelled-by-you": TOKEN}


def test_mail_that_came_too_late_has_no_link(office: Office) -> None:
    registration = new_id()
    office.hear(office.told("cancelled", registration, 2), office.told("confirmed", registration, 1))
    assert tokens(office) == {"cancelled-by-you": TOKEN, "confirmation": None}


def test_mail_that_may_be_sent_again_keeps_its_link(office: Office, registered: str) -> None:
    """One that failed, and one of which nobody knows whether it went."""
    refuse(office)
    assert (office.mail()["state"], tokens(office)) == ("failed", {"confirmation": TOKEN})
    office.hear(office.told("changed", registered, 2))
    refuse(office, {"DOT": CUT})
    assert office.states()["changed"] == "unknown"
    assert tokens(office)["changed"] == TOKEN


def test_erasure_deletes_the_links(office: Office, registered: str) -> None:
    refuse(office)
    office.hear(erased(office, registered))
    assert tokens(office) == {"confirmation": None}


def test_reminders_and_bulletins_hold_no_managing_link(office: Office, registered: str, client: FlaskClient) -> None:
    """They have the read-only link, and where there is a meeting the link that opens near the hour."""
    delivered(office)
    office.clock.set(STARTS_AT - timedelta(days=1))
    office.schedule()
    assert send(client, draft(client, {"event": EVENT})) == 200
    office.schedule()
    mails = {mail["kind"]: mail["state"] for mail in office.mails()}
    assert mails == {"confirmation": "sent", "reminder-1-day": "queued", "bulletin": "queued"}
    sent = delivered(office)
    assert len(sent) == 2
    for mail in sent:
        assert ("/v/a-view" in mail, "/r/" in mail, TOKEN in mail) == (True, False, False)
    assert sorted("/j/a-join" in mail for mail in sent) == [False, True]


def test_links_are_closed_anew_by_another_key(office: Office, registered: str) -> None:
    newer = new_key()
    work = ReEncryption(office.work, ENCRYPTED_MAILS, [newer, office.vault_key], wait=lambda _seconds: None)
    work.run()
    assert work.changed == 1
    mail = office.mail()
    assert Vault([newer]).open(mail["closed"], row=mail["id"]) == {"token": TOKEN}
