"""Coordinators filter people by their answers, sort them, choose columns, and count them by one or two values."""

import csv
import io
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from services.registration.people import counting
from services.registration.people.console import PATH
from services.registration.people.list_pages import COUNT_WORDS
from tests.integration.registration.test_kinds import filled
from tests.support.clients import WEBINAR, rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import open_a_minute_ago
from tests.support.web import load_folder

Headers = dict[str, Any]
FORM = "housing-workshop"
FORMS = f"""
- slug: {FORM}
  kind: webinar
  title: Housing workshop
  verification: email
  partners: [a-partner]
  fields:
    - {{name: name, kind: text, label: {{key: name.label}}, required: true}}
    - {{name: email, kind: email, label: {{key: email.label}}, required: true}}
    - {{name: organisation, kind: text, label: Organisation}}
    - {{name: country, kind: country, label: Country}}
    - name: meal
      kind: one_of
      label: Meal
      options: [{{value: meat, label: Meat}}, {{value: vegan, label: Vegan}}]
    - name: topics
      kind: some_of
      label: Topics
      options: [{{value: rent, label: Rent}}, {{value: eviction, label: Eviction}}, {{value: land, label: Land}}]
    - {{name: nights, kind: number, label: Nights, min: 0, max: 20}}
    - {{name: arrives_on, kind: date, label: Arrival, min: 2020-05-01}}
    - {{name: first_time, kind: yes_no, label: First time here}}
    - {{name: question, kind: long_text, label: Your question}}
    - {{name: diagnosis, kind: text, label: Access needs, sealed: true}}
    - {{name: consent, kind: consent, label: {{key: consent.label}}, help: {{key: consent.help}}, required: true}}
"""
PARTNERS = "- {slug: a-partner, name: A Partner, origins: ['https://partner.example.org']}\n"
PEOPLE: list[dict[str, Any]] = [
    {"name": "Zoë", "country": "CH", "organisation": "House", "meal": "meat", "topics": ["rent"], "nights": 2},
    {"name": "ádám", "country": "CH", "meal": "vegan", "topics": ["rent", "land"], "nights": 10, "first_time": True},
    {"name": "Bea", "country": "MX", "organisation": "House", "meal": "vegan", "arrives_on": "2020-05-09"},
    {"name": "Chi", "meal": "vegan", "arrives_on": "2020-05-11", "first_time": False, "question": "Écoles?"},
]


