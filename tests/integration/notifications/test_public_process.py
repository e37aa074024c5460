"""The process that serves the links in bulletins: with its login and the files it is given, it opens no recipient."""

import base64
import secrets
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from flask.testing import FlaskClient

from deploy.local.secrets import OWNERS
from services.notifications.recipients.service import carry_out_requests, make_unsubscribe_token
from services.notifications.rights import PUBLIC
from services.notifications.settings import NotificationsSettings, read_settings
from services.notifications.web import build_app
from services.notifications.wiring import MIGRATIONS
from shared.db.migrate import migrate_to
from shared.http.app import SIGN_IN
from shared.security.sealing import Unsealable, Vault, new_key
from tests.integration.notifications.notification_service import PERSON, NotificationService

ONE_CLICK = {"data": b"List-Unsubscribe=One-Click", "headers": {"Sec-Fetch-Site": "cross-site"}}
DRAFT = """
    INSERT INTO bulletin (id, revision, segment, texts, fingerprint, created_at)
    VALUES (gen_random_uuid(), 1, '{}', '{"en": {}}', sha256(''), now())
"""
FORMER = "INSERT INTO former_links SELECT CAST('{until}' AS timestamptz)"
REFUSED = (
    *(f"SELECT * FROM {table}" for table in ("recipient", "mail", "suppression", "unsubscribe_request", "webhook")),
    *(f"SELECT * FROM {table}" for table in ("bulletin_tester", "access_holder", "begun_session", "outbox")),
    *(f"DELETE FROM {table}" for table in ("recipient", "unsubscribe_request", "suppression", "former_links")),
    f"INSERT INTO suppression VALUES ('{PERSON}', 'recipient', now())",
    "INSERT INTO unsubscribe_request VALUES ('token', now())",
    "INSERT INTO former_links VALUES (now())",
    "UPDATE mail SET state = state",
)


@pytest.fixture
def settings(notifications: NotificationService, tmp_path: Path) -> NotificationsSettings:
    """What the process reads of an environment that holds only what it is given."""
    assert OWNERS["notifications", PUBLIC] == ("TROIKA_UNSUBSCRIBE_KEY_FILE",)
    key = tmp_path / "unsubscribe.key"
    key.write_text(notifications.links_key.hex())
    url = notifications.logins[PUBLIC].url.render_as_string(hide_password=False)
    return read_settings(PUBLIC, {"NOTIFICATIONS_DATABASE_URL": url, "TROIKA_UNSUBSCRIBE_KEY_FILE": str(key)})


@pytest.fixture
def public(notifications: NotificationService, settings: NotificationsSettings) -> FlaskClient:
    """A client of the process, on its login."""
    clock = notifications.clock
    return build_app(settings, notifications.logins[PUBLIC], clock, lambda _connection: clock()).test_client()


def left(notifications: NotificationService) -> list[tuple[str, str, int | None]]:
    """Who gets no bulletins, by whose word, and by the link of which."""
    rows = notifications.rows("SELECT person_ref, said_by, bulletin FROM suppression ORDER BY person_ref")
    return [(row["person_ref"], row["said_by"], row["bulletin"]) for row in rows]


def test_it_opens_no_recipient_with_what_it_is_given(
    notifications: NotificationService, settings: NotificationsSettings
) -> None:
    notifications.queue_mails(1)
    ((subject, closed),) = [tuple(row.values()) for row in notifications.rows("SELECT subject, closed FROM recipient")]
    assert notifications.vault.open(closed, row=str(subject))["address"]
    keys = [key for held in (settings.vault_keys, settings.unsubscribe_keys, settings.private_keys) for key in held]
    assert keys == [notifications.links_key]
    with pytest.raises(Unsealable):
        Vault(keys).open(closed, row=str(subject))


def test_its_login_reads_no_one_and_only_stores_that_a_link_was_used(settings: NotificationsSettings) -> None:
    url = settings.common.database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in REFUSED:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        assert connection.execute("SELECT request_unsubscribing('token', now())").fetchone() == (True,)


def test_it_has_no_route_for_coordinators(public: FlaskClient) -> None:
    assert SIGN_IN not in public.application.extensions
    paths = ("/console/mail", "/v1/mails", "/v1/bulletins", "/v1/suppressions", "/v1/webhooks")
    assert [public.get(path).status_code for path in paths] == [404] * len(paths)


