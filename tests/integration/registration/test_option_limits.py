"""Choices with a limit on a real database: never more than the limit, and the form shows which are full."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService
from tests.support.web import load_folder

FORM = "workshops"
DEFINITION = """\
- slug: workshops
  kind: interest
  title: Workshops
  verification: {verification}
  fields:
    - {{name: name, kind: text, label: Name, required: true}}
    - {{name: email, kind: email, label: E-mail, required: true}}
    - {{name: lunch, kind: yes_no, label: Lunch}}
    - name: workshop
      kind: some_of
      label: Workshops
      options:
        - {{value: morning, label: Morning, limit: {limit}}}
        - {{value: evening, label: Evening}}
"""


def load_workshops(installation: TestInstallation, folder: Path, limit: int, verification: str = "email") -> None:
    """Load the form of the workshops with this limit."""
    (folder / "forms.yaml").write_text(DEFINITION.format(limit=limit, verification=verification))
    (folder / "partners.yaml").write_text("[]")
    load_folder(installation, folder)


@pytest.fixture
def installation(installation: TestInstallation, tmp_path: Path) -> TestInstallation:
    """The form of the workshops, with one place in the morning."""
    load_workshops(installation, tmp_path, 1)
    return installation


def chosen(number: int, *workshops: str) -> dict[str, Any]:
    """Answers of a person who chooses these workshops."""
    return {"name": f"Person {number}", "email": f"person-{number}@example.org", "workshop": list(workshops)}


def places(service: RegistrationService) -> dict[str, dict[str, int]]:
    """What is stored beside the seats."""
    [(stored,)] = rows(service.url, "SELECT options FROM seat WHERE form = %s", FORM)
    return dict(stored)


def test_choice_that_filled_up_is_refused_on_confirming_and_waits_on(service: RegistrationService) -> None:
    for number in (1, 2):
        assert service.submit(chosen(number, "morning"), FORM).status_code == 202
    service.decide()
    assert service.confirm("person-1@example.org") == ["confirmed"]
    page = service.confirm_by_page(service.confirmation_token("person-2@example.org"))
    assert "An option chosen in these answers is full" in page.text
    assert f"/forms/{FORM}?lang=en" in page.text
    assert places(service) == {"workshop=morning": {"limit": 1, "taken": 1}}
    service.own(service.managing_token("person-1@example.org"), "cancel")
    assert service.confirm("person-2@example.org") == ["confirmed"]
    assert places(service) == {"workshop=morning": {"limit": 1, "taken": 1}}


def test_full_choice_is_shown_and_refused_before_anything_is_stored(service: RegistrationService) -> None:
    service.enrol(chosen(1, "morning"), FORM)
    page = service.client.get(f"/embed/{FORM}").text
    assert 'value="morning" disabled' in page
    assert 'value="evening" disabled' not in page
    refused = service.submit(chosen(2, "morning"), FORM)
    assert refused.status_code == 422
    [error] = refused.get_json()["errors"]
    assert (error["pointer"], error["code"]) == ("/workshop", "option-full")
    options = service.client.get(f"/v1/forms/{FORM}").get_json()["fields"][-1]["options"]
    assert options == [{"value": "morning", "label": "Morning", "full": True}, {"value": "evening", "label": "Evening"}]
    assert rows(service.url, "SELECT count(*) FROM candidate") == [(0,)]


def test_own_page_keeps_a_full_choice_only_for_a_person_who_has_it(service: RegistrationService) -> None:
    for number, workshop in ((1, "morning"), (2, "evening")):
        service.enrol(chosen(number, workshop), FORM)
    holder, other = (service.managing_token(f"person-{number}@example.org") for number in (1, 2))
    assert 'value="morning" checked' in service.client.get(f"/r/{holder}/answers").text
    assert 'value="morning" disabled' in service.client.get(f"/r/{other}/answers").text
    kept = service.change(holder, "answers", name="Person 1", workshop=["morning", "evening"])
    assert kept.status_code == 303
    refused = service.change(other, "answers", name="Person 2", workshop=["morning"])
    assert (refused.status_code, "This option is full" in refused.text) == (422, True)
    assert service.change(holder, "answers", name="Person 1", workshop=["evening"]).status_code == 303
    assert service.change(other, "answers", name="Person 2", workshop=["morning"]).status_code == 303


def test_choice_that_fills_up_while_someone_edits_loses_nothing(
    service: RegistrationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form was read a second ago: the decider refuses, and what was entered is in the form."""
    monkeypatch.setattr("services.registration.public.context.VIEW_KEPT_S", 60.0)
    service.enrol(chosen(2, "evening"), FORM)
    other = service.managing_token("person-2@example.org")
    assert "disabled" not in service.client.get(f"/r/{other}/answers").text
    service.enrol(chosen(1, "morning"), FORM)
    refused = service.change(other, "answers", name="Person Two", workshop=["morning"])
    assert refused.status_code == 409
    assert "an option that you chose has just become full" in refused.text
    assert 'value="Person Two"' in refused.text


def test_raised_limit_counts_at_once(
    service: RegistrationService, installation: TestInstallation, tmp_path: Path
) -> None:
    service.enrol(chosen(1, "morning"), FORM)
    load_workshops(installation, tmp_path, 2)
    assert places(service) == {"workshop=morning": {"limit": 2, "taken": 1}}
    service.enrol(chosen(2, "morning"), FORM)
    assert places(service) == {"workshop=morning": {"limit": 2, "taken": 2}}


def test_erasing_gives_a_choice_back(service: RegistrationService, coordinator: dict[str, str]) -> None:
    identity = service.enrol(chosen(1, "morning"), FORM)
    path = f"/v1/registrations/{identity}/erasure"
    assert service.client.post(path, json={"reason": "asked"}, headers=coordinator).status_code == 200
    assert places(service)["workshop=morning"]["taken"] == 0
