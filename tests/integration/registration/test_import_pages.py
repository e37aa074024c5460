"""Pages of an import: choices of parts of a cell, mappings of former imports, marks of the dry run."""

import html
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from services.registration.importing import service as importing
from shared.public_forms.definition import to_mapping
from tests.integration.registration.test_importing import HEADINGS, PAGES, Desk, csv_of, person
from tests.integration.rights.conftest import OWN_SITE
from tests.support.clients import WEBINAR, address_of, rows
from tests.support.registration_service import RegistrationService
from tests.unit.registration.test_import_rows import TOPICS
from tests.unit.shared.public_forms.samples import form_with

Headers = dict[str, Any]
ADD_QUESTIONS = """
    UPDATE form SET definition = jsonb_set(definition, '{fields}', (definition -> 'fields') || %s::jsonb)
    WHERE slug = %s
"""

DROP_QUESTIONS = """
    UPDATE form SET definition = jsonb_set(definition, '{fields}', (
        SELECT jsonb_agg(f) FROM jsonb_array_elements(definition -> 'fields') f
        WHERE f ->> 'name' NOT IN ('topics', 'role'))) WHERE slug = %s
"""


@pytest.fixture
def desk(service: RegistrationService, coordinator: Headers, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """On the webinar; rows are stored in batches of three."""
    monkeypatch.setattr(importing, "BATCH_ROWS", 3)
    return Desk(service, coordinator)


@pytest.fixture
def own(coordinator: Headers) -> Headers:
    """Headers of a coordinator's requests from a page."""
    return {**coordinator, **OWN_SITE}


def csv_with(heading: str, *lines: Sequence[str]) -> bytes:
    """A file with the headings of ``person`` and one more."""
    return "\r\n".join(",".join(f'"{cell}"' for cell in line) for line in ((*HEADINGS, heading), *lines)).encode()


def add_questions(service: RegistrationService, *questions: dict[str, Any]) -> None:
    """Ask more on the webinar's form, behind the service's back."""
    fields = to_mapping(form_with(*questions))["fields"][2:]
    rows(service.url, ADD_QUESTIONS, json.dumps(fields), WEBINAR)


def test_each_part_of_a_cell_that_is_not_known_has_its_own_choice(
    desk: Desk, service: RegistrationService, own: Headers
) -> None:
    add_questions(service, TOPICS)
    lines = [(*person(1), "Research, Translating"), (*person(2), "Translating, Printing")]
    checked = desk.check(csv_with("Topics", *lines))
    assert checked["expected"] == {"refused": 2}
    path = f"{PAGES}/{checked['id']}"
    names = [
        html.unescape(one) for one in re.findall('name="(value:[^"]+)"', service.client.get(path, headers=own).text)
    ]
    assert names == ["value:topics:Translating", "value:topics:Printing"]
    chosen = dict(zip(names, ("translation", "food"), strict=True))
    again = service.client.post(f"{path}/values", data={"seen": str(checked["revision"]), **chosen}, headers=own)
    assert again.status_code == 303
    checked = desk.ask("GET", f"/{checked['id']}").get_json()
    assert desk.confirm(checked).status_code == 202
    desk.work_off()
    stored = rows(service.url, "SELECT answers -> 'topics' FROM registration ORDER BY email")
    assert stored == [(["research", "translation"],), (["translation", "food"],)]


def test_page_warns_of_a_status_that_is_left_out(desk: Desk, service: RegistrationService, own: Headers) -> None:
    uploaded = desk.upload(csv_with("Approval", (*person(1), "denied"))).get_json()
    assert uploaded["unmapped_statuses"] == ["Approval"]
    page = service.client.get(f"{PAGES}/{uploaded['id']}", headers=own).text
    assert "may state who was accepted: <bdi>Approval</bdi>." in page


def test_mapping_of_the_last_import_names_nothing_that_the_form_has_no_more(
    desk: Desk, service: RegistrationService, own: Headers
) -> None:
    """Neither a choice nor a question; an import that was checked before is mapped again in the same way."""
    add_questions(service, {**TOPICS, "kind": "one_of"}, {"name": "role", "kind": "text"})
    file = "\r\n".join(("Email,Name,Topics,Role", f"{address_of(1)},Ana,Other,Member")).encode()
    values = {"topics": {"Other": "food", "Surveys": "research"}}
    first, open_ = (desk.check(file, values=values) for _ in range(2))
    assert desk.confirm(first).status_code == 202
    desk.work_off()
    rows(service.url, DROP_QUESTIONS, WEBINAR)
    add_questions(service, {**TOPICS, "kind": "one_of", "options": TOPICS["options"][:2]})
    uploaded = desk.upload(file).get_json()
    assert uploaded["source"] == "last import"
    assert uploaded["proposed"]["columns"] == {"Email": "email", "Name": "name", "Topics": "topics"}
    assert uploaded["proposed"]["values"] == {"topics": {"Surveys": "research"}}
    given = {"column-0": "email", "column-1": "name", "column-2": "topics", "language": "en", "go": "check"}
    for people in (uploaded, open_):
        sent = {**given, "seen": str(people["revision"])}
        assert service.client.post(f"{PAGES}/{people['id']}/mapping", data=sent, headers=own).status_code == 303
    chosen = {"value:topics:Other": "research", "seen": str(open_["revision"] + 1)}
    again = service.client.post(f"{PAGES}/{open_['id']}/values", data=chosen, headers=own)
    assert (again.status_code, desk.ask("GET", f"/{open_['id']}").get_json()["expected"]) == (303, {"changed": 1})


def test_address_of_a_further_person_is_marked_and_counted_in_the_dry_run(
    desk: Desk, service: RegistrationService, own: Headers
) -> None:
    """The rule stays: address and name together are a person."""
    service.register(1, 2)
    people = [
        *[(address_of(1), "Participant 1"), (address_of(1), "Participant One")],  # as registered, and a further one
        (address_of(2), "P. 2"),
        *[(address_of(3), "Ana"), (address_of(3), "Ana Silva"), (address_of(3), "ANA")],  # the third repeats the first
        (address_of(4), "Beatriz"),
    ]
    lines = [("2020/02/20", email, name, "", "CH", "42") for email, name in people]
    checked = desk.check(csv_of(*lines))
    assert (checked["expected"], checked["same_address"]) == (
        {"same": 1, "confirmed": 5, "duplicate": 1},
        3,
    )
    found = desk.ask("GET", f"/{checked['id']}/rows?fate=same-address").get_json()["items"]
    assert [(row["line"], row["address_registered"], row["address_line"]) for row in found] == [
        (3, True, 2),
        (4, True, 0),
        (6, False, 5),
    ]
    every = desk.ask("GET", f"/{checked['id']}/rows").get_json()["items"]
    assert [row["line"] for row in every if row["address_registered"] or row["address_line"]] == [3, 4, 6]
    path = f"{PAGES}/{checked['id']}"
    page = service.client.get(path, headers=own).text
    assert "3 rows register an address for a further person" in page
    shown = service.client.get(f"{path}?fate=same-address", headers=own).text
    assert re.findall(r'<span class="whole">Line (\d+)</span>', shown) == ["3", "4", "6"]
    assert "This address is already registered, as another person." in shown
    assert "The same address, as another person, is also on line 5." in shown
    assert desk.confirm(checked).status_code == 202
    desk.work_off()
    assert service.seats() == (7, 0)


@pytest.mark.parametrize("after", ["x", "1.y", "1.%C2%B2", "1.99999999"])
def test_position_that_no_page_gives_is_refused(
    desk: Desk, service: RegistrationService, own: Headers, after: str
) -> None:
    checked = desk.check(csv_of(person(1)))
    assert service.client.get(f"{PAGES}/{checked['id']}?after={after}", headers=own).status_code == 400