def test_one_click_unsubscribes_with_a_link_of_either_key(
    notifications: NotificationService, public: FlaskClient
) -> None:
    """Links from before they had a key of their own are carried out by a sender, which can read them."""
    until = notifications.clock() + timedelta(days=730)
    with notifications.work.transaction() as connection:
        connection.exec_driver_sql(FORMER.format(until=until.isoformat()))
    people = {name: secrets.token_hex(32) for name in ("links", "vault", "neither")}
    vaults = {"links": notifications.links, "vault": notifications.vault, "neither": Vault([new_key()])}
    paths = {
        name: f"/u/{make_unsubscribe_token(vaults[name], person, 'ar', notifications.clock(), 7)}"
        for name, person in people.items()
    }
    assert [public.get(path).status_code for path in paths.values()] == [200] * 3
    assert notifications.rows("SELECT * FROM unsubscribe_request") == []
    pages = {name: public.post(path, **ONE_CLICK) for name, path in paths.items() for _ in range(2)}
    assert [page.status_code for page in pages.values()] == [200] * 3
    said = {name: "Your request is recorded" in page.text for name, page in pages.items()}
    assert said == {"links": False, "vault": True, "neither": True}
    assert '<html lang="ar" dir="rtl">' in pages["links"].text
    assert (notifications.carry_out(), notifications.carry_out()) == (3, 0)
    assert left(notifications) == sorted((people[name], "recipient", 7) for name in ("links", "vault"))
    notifications.clock.set(until)
    later = f"/u/{make_unsubscribe_token(notifications.vault, PERSON, 'ar', notifications.clock())}"
    assert [public.get(later).status_code, public.post(later).status_code] == [404, 404]


def test_link_that_is_carried_out_late_counts_from_when_it_was_used(
    notifications: NotificationService, public: FlaskClient
) -> None:
    token = make_unsubscribe_token(notifications.links, PERSON, "en", notifications.clock())
    midnight = notifications.clock().replace(hour=0, minute=0, second=0, microsecond=0)
    notifications.clock.set(midnight + timedelta(days=730) - timedelta(seconds=1))
    assert public.post(f"/u/{token}").status_code == 200
    notifications.clock.advance(timedelta(days=3))
    assert carry_out_requests(notifications.work_of("send"), [notifications.links]) == 1
    assert left(notifications) == [(PERSON, "recipient", None)]


def test_requests_that_no_sender_carries_out_have_a_bound(
    notifications: NotificationService, public: FlaskClient
) -> None:
    with notifications.work.transaction() as connection:
        connection.exec_driver_sql(
            "INSERT INTO unsubscribe_request SELECT n::text, now() FROM generate_series(1, 10000) AS n"
        )
    path = f"/u/{make_unsubscribe_token(notifications.links, PERSON, 'en', notifications.clock())}"
    assert public.post(path).status_code == 503
    assert notifications.carry_out() == 100
    assert public.post(path).status_code == 200


def test_what_is_no_token_is_not_stored(notifications: NotificationService, public: FlaskClient) -> None:
    with notifications.work.transaction() as connection:
        connection.exec_driver_sql(FORMER.format(until=(notifications.clock() + timedelta(days=1)).isoformat()))
    junk = ["a", "unknown", "a" * 139, "a" * 241, "a" * 160 + "=", base64.b64encode(b"\xff" * 120).decode()]
    assert {public.post(f"/u/{token}").status_code for token in junk} == {404}
    assert notifications.rows("SELECT * FROM unsubscribe_request") == []


def test_former_links_are_taken_for_two_years_where_there_were_bulletins(notifications: NotificationService) -> None:
    found = []
    for statement in ("SELECT 1", DRAFT):
        migrate_to(notifications.engine, MIGRATIONS, "0006")
        with notifications.work.transaction() as connection:
            connection.exec_driver_sql(statement)
        migrate_to(notifications.engine, MIGRATIONS, "0007")
        found.append(notifications.rows("SELECT until - now() > interval '729 days' AS long FROM former_links"))
    assert found == [[], [{"long": True}]]