@pytest.fixture(scope="module")
def made(with_webinar: TestInstallation, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """With a form that has a question of each sort, besides the webinar: four in it, of whom one is in the webinar too,
    registered a minute ago."""
    installation, folder = with_webinar.copy(tmp_path_factory.mktemp("counting")), tmp_path_factory.mktemp("forms")
    (folder / "forms.yaml").write_text(FORMS)
    (folder / "partners.yaml").write_text(PARTNERS)
    load_folder(installation, folder)
    with open_a_minute_ago(installation) as service:
        for number, answers in enumerate(PEOPLE):
            service.enrol(filled(email=f"p{number}@example.org", **answers), FORM)
        service.enrol(filled(name="Bea", email="p2@example.org"), WEBINAR)
    return installation


@pytest.fixture
def installation(made: TestInstallation, tmp_path: Path) -> TestInstallation:
    """Databases and secrets of one test."""
    return made.copy(tmp_path)


def ask(client: FlaskClient, headers: Headers, **query: object) -> Any:
    """The answer to a question about registrations."""
    answer = client.get(f"/v1/registrations?{urlencode(query)}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def names(client: FlaskClient, headers: Headers, **query: object) -> list[str]:
    """Of everyone listed."""
    return [one["name"] for one in ask(client, headers, **query)["items"]]


ANSWERS: list[tuple[dict[str, object], list[str]]] = [
    ({"meal": "vegan"}, ["ádám", "Bea", "Chi"]),
    ({"meal": "fish"}, []),
    ({"topics": "rent"}, ["Zoë", "ádám"]),
    ({"topics": "land", "meal": "vegan"}, ["ádám"]),
    ({"nights": "10"}, ["ádám"]),
    ({"nights.from": "3"}, ["ádám"]),
    ({"nights.until": "2"}, ["Zoë"]),
    ({"nights.from": "-1", "nights.until": "10,5"}, ["Zoë", "ádám"]),
    ({"arrives_on": "2020-05-09"}, ["Bea"]),
    ({"arrives_on.from": "2019-01-01"}, ["Bea", "Chi"]),
    ({"arrives_on.from": "2020-05-10"}, ["Chi"]),
    ({"arrives_on.until": "2020-05-10"}, ["Bea"]),
    ({"arrives_on.given": "false"}, ["Zoë", "ádám"]),
    ({"first_time": "true"}, ["ádám"]),
    ({"first_time": "no"}, ["Chi"]),
    ({"first_time.given": "true"}, ["ádám", "Chi"]),
    ({"question": "ECOLE"}, ["Chi"]),
    ({"question": "%"}, []),
]


def test_answers_filter_within_a_form(client: FlaskClient, coordinator: Headers) -> None:
    """In the API and on the page; a limit of the question is none of the filter."""
    for answers, expected in ANSWERS:
        query = {"form": FORM, **{f"answer.{name}": value for name, value in answers.items()}}
        assert names(client, coordinator, **query) == expected, query
        page = client.get(f"{PATH}?{urlencode(query)}", headers=coordinator)
        assert page.text.count("@example.org</span>") == len(expected), query


REFUSED = (
    ("answer.meal=vegan", "within one form"),
    (f"form={FORM}&answer.meel=vegan", "`meal`"),
    (f"form={FORM}&answer.meal.from=vegan", "does not support this filter"),
    (f"form={FORM}&answer.nights.longer=1", "does not support this filter"),
    (f"form={FORM}&answer.diagnosis=x", "sealed"),
    (f"form={FORM}&answer.diagnosis.given=true", "sealed"),
    (f"form={FORM}&answer.country=CH", "use `country`"),
    (f"form={FORM}&answer.email=x", "use `q`"),
    (f"form={FORM}&answer.arrives_on=tomorrow", "bad-date"),
    (f"form={FORM}&answer.nights=many", "not-a-number"),
    (f"form={FORM}&answer.meal=", "characters are required"),
    (f"form={FORM}&answer.meal=%00", "characters are required"),
    (f"form={FORM}&answer.arrives_on.given=maybe", "true or false"),
    (f"form={FORM}&answers.meal=vegan", "Unknown parameter"),
    ("group_by=partner,day,country", "2 different ones"),
    ("group_by=day,day", "2 different ones"),
    ("group_by=meal", "group_by"),
    ("group_by=answer.meal", "within one form"),
    (f"form={FORM}&group_by=answer.question", "free text"),
    (f"form={FORM}&group_by=answer.diagnosis", "sealed"),
    ("group_by=day&fields=name", "fields"),
    ("fields=nam", "`name`"),
    ("sort=email", "sort"),
)


def test_question_that_cannot_be_asked_is_refused(client: FlaskClient, coordinator: Headers) -> None:
    for query, message in REFUSED:
        answer = client.get(f"/v1/registrations?{query}", headers=coordinator)
        assert (answer.status_code, message in answer.text) == (422, True), f"{query}: {answer.text}"


def test_every_order_can_be_paged(client: FlaskClient, coordinator: Headers) -> None:
    """By name without regard to case and accents; no name is in a cursor."""
    arrival = [one["name"] for one in PEOPLE]
    by_name = ["ádám", "Bea", "Chi", "Zoë"]
    for sort, expected in (
        ("accepted_at", arrival),
        ("-accepted_at", arrival[::-1]),
        ("name", by_name),
        ("-name", by_name[::-1]),
    ):
        for extra in ({}, {"country": "CH"}, {"q": "p"}):
            found: list[str] = []
            cursor = ""
            while cursor or not found:
                content = ask(client, coordinator, form=FORM, sort=sort, limit=1, cursor=cursor, total=True, **extra)
                found += [one["name"] for one in content["items"]]
                cursor = content["next"]
            assert found == [one for one in expected if not (extra.get("country") and one in ("Bea", "Chi"))]
            assert content["total"] == len(found)


def test_people_are_counted_by_one_or_two_things(client: FlaskClient, coordinator: Headers) -> None:
    def counted(group_by: str, **query: object) -> list[tuple[object, ...]]:
        content = ask(client, coordinator, group_by=group_by, **query)
        assert content["more"] is False
        return [(*one["by"].values(), one["registrations"], one["people"]) for one in content["groups"]]

    assert counted("form") == [(FORM, 4, None), (WEBINAR, 1, None)]
    assert counted("organisation") == [(None, 3, None), ("House", 2, None)]
    assert ("House", "CH", 1, 1) in counted("organisation,country")
    assert counted("country", form=FORM) == [("CH", 2, 2), ("MX", 1, 1), (None, 1, 1)]
    assert counted("answer.meal", form=FORM) == [("vegan", 3, 3), ("meat", 1, 1)]
    assert counted("answer.topics", form=FORM) == [("rent", 2, 2), (None, 2, 2), ("land", 1, 1)]
    pairs = counted("answer.first_time,answer.meal", form=FORM)
    assert {pair[:2]: pair[2] for pair in pairs} == {
        (None, "meat"): 1,
        (True, "vegan"): 1,
        (False, "vegan"): 1,
        (None, "vegan"): 1,
    }
    assert counted("status", q="nobody") == []
    assert counted("representative", q="p")[0][1:] == (5, 4)
    [(day, form, number, persons)] = counted("day,form", form=WEBINAR)
    assert (len(str(day)), form, number, persons) == (10, WEBINAR, 1, 1)


def test_counts_and_chosen_columns_as_a_file(client: FlaskClient, coordinator: Headers) -> None:
    def lines(**query: object) -> list[list[str]]:
        answer = client.get(f"/v1/registrations?{urlencode(query)}", headers={**coordinator, "Accept": "text/csv"})
        assert answer.status_code == 200, answer.text
        return list(csv.reader(io.StringIO(answer.text.lstrip("\N{ZERO WIDTH NO-BREAK SPACE}"))))

    assert lines(form=FORM, group_by="answer.meal") == [
        ["answer.meal", "registrations", "people"],
        ["vegan", "3", "3"],
        ["meat", "1", "1"],
    ]
    columns = lines(form=FORM, fields="name,meal", sort="name")
    assert columns[0] == ["id", "name", "meal"]
    assert [row[1:] for row in columns[1:]] == [["ádám", "Vegan"], ["Bea", "Vegan"], ["Chi", "Vegan"], ["Zoë", "Meat"]]
    assert ask(client, coordinator, form=FORM, fields="name", q="bea")["items"] == [
        {"id": next(iter(ask(client, coordinator, form=FORM, q="bea")["items"]))["id"], "name": "Bea"}
    ]


def test_taking_a_file_notes_the_questions_and_no_answer(
    client: FlaskClient, coordinator: Headers, installation: TestInstallation
) -> None:
    query = urlencode({"form": FORM, "answer.question": "cole", "answer.meal": "vegan", "language": "en"})
    client.get(f"/v1/registrations?{query}", headers={**coordinator, "Accept": "text/csv"})
    [(note,)] = rows(installation.urls["registration"], "SELECT detail FROM audit_record WHERE action = 'file-taken'")
    assert note == {"form": FORM, "language": "en", "answers": "meal, question"}


def test_page_counts_and_leads_to_those_who_are_counted(client: FlaskClient, coordinator: Headers) -> None:
    page = client.get(f"{PATH}?form={FORM}&count=answer.meal&by=country", headers=coordinator)
    assert page.status_code == 200
    assert "4 registrations" in page.text
    place = f"{PATH}?form={FORM}&amp;answer.meal=vegan&amp;country=CH"
    assert f'<a href="{place}">1</a>' in page.text
    listed = client.get(place.replace("&amp;", "&"), headers=coordinator)
    assert ("ádám" in listed.text, "Bea" in listed.text, "1 registration " in listed.text) == (True, False, True)
    assert "Zoë" in client.get(f"{PATH}?form={FORM}&sort=name", headers=coordinator).text


def test_page_leaves_out_what_asks_about_another_form(client: FlaskClient, coordinator: Headers) -> None:
    """Someone chooses another form on a page whose answers are filtered."""
    page = client.get(f"{PATH}?form={WEBINAR}&answer.meal=vegan&count=answer.meal", headers=coordinator)
    assert page.status_code == 200
    assert "Filters by answers to another form were removed." in page.text
    assert "Bea" in page.text


def test_each_thing_to_count_by_has_words() -> None:
    assert COUNT_WORDS.keys() == counting.COLUMNS.keys()
