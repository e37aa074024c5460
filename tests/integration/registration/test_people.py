"""Coordinators find people: filters, pages, files, one person's history, partners."""

import codecs
import csv
import io
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from services.registration.people.console import PATH
from shared.public_forms.addresses import normal_address
from tests.integration.registration.test_kinds import enrol, filled
from tests.support.clients import WEBINAR, rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService, open_a_minute_ago

Headers = dict[str, Any]


@pytest.fixture(scope="module")
def with_people(with_all_forms: TestInstallation, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """Two travellers of whom one is in the webinar too, a member of a group, and one more in the webinar: registered
    a minute ago, to be copied."""
    made = with_all_forms.copy(tmp_path_factory.mktemp("people"))
    with open_a_minute_ago(made) as service:
        enrol(service, "geneva-delegation", name="Ana María Pérez", email="ana@example.org", country="MX")
        enrol(service, "geneva-delegation", name="Ben Okafor", email="ben@example.org", country="NG")
        enrol(service, WEBINAR, name="Ben Okafor", email="Ben@example.org", partner="example-partner")
        enrol(service, "join-working-group", name="Chi Chen", email="chi@example.org", working_group="housing")
        enrol(service, WEBINAR, name="=cmd()", email="dee@example.org", organisation="@sum", questions="-1+1")
    return made


@pytest.fixture
def installation(with_people: TestInstallation, tmp_path: Path) -> TestInstallation:
    """Databases and secrets of one test, with people in them."""
    return with_people.copy(tmp_path)


def found(client: FlaskClient, headers: Headers, query: str) -> list[str]:
    """First part of the address of everyone listed."""
    answer = client.get(f"/v1/registrations?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return [row["email"].split("@")[0] for row in answer.get_json()["items"]]


TITLED = {
    "name": "Zoë Müller",
    "form": "Register for UPR Webinar Wednesday #10",
    "event": "UPR Webinar Wednesday #10",
    "working_group": "Housing",
    "representative": "yes",
    "partner": "Example Partner",
}
QUERIES = [
    ("form=geneva-delegation", ["ana", "ben"]),
    (f"event={WEBINAR}", ["Ben", "dee"]),
    ("working_group=housing", ["chi"]),
    ("form=join-working-group&working_group=housing", ["chi"]),
    ("partner=example-partner", ["Ben"]),
    ("country=NG", ["ben"]),
    ("q=ben", ["ben", "Ben"]),
    ("q=p%C3%A9r", ["ana"]),
    ("q=MAR", ["ana"]),
    ("q=en", []),
    ("q=ana%20mar", ["ana"]),
    ("q=mar%C3%ADa%20p%C3%A9", ["ana"]),
    ("q=a%20mar", []),
    ("q=%3Dcmd", ["dee"]),
    ("q=%27", []),
    ("q=%20ana", ["ana"]),
    ("q=%20", ["ana", "ben", "Ben", "chi", "dee"]),
    ("q=%5C%27", []),
    ("q=%25", []),
    ("q=chi@", ["chi"]),
    ("status=cancelled", []),
    ("since=2020-01-01&until=2099-12-31", ["ana", "ben", "Ben", "chi", "dee"]),
    ("since=2099-01-01", []),
    ("until=2020-01-01", []),
    ("until=9999-12-31", ["ana", "ben", "Ben", "chi", "dee"]),
    (f"form=geneva-delegation&not_registered_for={WEBINAR}", ["ana"]),
    (f"not_registered_for={WEBINAR}", ["ana", "chi"]),
]


def test_filter_keeps_what_fits(client: FlaskClient, coordinator: Headers) -> None:
    """In the API and on the page."""
    assert {query: found(client, coordinator, query) for query, _ in QUERIES} == dict(QUERIES)
    pages = {query: client.get(f"{PATH}?{query}", headers=coordinator).text for query, _ in QUERIES}
    shown = {query: page.count("@example.org") for query, page in pages.items()}
    assert shown == {query: len(expected) for query, expected in QUERIES}


NAMES = {
    "muller@example.org": ("Jürgen Müller", "Bürgerrechte e. V."),
    "plain@example.org": ("Anna Muller", "Human Rights House"),
    "lodz@example.org": ("Zoë Łukasz-Ødegård", None),
    "strasse@example.org": ("Weiß Straße", "Ligue des droits de l’homme"),
    "cyrillic@example.org": ("Семён Чайковский", "Мемориал"),
    "greek@example.org": ("Οδυσσεύς Ελύτης", None),
    "arabic@example.org": ("مُحَمَّد أحمد", "مؤسّسة الحقّ"),
    "hebrew@example.org": ("שָׁלוֹם", None),
    "vietnam@example.org": ("Nguyễn Thị Đông", None),
    "wide@example.org": ("Ｔａｎａｋａ　ﾀﾛｳ", None),
}
FOLDED = [
    ("muller", ["muller", "plain"]),
    ("Müller", ["muller", "plain"]),
    ("MÜLLER", ["muller", "plain"]),
    ("mu\N{COMBINING DIAERESIS}ller", ["muller", "plain"]),
    ("jurgen mul", ["muller"]),
    ("burgerrechte", ["muller"]),
    ("human ri", ["plain"]),
    ("house", ["plain"]),
    ("ouse", []),
    ("zoe", ["lodz"]),
    ("lukasz-odegard", ["lodz"]),
    ("weiss strasse", ["strasse"]),
    ("ligue des droits de l'homme", ["strasse"]),
    ("семен чаи", ["cyrillic"]),
    ("СЕМЁН", ["cyrillic"]),
    ("мемориал", ["cyrillic"]),
    ("οδυσσευς", ["greek"]),
    ("ΟΔΥΣΣΕΥΣ", ["greek"]),
    ("محمد احمد", ["arabic"]),
    ("مؤسسة", ["arabic"]),
    ("שלום", ["hebrew"]),
    ("nguyen thi dong", ["vietnam"]),
    ("tanaka タロウ", ["wide"]),
    ("\N{COMBINING DIAERESIS}", []),
    ("\N{NO-BREAK SPACE}muller", ["muller", "plain"]),
    ("\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 100, []),
    ("ß' \\ :* & | !", []),
]


@pytest.fixture
def named(service: RegistrationService) -> FlaskClient:
    """People with names and organisations in several scripts."""
    service.enrol_all([filled(name=name, email=email, organisation=of) for email, (name, of) in NAMES.items()])
    return service.client


@pytest.mark.parametrize("near", [0, 2000], ids=["by index", "in order of arrival"])
def test_search_heeds_neither_case_nor_accents(
    named: FlaskClient, coordinator: Headers, monkeypatch: pytest.MonkeyPatch, near: int
) -> None:
    """In any script, in names and in organisations."""
    monkeypatch.setattr("services.registration.people.listing_store._NEAR", near)
    answers = {q: sorted(found(named, coordinator, f"q={quote(q)}")) for q, _ in FOLDED}
    assert answers == {q: sorted(expected) for q, expected in FOLDED}


@pytest.mark.parametrize("near", [0, 2000], ids=["by index", "in order of arrival"])
def test_address_is_found_as_its_owner_writes_it(
    service: RegistrationService,
    client: FlaskClient,
    coordinator: Headers,
    monkeypatch: pytest.MonkeyPatch,
    near: int,
) -> None:
    """It is stored in ASCII. Only the beginning of an address is searched: a domain alone finds no one."""
    monkeypatch.setattr("services.registration.people.listing_store._NEAR", near)
    for name, address in (("Anna", "anna@bücher.example"), ("Anna Two", "anna@mail.bücher.example")):
        assert service.submit(filled(name=name, email=address)).status_code == 202
        service.decide()
        service.confirm(normal_address(address))
    whole = "anna@bücher.example"
    known = {whole: 1, whole.upper(): 1, "anna@bücher.": 1, "anna@mail.BÜCHER.ex": 1, "anna@": 2}
    counts = {**known, "ann@bücher.example": 0, "anna@bücher": 0, "@bücher.example": 0, "@example.org": 0}
    assert {q: found(client, coordinator, f"q={quote(q)}") for q in counts} == {
        q: ["anna"] * count for q, count in counts.items()
    }
    [first, _] = client.get("/v1/registrations?q=anna@", headers=coordinator).get_json()["items"]
    [other] = client.get(f"/v1/registrations?q=dee&form={WEBINAR}", headers=coordinator).get_json()["items"]
    merging = client.get(f"{PATH}/{other['id']}/merge?q={quote(whole)}", headers=coordinator).text
    assert f"merge?other={first['id']}" in merging


def test_longest_name_in_any_script_is_stored(
    service: RegistrationService, named: FlaskClient, coordinator: Headers
) -> None:
    """What Unicode takes apart becomes up to 18 times as long, and a word in an index has a limit."""
    for number, letter in enumerate(("㌖", "ﷺ", "한", "\U0001d158\U0001d165", "a")):
        name = (letter * 200)[:200]
        enrol(service, WEBINAR, name=name, email=f"long-{number}@example.org", organisation=name)
        assert f"long-{number}" in found(named, coordinator, f"q={quote(letter * 20)}")


def test_cancelled_person_is_missing(client: FlaskClient, coordinator: Headers, installation: TestInstallation) -> None:
    cancelled = (
        "UPDATE registration SET status = 'cancelled', cancelled_at = accepted_at WHERE email = 'Ben@example.org'"
    )
    rows(installation.urls["registration"], cancelled)
    assert found(client, coordinator, f"form=geneva-delegation&not_registered_for={WEBINAR}") == ["ana", "ben"]


def test_traveller_who_has_cancelled_need_not_be_reminded(
    client: FlaskClient, coordinator: Headers, installation: TestInstallation
) -> None:
    statement = "UPDATE registration SET status = 'cancelled', cancelled_at = accepted_at WHERE email LIKE 'ana%%'"
    rows(installation.urls["registration"], statement)
    assert found(client, coordinator, f"form=geneva-delegation&not_registered_for={WEBINAR}") == []


IMPOSSIBLE = (
    "form=Upper",
    "country=xx",
    "q=%00",
    "since=yesterday",
    "since=20200304",
    "since=2020-W10-3",
    "until=2020-03-04T12:00",
    "until=2020-02-30",
    "since=0001-01-01T00:00:00%2B14:00",
    "not_registered_for=..",
    "status=lost",
)


def test_filter_that_cannot_be_is_refused(client: FlaskClient, coordinator: Headers) -> None:
    answers = {query: client.get(f"/v1/registrations?{query}", headers=coordinator) for query in IMPOSSIBLE}
    assert {query: answer.status_code for query, answer in answers.items()} == dict.fromkeys(IMPOSSIBLE, 422)


DAYS = {
    "since=2020-03-05": ["ana", "chi", "dee"],
    "since=2020-03-05T00:00:00.000001Z": ["dee"],
    "since=2020-03-05T01:00:00%2B01:00": ["ana", "chi", "dee"],
    "until=2020-03-04": ["ben", "Ben"],
    "until=2020-03-05": ["ana", "ben", "Ben", "chi", "dee"],
    "until=2020-03-05T00:00:00Z": ["ben", "Ben"],
    "since=2020-03-05&until=2020-03-05": ["ana", "chi", "dee"],
}


def test_day_is_one_of_utc_and_included(
    client: FlaskClient, coordinator: Headers, installation: TestInstallation
) -> None:
    rows(
        installation.urls["registration"],
        "UPDATE registration SET accepted_at = CASE WHEN email ILIKE 'ben%%' THEN timestamptz '2020-03-04T23:59:59.9Z' "
        "WHEN email ILIKE 'dee%%' THEN timestamptz '2020-03-05T23:59:59.9Z' ELSE timestamptz '2020-03-05T00:00Z' END",
    )
    assert {query: sorted(found(client, coordinator, query)) for query in DAYS} == {
        query: sorted(expected) for query, expected in DAYS.items()
    }


@pytest.mark.parametrize("path", [PATH, f"{PATH}.csv"])
def test_misspelt_filter_of_a_page_shows_no_one(client: FlaskClient, coordinator: Headers, path: str) -> None:
    page = client.get(f"{path}?statsu=cancelled", headers=coordinator)
    assert (page.status_code, "@example.org" in page.text, "did you mean `status`" in page.text) == (422, False, True)


@pytest.mark.parametrize("path", ["/v1/registrations", f"{PATH}.csv"])
def test_file_is_safe_and_whole(client: FlaskClient, coordinator: Headers, path: str) -> None:
    """No cell is a formula; filters count; the form's own clear answers have their columns."""
    answer = client.get(f"{path}?form={WEBINAR}", headers={**coordinator, "Accept": "text/csv"})
    assert answer.mimetype == "text/csv"
    lines = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    lines.sort(key=lambda line: line["email"])
    assert [line["email"] for line in lines] == ["Ben@example.org", "dee@example.org"]
    assert [lines[1][name] for name in ("name", "organisation", "questions")] == ["'=cmd()", "'@sum", "'-1+1"]


def test_file_opens_in_a_spreadsheet_with_titles_and_words(
    service: RegistrationService, client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """A byte order mark, so that Excel reads UTF-8; titles in place of ids; yes and no; labels of choices."""
    group = {"working_group": "housing", "representative": True}
    enrol(service, WEBINAR, name="Zoë Müller", email="zoe@example.org", partner="example-partner", **group)
    rows(installation.urls["registration"], "UPDATE registration SET event_id = %s WHERE form = %s", WEBINAR, WEBINAR)
    answer = client.get("/v1/registrations?q=zoe", headers={**coordinator, "Accept": "text/csv"})
    assert answer.data.startswith(codecs.BOM_UTF8)
    [line] = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))
    assert {name: line[name] for name in TITLED} == TITLED
    path = "/v1/registrations?form=join-working-group"
    joined = client.get(path, headers={**coordinator, "Accept": "text/csv"})
    [line] = csv.DictReader(io.StringIO(joined.data.decode("utf-8-sig")))
    assert (line["form"], line["event"], line["working_group"], line["verified"]) == (
        "Join a working group",
        "",
        "Housing",
        "yes",
    )


def test_file_continues_where_a_chunk_ends(
    client: FlaskClient, coordinator: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.registration.people.listing.CHUNK", 2)
    answer = client.get("/v1/registrations", headers={**coordinator, "Accept": "text/csv"})
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [line["email"].split("@")[0] for line in lines] == ["ana", "ben", "Ben", "chi", "dee"]


@pytest.mark.parametrize("change", ["DELETE FROM registration", "UPDATE registration SET name = 'Zoë'"])
@pytest.mark.parametrize("sort", ["name", "-name"])
def test_file_in_order_of_names_is_whole_though_the_last_of_a_chunk_changes(
    service: RegistrationService,
    client: FlaskClient,
    coordinator: Headers,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    sort: str,
) -> None:
    """One who is renamed may occur again. Of a page only a cursor is known: one that has gone is refused."""
    monkeypatch.setattr("services.registration.people.listing.CHUNK", 2)
    path = f"/v1/registrations?sort={sort}"
    whole = client.get(path, headers=coordinator).get_json()["items"]
    first = client.get(f"{path}&limit=2", headers=coordinator).get_json()
    file = client.get(path, headers={**coordinator, "Accept": "text/csv"}, buffered=False)
    rows(service.url, f"{change} WHERE id = %s", first["items"][1]["id"])
    lines = list(csv.DictReader(io.StringIO(file.data.decode("utf-8-sig"))))
    assert [line["id"] for line in lines[: len(whole)]] == [one["id"] for one in whole]
    path += f"&cursor={first['next']}"
    following = client.get(path, headers=coordinator)
    refused = (400, "unknown-cursor") if change.startswith("DELETE") else (200, None)
    assert (following.status_code, following.get_json().get("code")) == refused
    assert client.get(path.replace("/v1", "/console"), headers=coordinator).status_code == refused[0]


def test_page_offers_the_question_that_is_asked_most(client: FlaskClient, coordinator: Headers) -> None:
    """Travellers who are not in the webinar: one click."""
    page = client.get(PATH, headers=coordinator).text
    address = f"{PATH}?form=geneva-delegation&amp;not_registered_for={WEBINAR}"
    assert f'href="{address}"' in page
    assert "ana@example.org" in client.get(address.replace("&amp;", "&"), headers=coordinator).text


def test_page_of_a_person_shows_the_reason(client: FlaskClient, coordinator: Headers) -> None:
    [row] = client.get("/v1/registrations?q=chi", headers=coordinator).get_json()["items"]
    detail = client.get(f"/v1/registrations/{row['id']}", headers=coordinator).get_json()
    assert [(line["revision"], line["status"], line["reason"]) for line in detail["history"]] == [
        (1, "confirmed", "registered")
    ]
    page = client.get(f"{PATH}/{row['id']}", headers=coordinator).text
    assert ("chi@example.org" in page, "Housing" in page, "Registered" in page) == (True, True, True)


@pytest.mark.parametrize("identity", ["00000000-0000-4000-8000-000000000000", quote("' OR 1=1 --")])
def test_person_that_is_none_is_not_found(client: FlaskClient, coordinator: Headers, identity: str) -> None:
    assert client.get(f"/v1/registrations/{identity}", headers=coordinator).status_code == 404
    assert client.get(f"{PATH}/{identity}", headers=coordinator).status_code == 404


def test_partners_are_listed(client: FlaskClient, installation: TestInstallation, coordinator: Headers) -> None:
    listed = client.get("/v1/partners", headers=coordinator).get_json()["items"]
    assert [(partner["slug"], partner["origins"]) for partner in listed] == [
        ("example-partner", ["http://localhost:8001"]),
        ("example-partner-fr", ["https://partenaire.example.org"]),
    ]
    assert client.get("/v1/partners").status_code == 401
