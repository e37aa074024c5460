"""Files that leave and files that come: every list goes through the safe writer, and no one but coordinators
can leave one, of people to import."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

import services
import shared
from shared.http.lists import FORMULA_STARTS
from tests.integration.routes.every_route import Route
from tests.integration.routes.services_under_test import WHOLE, ServicesUnderTest
from tests.integration.routes.valid_requests import path_of
from tests.support.clients import WEBINAR, answers, rows, submissions_path
from tests.support.proposals import FORM as PROPOSAL
from tests.support.proposals import proposal_answers

FORMULA = '=HYPERLINK("https://evil.example.org","open")'
AS_CSV = {"Accept": "text/csv"}


def sources() -> dict[str, str]:
    """Every module of the project, by its path."""
    found = dict[str, str]()
    for package in (services, shared):
        root = Path(package.__path__[0])
        found |= {str(path.relative_to(root.parent)): path.read_text() for path in root.rglob("*.py")}
    assert len(found) > 300
    return found


def test_lists_as_files_hold_no_formula(services: ServicesUnderTest, routes: list[Route]) -> None:
    """For every route; each file contains input crafted against spreadsheets."""
    for number, start in enumerate(FORMULA_STARTS):
        person = answers(number, name=f"Formula {start.strip()}", organisation=f"{start.strip()}{FORMULA} {number}")
        person |= {"email": f"formula-{number}@example.org", "questions": FORMULA}
        services.registration.enrol(person)
    renamed = {"title": FORMULA, "summary": f"-{FORMULA}"}
    event = f"/v1/events/{WEBINAR}"
    assert services.ask("events", "PATCH", event, key=WHOLE, json=renamed, headers={"If-Match": "*"}).status_code == 200
    files = {}
    for route in routes:
        if route.is_safe:
            answer = services.ask(route.service, "GET", path_of(services, route), key=WHOLE, headers=AS_CSV)
            if (answer.content_type or "").startswith("text/csv") or answer.data.startswith(b"id,"):
                files[str(route)] = answer
    assert sorted(files) == [
        "events GET /console/speakers.csv",
        "events GET /v1/consultations",
        "events GET /v1/coverage",
        "events GET /v1/events",
        "events GET /v1/events/<event_id>/roster",
        "events GET /v1/group-contacts",
        "events GET /v1/hotels",
        "events GET /v1/resources",
        "events GET /v1/rooms",
        "events GET /v1/series",
        "events GET /v1/slots",
        "events GET /v1/speakers",
        "events GET /v1/working-groups",
        "registration GET /console/audit-log.csv",
        "registration GET /console/registrations.csv",
        "registration GET /console/registrations/imports/<uuid:import_id>/refused.csv",
        "registration GET /console/registrations/sealed-lists/<uuid:list_id>/<any(csv, xlsx):kind>",
        "registration GET /v1/audit-log",
        "registration GET /v1/registrations",
        "registration GET /v1/sealed-lists/<uuid:list_id>",
    ]
    cells = 0
    for answer in files.values():
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
        for line in csv.reader(io.StringIO(answer.text)):
            assert [cell for cell in line if cell.lstrip(' "').startswith(FORMULA_STARTS)] == []
            cells += sum(FORMULA in cell for cell in line)
    assert cells > 2 * len(FORMULA_STARTS)


def test_nothing_but_the_safe_writer_writes_such_files() -> None:
    writer = "shared/http/lists.py"
    asking = {"shared/http/admission.py", "shared/http/operation_facts.py"}
    importing = {f"services/registration/importing/{name}.py" for name in ("api", "table_reading")}
    found = {path for path, text in sources().items() if "import csv\n" in text or '"text/csv' in text}
    assert found == {writer} | asking | importing


def test_no_route_but_the_import_of_people_reads_an_uploaded_file() -> None:
    assert [path for path, text in sources().items() if ".files" in text.replace("resources.files(", "")] == []
    reading = [path for path, text in sources().items() if "FormDataParser(" in text]
    assert reading == ["services/registration/importing/console.py"]


@pytest.mark.parametrize("form", [WEBINAR, PROPOSAL])
def test_file_in_place_of_an_answer_is_no_answer(services: ServicesUnderTest, form: str) -> None:
    """A form with a file in it is read as if that part were not there; nothing of it is kept."""
    address = "with-a-file@example.org"
    filled: dict[str, Any] = {WEBINAR: answers(1), PROPOSAL: proposal_answers("With a file")}[form]
    content = {**filled, "email": address, "consent": "yes", "name": (io.BytesIO(b"canary-of-a-file"), "name.html")}
    data = {k: v if k == "name" else str(v) for k, v in content.items()}
    answer = services.ask("registration", "POST", submissions_path(form), data=data)
    assert (answer.status_code, [fault["pointer"] for fault in answer.get_json()["errors"]]) == (422, ["/name"])
    services.registration.decide()
    kept = rows(services.installation.urls["registration"], "SELECT t::text FROM candidate t")
    assert [row for (row,) in kept if "canary-of-a-file" in row or address in row] == []
