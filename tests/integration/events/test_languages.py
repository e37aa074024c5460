"""A title in several languages: from the API to pages, feeds, the other services and a mail's subject."""

from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.notifications.consumers import COPIES
from services.notifications.sending.composer import ComposedMail
from services.notifications.sending.store import claim_mails
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.schemas import Message, decode
from shared.runtime.ids import new_id
from tests.integration.events.builders import WEBINAR, rows
from tests.integration.notifications.office import Office, make_office
from tests.support.clock import FrozenClock
from tests.support.installation import FreshDatabases
from tests.support.postgres import PostgresServer
from tests.support.signed_in import enter

GROUPS = "/console/set-up/working-groups"
PAGE = f"/programme/{WEBINAR}"
OWN_SITE = {"Sec-Fetch-Site": "same-origin"}
END_OF_ISOLATE = "\u2069"
ENGLISH = "UPR Webinar Wednesday #10: advocacy with embassies and missions"
TITLE = {"en": ENGLISH, "fr": "Le webinaire nº 10", "ar": "الندوة العاشرة"}


def _told(work: UnitOfWork) -> list[Message]:
    return [
        decode(bytes(body))
        for (body,) in rows(work, f"SELECT body FROM outbox WHERE subject = '{WEBINAR}' ORDER BY id")
    ]


def _listed(client: FlaskClient, **query: str) -> list[str]:
    return [event["id"] for event in (client.get("/v1/events", query_string=query).json or {})["items"]]


@pytest.fixture
def translated(loaded: UnitOfWork, client: FlaskClient, as_role: Any) -> UnitOfWork:
    """The webinar has another title in two languages, and none any more in the three others."""
    headers = as_role("coordinator") | {"If-Match": "*"}
    answer = client.patch(f"/v1/events/{WEBINAR}", json={"title": TITLE}, headers=headers).json or {}
    assert (answer["differs"], answer["event"]["title"]) == (["title"], TITLE)
    return loaded


def test_readers_find_their_language_or_a_marked_fallback(translated: UnitOfWork, client: FlaskClient) -> None:
    arabic, russian = (client.get(PAGE, query_string={"lang": language}).text for language in ("ar", "ru"))
    assert f"<h1><bdi>{TITLE['ar']}</bdi></h1>" in arabic
    fallback = f'<h1><bdi lang="en" dir="ltr">{ENGLISH}</bdi> <small class="in-language" lang="ru" dir="ltr">'
    assert f"{fallback}на английском языке</small></h1>" in russian
    feed = client.get("/calendar/series/upr-webinar-wednesday.ics?lang=ar").text.replace("\r\n ", "")
    assert f"SUMMARY:{TITLE['ar']}\r\n" in feed
    assert "ندوات الأربعاء عن الاستعراض الدوري الشامل" in feed


def test_search_and_filter_look_at_every_language(translated: UnitOfWork, client: FlaskClient) -> None:
    assert [_listed(client, q=words) for words in ("العاشرة", "le WEBINAIRE nº", "zh")] == [[WEBINAR], [WEBINAR], []]
    assert [_listed(client, missing_language=language) for language in ("fr", "ru")] == [[], [WEBINAR]]
    assert client.get("/v1/events?missing_language=de").status_code == 422
    resources, groups = (
        client.get(f"/v1/{name}?missing_language=zh").json or {} for name in ("resources", "working-groups")
    )
    assert [one["id"] for one in resources["items"]] == ["upr-cities-guide", "upr-cities-recording"]
    assert groups["items"] == []


@pytest.fixture
def office(postgres: PostgresServer, clock: FrozenClock) -> Iterator[Office]:
    """The notifications service with an empty database."""
    engine = open_engine(FreshDatabases(postgres)["notifications"])
    yield make_office(engine, clock)
    engine.dispose()


def _subjects(office: Office) -> list[str]:
    """Subjects of the mails that are due, as they are composed now."""
    now = office.clock()
    with office.work.transaction() as connection:
        claims = claim_mails(connection, "transactional", 9, now, now + timedelta(minutes=5))
    letters = [office.tools(0).composer.compose(claim) for claim in claims]
    return [
        str(message_from_bytes(letter.content, policy=default)["Subject"])
        for letter in letters
        if isinstance(letter, ComposedMail)
    ]


