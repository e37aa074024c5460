"""The time zone that "Send it later" begins with: the last choice, else that of the event."""

import re
from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy import text

from shared.runtime.clock import rfc3339
from tests.integration.notifications.bulletins import draft, order_for, person, preview, send
from tests.integration.notifications.desk import sign_in
from tests.integration.notifications.notification_service import EVENT, NotificationService

PLACE = "/console/mail/bulletins"


def offered(client: FlaskClient, bulletin: str) -> str:
    """The zone that is selected on a bulletin's page."""
    page = client.get(f"{PLACE}/{bulletin}").get_data(as_text=True)
    (zone,) = re.findall(r'<option value="([^"]+)" selected>', page)
    return str(zone)


def schedule_in(client: FlaskClient, notifications: NotificationService, bulletin: str, zone: str) -> None:
    """Schedule a bulletin by the console's page."""
    at = f"{notifications.clock() + timedelta(days=1):%Y-%m-%dT%H:%M}"
    order = {**order_for(preview(client, bulletin)), "when": "later", "zone": zone, "at": at}
    assert client.post(f"{PLACE}/{bulletin}/send", data=order).status_code == 303


def test_time_zone_is_that_of_the_event_until_one_was_chosen(
    notifications: NotificationService, client: FlaskClient
) -> None:
    sign_in(client)
    notifications.consume_event(time_zone="Africa/Nairobi")
    person(notifications, 1)
    about_event, for_all = draft(client, {"event": EVENT}), draft(client, {"working_group": "housing"})
    assert [offered(client, one) for one in (about_event, for_all)] == ["Africa/Nairobi", "UTC"]
    assert (
        send(client, for_all, at=rfc3339(notifications.clock() + timedelta(days=1))) == 200
    )  # a program gives no zone
    with notifications.work.transaction() as connection:
        connection.execute(text("UPDATE bulletin SET ordered_by = 'A program' WHERE ordered_by IS NOT NULL"))
    assert offered(client, about_event) == "Africa/Nairobi"
    schedule_in(client, notifications, draft(client, {"event": EVENT}), "Europe/Zurich")
    assert [offered(client, one) for one in (about_event, draft(client, {"form_kind": "webinar"}))] == [
        "Europe/Zurich",
        "Europe/Zurich",
    ]


def test_time_zone_is_the_own_one_before_that_of_others(
    notifications: NotificationService, client: FlaskClient
) -> None:
    sign_in(client)
    notifications.consume_event()
    person(notifications, 1)
    own, other, open_one = (draft(client, {"event": EVENT}) for _ in range(3))
    schedule_in(client, notifications, own, "UTC")
    schedule_in(client, notifications, other, "Asia/Kathmandu")
    with notifications.work.transaction() as connection:
        connection.execute(text("UPDATE bulletin SET ordered_by = 'Other' WHERE send_zone <> 'UTC'"))
    assert offered(client, open_one) == "UTC"
    with notifications.work.transaction() as connection:
        connection.execute(text("UPDATE bulletin SET ordered_by = 'Another' WHERE send_zone = 'UTC'"))
    assert offered(client, open_one) == "Asia/Kathmandu"


def test_zone_of_a_refused_time_and_an_old_name_of_a_zone_are_kept(
    notifications: NotificationService, client: FlaskClient
) -> None:
    sign_in(client)
    notifications.consume_event(time_zone="US/Eastern")
    person(notifications, 1)
    bulletin = draft(client, {"event": EVENT})
    assert offered(client, bulletin) == "US/Eastern"
    order = {**order_for(preview(client, bulletin)), "when": "later", "zone": "Asia/Kathmandu", "at": "none"}
    refused = client.post(f"{PLACE}/{bulletin}/send", data=order).get_data(as_text=True)
    assert re.findall(r'<option value="([^"]+)" selected>', refused) == ["Asia/Kathmandu"]
    unknown = client.post(f"{PLACE}/{bulletin}/send", data={**order, "zone": "Mars/Phobos"}).get_data(as_text=True)
    assert re.findall(r'<option value="([^"]+)" selected>', unknown) == ["US/Eastern"]
