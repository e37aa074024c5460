"""Loading forms and partners: a broken folder changes nothing, nor does a good one the second time."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.installation import SAMPLE
from shared.runtime.errors import SettingsError
from tests.support.clients import WEBINAR, rows
from tests.support.installation import TestInstallation
from tests.support.locks import holding, wait_for_locks
from tests.support.registration_service import RegistrationService
from tests.support.web import load_folder

BROKEN_FORMS = """\
- slug: Upper Case
  kind: webinar
  event: upr-webinar-10
  title: A form
  fields: standard/unknown
  capacity: -1
  people_per_address: 0
  verification: none
  partners: [nobody]
  surprise: true
"""
BROKEN_PARTNERS = """\
- slug: example-partner
  name: Example Partner
  origins: ["http://localhost:8001/path", "ftp://localhost"]
  language: xx
  theme: {accent: red}
"""


def stored(installation: TestInstallation) -> list[tuple[object, ...]]:
    """Everything about forms and partners."""
    url = installation.urls["registration"]
    return rows(url, "SELECT f::text FROM form f UNION ALL SELECT p::text FROM partner p ORDER BY 1")


def test_second_loading_changes_nothing(installation: TestInstallation) -> None:
    """Also not the revision by which coordinators see that a form has changed."""
    load_folder(installation, SAMPLE)
    before = stored(installation)
    assert load_folder(installation, SAMPLE) == (6, 2)
    assert stored(installation) == before


def test_each_loading_publishes_every_form_and_partner_of_the_folder(installation: TestInstallation) -> None:
    """Also those that did not change: the events service may have lost them."""
    load_folder(installation, SAMPLE)
    load_folder(installation, SAMPLE)
    found = rows(installation.urls["registration"], "SELECT type, subject, count(*) FROM outbox GROUP BY 1, 2")
    kinds = "SELECT 'form', slug FROM form UNION ALL SELECT 'partner', slug FROM partner"
    stored = rows(installation.urls["registration"], kinds)
    assert sorted(found) == sorted((f"org.troika.{kind}.changed.v1", slug, 2) for kind, slug in stored)


def test_second_loading_leaves_what_coordinators_have_set(installation: TestInstallation) -> None:
    """Seats and alarm: the folder sets those of a new form. Its other settings are the folder's."""
    load_folder(installation, SAMPLE)
    url = installation.urls["registration"]
    rows(url, "UPDATE form SET promotion_notice_minutes = 1, alarm_minutes = 15")
    rows(url, "UPDATE seat SET capacity = 7")
    load_folder(installation, SAMPLE)
    settings = "promotion_notice_minutes, capacity, alarm_minutes"
    assert rows(url, f"SELECT DISTINCT {settings} FROM form JOIN seat ON form = slug") == [(60, 7, 15)]


def test_new_form_has_the_alarm_of_its_folder(installation: TestInstallation) -> None:
    load_folder(installation, SAMPLE)
    found = rows(installation.urls["registration"], "SELECT slug FROM form WHERE alarm_minutes = 60")
    assert found == [("review-press-conference",)]


def test_broken_folder_changes_nothing(installation: TestInstallation, tmp_path: Path) -> None:
    """Every fault is named at once, with file, line and field, and nothing is stored."""
    before = stored(installation)
    (tmp_path / "forms.yaml").write_text(BROKEN_FORMS)
    (tmp_path / "partners.yaml").write_text(BROKEN_PARTNERS)
    with pytest.raises(SettingsError) as caught:
        load_folder(installation, tmp_path)
    places = {fault.split(": ")[0] + " " + fault.split(": ")[1] for fault in caught.value.problems}
    assert places == {
        "forms.yaml:1 slug",
        "forms.yaml:5 fields",
        "forms.yaml:6 capacity",
        "forms.yaml:7 people_per_address",
        "forms.yaml:10 surprise",
        "forms.yaml:9 partners",
        "partners.yaml:3 origins",
        "partners.yaml:4 language",
        "partners.yaml:5 theme",
    }
    assert stored(installation) == before


def test_missing_file_changes_nothing(installation: TestInstallation, tmp_path: Path) -> None:
    """Half a folder is no folder."""
    before = stored(installation)
    shutil.copy(SAMPLE / "forms.yaml", tmp_path)
    with pytest.raises(SettingsError):
        load_folder(installation, tmp_path)
    assert stored(installation) == before


