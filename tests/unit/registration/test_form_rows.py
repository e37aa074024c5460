"""Rows of ``forms.yaml`` and ``partners.yaml``: each fault has its own line, down to a word of a choice."""

from pathlib import Path
from typing import Any

import pytest

from services.registration.forms.schemas import FormRowSchema
from services.registration.partners.schemas import PartnerRowSchema
from shared.runtime.yaml_source import FileSchema, Node, load_from, read_yaml

FORM = """\
- slug: own
  kind: webinar
  title: {en: Housing, fr: Logement}
  partners: [example-partner]
  fields:
    - {name: name, kind: text, label: Name, required: true}
    - {name: email, kind: email, label: Address, required: true}
    - name: session
      kind: one_of
      label: Which?
      options:
        - {value: morning, label: Morning}
        - value: evening
          label: {en: Evening}
"""
PARTNER = """\
- slug: example-partner
  name: Example Partner
  origins:
    - https://www.example.org
  theme: {radius: 8}
"""


def loaded(folder: Path, content: str, schema: FileSchema) -> tuple[Any, list[str]]:
    """What the first row is, and its faults."""
    path = folder / "rows.yaml"
    path.write_text(content)
    faults: list[str] = []
    return load_from(read_yaml(path, list).child(0), schema, faults), faults


def form(folder: Path, content: str) -> tuple[Any, list[str]]:
    return loaded(folder, content, FormRowSchema({"example-partner"}))


def test_form_is_loaded_with_what_it_leaves_out(tmp_path: Path) -> None:
    read, faults = form(tmp_path, FORM)
    assert (read.slug, read.capacity, read.partners, faults) == ("own", None, ("example-partner",), [])
    assert [field["name"] for field in read.values.pop("definition")["fields"]] == ["name", "email", "session"]
    assert read.values == {
        "slug": "own",
        "kind": "webinar",
        "event_id": None,
        "partners": ["example-partner"],
        "verification": "email",
        "waiting_list": True,
        "promotion_notice_minutes": 60,
        "closes_hours_before": 0,
        "join_minutes_before": 15,
        "open_until": None,
        "attend": None,
        "alarm_minutes": None,
        "keep_days": None,
        "people_per_address": 3,
        "controller": None,
        "contact": None,
        "person_days": 90,
    }


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("label: {en: Evening}", "label: {de: Abend}", "14: label: unknown language 'de'"),
        ("value: evening", "value: in the evening", "13: value: must be letters, digits, '.', '_' or '-', at most 100"),
        ("kind: one_of", "kind: many", "9: kind: must be one of consent, country, date, email, language, long_text, "
         "number, one_of, phone, some_of, text, time_zone, working_group, yes_no"),
        ("label: Which?", "labels: Which?", "8: label: is required"),
        ("kind: email", "kind: text", "5: fields: every form needs a required field 'email' of kind email that is not "
         "sealed"),
        ("fr: Logement", "de: Wohnen", "3: title: one of en, fr, es, ar, ru, zh is required"),
        ("fr: Logement", "fr: ''", "3: title: must have 1 to 300 characters"),
        ("[example-partner]", "[example-partner, nobody]", "4: partners: there is no partner nobody"),
        ("[example-partner]", "[[example-partner]]", "4: partners: there is no partner ['example-partner']"),
        ("slug: own", "slug: [own]", "1: slug: lower-case letters, digits and single hyphens are required"),
        ("kind: webinar", "kind: webinar\n  days: [2020-05-06]", "3: days: only forms of the kind proposal ask about "
         "days"),
        ("kind: webinar", "kind: webinar\n  capacity: '3'", "3: capacity: must be a whole number from 0 to 1000000"),
    ],
)  # fmt: skip
def test_fault_of_a_form_has_its_own_line(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert FORM.count(old) == 1
    read, faults = form(tmp_path, FORM.replace(old, new))
    assert (read, faults[0]) == (None, f"rows.yaml:{fault}")
    assert len(faults) == (2 if "labels" in new else 1)


def test_faults_of_a_form_and_of_its_questions_come_together(tmp_path: Path) -> None:
    read, faults = form(tmp_path, FORM.replace("slug: own", "slug: Own").replace("label: Which?", "sealed: perhaps"))
    assert (read, faults) == (
        None,
        [
            "rows.yaml:1: slug: lower-case letters, digits and single hyphens are required",
            "rows.yaml:8: label: is required",
            "rows.yaml:10: sealed: must be true or false",
        ],
    )


def test_lists_are_counted_before_they_are_read() -> None:
    faults: list[str] = []
    content = {"slug": "a", "kind": "interest", "title": "A", "fields": "standard/interest"}
    long = {**content, "partners": [{}] * 201, "days": [{}] * 367}
    assert load_from(Node("", long, {}), FormRowSchema(()), faults) is None
    assert faults == ["/days: must have at most 366 items", "/partners: must have at most 200 items"]


def test_partner_is_loaded_with_what_it_leaves_out(tmp_path: Path) -> None:
    read, faults = loaded(tmp_path, PARTNER, PartnerRowSchema())
    assert (read.language, read.theme, read.origins, faults) == (
        "en",
        {"radius": "8"},
        ("https://www.example.org",),
        [],
    )


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("    - https://www.example.org\n", "    - https://www.example.org/\n", "4: origins: an origin is required: "
         "scheme, host and port, nothing after"),
        ("{radius: 8}", "{radius: wide}", "5: theme: cannot be used: radius"),
        ("name: Example Partner\n", "name: ''\n", "2: name: must be a line of 1 to 200 characters"),
        ("name: Example Partner\n", "name: A\n  requested_origins: []\n", "3: requested_origins: is not known here; "
         "known are language, name, origins, slug, theme"),
    ],
)  # fmt: skip
def test_fault_of_a_partner_has_its_own_line(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert loaded(tmp_path, PARTNER.replace(old, new), PartnerRowSchema()) == (None, [f"rows.yaml:{fault}"])
