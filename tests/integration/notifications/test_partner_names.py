"""Bulletins show partners by name, as every other page of the console does."""

import re

from flask.testing import FlaskClient

from tests.integration.notifications.bulletins import audience, draft, person
from tests.integration.notifications.desk import ask, sign_in
from tests.integration.notifications.notification_service import NotificationService

PLACE = "/console/mail/bulletins"


def offered(client: FlaskClient) -> list[tuple[str, str]]:
    """Short name and name of each partner that a segment can be made of."""
    page = client.get(f"{PLACE}/new").get_data(as_text=True)
    return re.findall(r'name="partner" value="([^"]+)"> <bdi>([^<]*)</bdi>', page)


def test_filter_of_bulletins_shows_the_names_of_partners(
    notifications: NotificationService, client: FlaskClient
) -> None:
    sign_in(client)
    for number, slug in enumerate(("zebra-house", "a-network", "b-network", "not-known"), 1):
        person(notifications, number, partner=slug)
    notifications.consume_partner(slug="zebra-house", name="Amnesty House", revision=2)
    notifications.consume_partner(slug="zebra-house", name="An older name", revision=1)
    for slug in ("a-network", "b-network"):
        notifications.consume_partner(slug=slug, name="Network")
    notifications.consume_partner(slug="without-people", name="Without people")
    assert offered(client) == [
        ("zebra-house", "Amnesty House"),
        ("a-network", "Network: a-network"),
        ("b-network", "Network: b-network"),
        ("not-known", "not-known"),
    ]


def test_bulletin_shows_the_name_of_its_partner(notifications: NotificationService, client: FlaskClient) -> None:
    sign_in(client)
    person(notifications, 1, partner="a-partner")
    notifications.consume_partner(name="A Partner")
    bulletin = draft(client, {"partner": "a-partner"})
    page = client.get(f"{PLACE}/{bulletin}").get_data(as_text=True)
    assert "<dt>Partner</dt><dd><bdi>A Partner</bdi></dd>" in page
    assert ask(client, "GET", f"/v1/bulletins/{bulletin}").get_json()["segment"] == {"partner": ["a-partner"]}
    assert audience(client, bulletin) == 1