def test_mails_are_in_the_language_of_their_recipient_and_a_translation_notifies_nobody(
    translated: UnitOfWork, client: FlaskClient, as_role: Any, office: Office
) -> None:
    office.hear(*_told(translated), queue=COPIES)
    assert office.rows("SELECT event FROM event_news") == []
    people = enumerate(("fr-CA", "zh", "ar"))
    office.hear(*(office.told("confirmed", new_id(), person_ref=f"{n}b" * 32, language=code) for n, code in people))
    found = sorted(_subjects(office), key=len)
    assert [subject.rstrip(END_OF_ISOLATE)[-9:] for subject in found] == [
        title[-9:] for title in (TITLE["ar"], TITLE["fr"], ENGLISH)
    ]
    headers = as_role("coordinator") | {"If-Match": "*"}
    client.patch(f"/v1/events/{WEBINAR}", json={"title": TITLE | {"en": "Another"}}, headers=headers)
    office.hear(_told(translated)[-1], queue=COPIES)
    assert office.rows("SELECT event FROM event_news") == [{"event": WEBINAR}]


def test_console_edits_all_languages_and_lists_what_is_missing(
    translated: UnitOfWork, client: FlaskClient, keys: dict[str, str]
) -> None:
    enter(client, keys["coordinator"])
    form = client.get(f"/console/events/{WEBINAR}/edit").text
    assert f'name="title.ar" maxlength="200" lang="ar" dir="rtl" value="{TITLE["ar"]}"' in form
    assert '<label for="title.ru">Русский <span class="dim">missing</span></label>' in form
    page = client.get("/console/translations?language=ru").text
    assert f'<a href="/console/events/{WEBINAR}/edit">{ENGLISH}</a>' in page
    assert client.get("/console/translations?language=xx").status_code == 400


def test_group_is_set_up_in_languages_and_found_in_each(
    loaded: UnitOfWork, client: FlaskClient, keys: dict[str, str]
) -> None:
    enter(client, keys["coordinator"])
    typed = {"title.en": "Water", "title.fr": "L’eau", "summary.ru": "О воде", "active": "yes", "contact": ""}
    refused = client.post(f"{GROUPS}/new", data={**typed, "title.en": " "}, headers=OWN_SITE)
    assert (refused.status_code, 'href="#title.en"' in refused.text, "L’eau" in refused.text) == (422, True, True)
    assert "What will happen" in client.post(f"{GROUPS}/new", data=typed, headers=OWN_SITE).text
    made = client.post(f"{GROUPS}/new", data={**typed, "go": "do"}, headers=OWN_SITE)
    assert (made.status_code, made.headers["Location"]) == (303, f"{GROUPS}/water?done=made")
    shown = client.get("/v1/working-groups/water").json or {}
    assert (shown["title"], shown["summary"]) == ({"en": "Water", "fr": "L’eau"}, {"ru": "О воде"})
    for query in ("q=L’EAU", "q=о воде", "missing_language=es&sort=-title"):
        listed = client.get(f"/v1/working-groups?fields=id&{query}").json or {}
        assert listed["items"] == [{"id": "water"}], query
    page = client.get(f"{GROUPS}/water").text
    assert 'name="title.fr" maxlength="200" lang="fr" dir="ltr" value="L’eau"' in page
    translated = {**typed, "title.es": "El agua", "seen": "1"}
    looked = client.post(f"{GROUPS}/water", data=translated, headers=OWN_SITE).text
    assert "by its new titles in other languages" in looked
    saved = client.post(f"{GROUPS}/water", data={**translated, "go": "do"}, headers=OWN_SITE)
    late = client.post(f"{GROUPS}/water", data={**typed, "seen": "1", "go": "do"}, headers=OWN_SITE)
    assert (saved.status_code, late.status_code, "Stored now: El agua" in late.text) == (303, 412, True)
    assert f'<a href="{GROUPS}/water">Water</a>' in client.get("/console/translations?language=zh").text
    lines = client.get("/v1/working-groups?q=water&fields=title", headers={"Accept": "text/csv"}).text
    assert lines.split()[-1] == "water,Water"