@pytest.mark.parametrize("slug", ["selftest", "static"])
def test_form_never_takes_the_place_of_a_page_of_ours(
    installation: TestInstallation, tmp_path: Path, slug: str
) -> None:
    (tmp_path / "partners.yaml").write_text("[]")
    (tmp_path / "forms.yaml").write_text(f"- {{slug: {slug}, title: A, kind: interest, fields: standard/interest}}")
    with pytest.raises(SettingsError, match="used by another page"):
        load_folder(installation, tmp_path)


def test_minutes_before_the_start_are_loaded_once_and_then_set_by_coordinators(
    installation: TestInstallation, tmp_path: Path
) -> None:
    folder = tmp_path / "joining"
    shutil.copytree(SAMPLE, folder)
    forms = (folder / "forms.yaml").read_text()
    with_minutes = forms.replace("  closes_hours_before: 48", "  closes_hours_before: 48\n  join_minutes_before: 40")
    (folder / "forms.yaml").write_text(with_minutes)
    load_folder(installation, folder)
    url, minutes = installation.urls["registration"], "SELECT slug, join_minutes_before FROM form ORDER BY slug"
    loaded = dict(rows(url, minutes))
    assert (loaded.pop("review-press-conference"), set(loaded.values())) == (40, {15})
    rows(url, "UPDATE form SET join_minutes_before = 5")
    load_folder(installation, folder)
    assert {value for _slug, value in rows(url, minutes)} == {5}
    (folder / "forms.yaml").write_text(with_minutes.replace("join_minutes_before: 40", "join_minutes_before: 2000"))
    with pytest.raises(SettingsError, match="join_minutes_before"):
        load_folder(installation, folder)


def edited(tmp_path: Path, **values: Any) -> Path:
    """The folder of the sample in which the form of the webinar has other values."""
    forms = yaml.safe_load((SAMPLE / "forms.yaml").read_text())
    [webinar] = [form for form in forms if form["slug"] == WEBINAR]
    webinar.update(values)
    folder = tmp_path / "edited"
    shutil.copytree(SAMPLE, folder, dirs_exist_ok=True)
    (folder / "forms.yaml").write_text(yaml.safe_dump([webinar], sort_keys=False))
    return folder


def test_loading_stores_what_the_public_sees_of_the_seats_under_their_lock(
    installation: TestInstallation, tmp_path: Path
) -> None:
    """By the login of the command, which waits also where nothing has changed: seats may change before it stores."""
    url = installation.urls["registration"]
    rows(url, "UPDATE seat SET capacity = 1, confirmed = 1, word = 'full'")
    folder = edited(tmp_path, waiting_list=False)
    load_folder(installation, folder, "operator")
    assert rows(url, "SELECT confirmed, word FROM seat") == [(1, "full")]
    with ThreadPoolExecutor() as pool, holding(url, "SELECT FROM seat FOR UPDATE"):
        waiting = pool.submit(load_folder, installation, folder, "operator")
        wait_for_locks(url, 1)
    assert waiting.result() == (1, 2)
    load_folder(installation, edited(tmp_path, waiting_list=True), "operator")
    assert rows(url, "SELECT confirmed, word FROM seat") == [(1, "waiting-list")]


def test_form_that_people_have_registered_on_is_loaded_for_no_other_event(
    installation: TestInstallation, service: RegistrationService, tmp_path: Path
) -> None:
    folder = edited(tmp_path, event="council-session-43", kind="attendance", fields="standard/attendance")
    service.register(1)
    before = stored(installation)
    with pytest.raises(SettingsError) as caught:
        load_folder(installation, folder)
    lines = [line.strip("- ") for line in (folder / "forms.yaml").read_text().splitlines()]
    event, kind = lines.index("event: council-session-43") + 1, lines.index("kind: attendance") + 1
    assert caught.value.problems == [
        f"forms.yaml:{event}: event: people have registered for {WEBINAR}: change the date of the event, or "
        "make a new form",
        f"forms.yaml:{kind}: kind: people have registered on a form of the kind webinar: make a new form",
    ]
    assert stored(installation) == before
