"""Pages of an import: choices of parts of a cell, mappings of former imports, marks of the dry run."""

import html
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from services.registration.importing import service as importing
from shared.public_forms.definition import to_mapping
from tests.integration.registration.test_importing import HEADINGS, PAGES, Desk, person
from tests.integration.rights.conftest import OWN_SITE
from tests.support.clients import WEBINAR, rows
from tests.support.registration_service import RegistrationService
from tests.unit.registration.test_import_rows import TOPICS
from tests.unit.shared.public_forms.samples import form_with

Headers = dict[str, Any]
ADD_QUESTIONS = """
    UPDATE form SET definition = jsonb_set(definition, '{fields}', (definition -> 'fields') || %s::jsonb)
    WHERE slug = %s
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
