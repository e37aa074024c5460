"""``GET /v1/mails``: who may call it, what it shows, and that it names no one."""

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from shared.runtime.ids import new_id
from shared.runtime.runner import Stop
from tests.integration.notifications.desk import open_desk
from tests.integration.notifications.notification_service import ADDRESS, EVENT, PERSON, NotificationService
from tests.support.smtp_relay import Relay


@pytest.fixture
def client(notifications: NotificationService, tmp_path: Path) -> FlaskClient:
    """The service's web application on the same database."""
    return open_desk(notifications, tmp_path)


def get(client: FlaskClient, path: str, key: str = "coordinator") -> tuple[int, dict[str, object]]:
    """Status and JSON of a path."""
    answer = client.get(path, headers={"Authorization": f"Bearer {key}"} if key else {})
    return answer.status_code, answer.get_json()


def ids(answer: tuple[int, dict[str, object]]) -> list[str]:
    """Ids of the mails listed."""
    items = answer[1]["items"]
    assert isinstance(items, list)
    return [item["id"] for item in items]


@pytest.mark.parametrize(
    ("key", "status"),
    [("viewer", 200), ("coordinator", 200), ("operator", 200), ("partner", 403), ("nobody", 401), ("", 401)],
)
def test_who_may_see_mails(client: FlaskClient, key: str, status: int) -> None:
    assert get(client, "/v1/mails", key)[0] == status
    assert get(client, f"/v1/mails/{new_id()}", key)[0] == (404 if status == 200 else status)


def test_mail_is_shown_without_the_person(client: FlaskClient, notifications: NotificationService) -> None:
    notifications.consume_event()
    notifications.consume(notifications.registration_message("confirmed", new_id()))
    with Relay({"DOT": ["451 later", "250 ok"]}) as relay:
        for _ in range(2):
            notifications.sender(relay.port).run_once(Stop())
            notifications.pass_time(seconds=60)
    row = notifications.mail()
    status, mail = get(client, f"/v1/mails/{row['id']}")
    assert status == 200
    assert ADDRESS not in json.dumps(mail)
    history = mail.pop("history")
    assert isinstance(history, list)
    assert [(entry["number"], entry["phase"], entry["outcome"]) for entry in history] == [
        (1, "data", "deferred"),
        (2, "data", "sent"),
    ]
    assert mail == {
        "id": row["id"],
        "kind": "confirmation",
        "about": "registration",
        "subject": str(row["subject"]),
        "revision": 1,
        "person_ref": PERSON,
        "event": EVENT,
        "lane": "transactional",
        "state": "sent",
        "attempts": 2,
        "due_at": None,
        "cause_at": "2020-03-02T09:00:00+00:00",
        "created_at": "2020-03-02T09:00:00+00:00",
        "sent_at": "2020-03-02T09:01:00+00:00",
        "reason": None,
    }
    del mail["id"]
    listed = get(client, "/v1/mails")[1]["items"]
    assert isinstance(listed, list)
    assert listed == [{"id": row["id"]} | mail]


def test_pages_show_each_mail_once_newest_first(client: FlaskClient, notifications: NotificationService) -> None:
    notifications.queue_mails(5)
    seen, cursor = [], ""
    for _ in range(3):
        answer = get(client, f"/v1/mails?limit=2&cursor={cursor}")
        seen += ids(answer)
        cursor = str(answer[1]["next"])
    assert cursor == ""
    assert seen == [mail["id"] for mail in reversed(notifications.mails())]


def test_filters_all_have_to_fit(client: FlaskClient, notifications: NotificationService) -> None:
    notifications.queue_mails(1)
    registration_id = new_id()
    notifications.consume(notifications.registration_message("waitlisted", registration_id, event="other-event"))
    notifications.consume(notifications.registration_message("cancelled", registration_id, 2, event="other-event"))
    by_kind = {mail["kind"]: mail["id"] for mail in notifications.mails()}
    assert ids(get(client, "/v1/mails?kind=confirmation")) == [by_kind["confirmation"]]
    assert ids(get(client, "/v1/mails?state=cancelled")) == [by_kind["waiting-list"]]
    assert ids(get(client, "/v1/mails?event=other-event&state=queued")) == [by_kind["cancelled-by-you"]]
    assert ids(get(client, f"/v1/mails?event={EVENT}&kind=promotion")) == []


@pytest.mark.parametrize("query", ["kind=love-letter", "state=gone", "event=A%00", "limit=0"])
def test_query_that_makes_no_sense_is_refused(client: FlaskClient, query: str) -> None:
    assert get(client, f"/v1/mails?{query}")[0] == 422


@pytest.mark.parametrize("cursor", ["x", "WzFd", "WyJub3QtYW4taWQiXQ"])
def test_cursor_of_someone_elses_making_is_refused(client: FlaskClient, cursor: str) -> None:
    assert get(client, f"/v1/mails?cursor={cursor}")[0] == 400


def test_key_that_is_limited_to_forms_finds_only_their_mails(
    client: FlaskClient, notifications: NotificationService
) -> None:
    notifications.queue_mails(1)
    notifications.consume(notifications.registration_message("confirmed", new_id(), form="another-form"))
    hidden, shown = (mail["id"] for mail in notifications.mails())
    assert ids(get(client, "/v1/mails", "limited")) == [shown]
    assert get(client, f"/v1/mails/{shown}", "limited")[0] == 200
    assert get(client, f"/v1/mails/{hidden}", "limited")[0] == 404


def test_service_is_ready_on_a_migrated_database(client: FlaskClient) -> None:
    assert client.get("/-/notifications/readyz").status_code == 200
    assert "/v1/mails/{mail_id}" in client.get("/-/notifications/openapi.json").get_json()["paths"]
