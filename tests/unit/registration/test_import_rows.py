"""Rows of an imported file: how their cells become answers, and why a row is refused."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.registration.importing.cell_reading import MAX_CHOICE, reader_of
from services.registration.importing.mapping import propose
from services.registration.importing.model import ColumnMapping, FileLine, PreparedRow
from services.registration.importing.rows import make_reader
from shared.public_forms.definition import FormDefinition
from tests.unit.shared.public_forms.samples import form_with

NOW = datetime(2026, 11, 30, tzinfo=UTC)
TOPICS: dict[str, Any] = {
    "name": "topics",
    "kind": "some_of",
    "options": [
        {"value": "research", "label": "Research"},
        {"value": "translation", "label": "Translation and interpretation"},
        {"value": "food", "label": "Bread, and butter"},
    ],
}


def read(
    definition: FormDefinition,
    cells: Mapping[str, str],
    values: Mapping[str, Mapping[str, str]] | None = None,
) -> PreparedRow:
    """The row with these cells, by the name of their question, and with a name and an address."""
    given = {"name": "Ana", "email": "ana@example.org", **cells}
    mapping = ColumnMapping({name: name for name in given}, values or {})
    reader = make_reader("import", definition, mapping, tuple(given), None, NOW)
    return reader.read(FileLine(2, tuple(given.values())))


def answers_of(row: PreparedRow) -> Any:
    """The answers to the form's own questions."""
    assert row.faults == ()
    assert row.content is not None
    return row.content["answers"]


def test_part_of_several_choices_that_is_not_known_is_mapped_alone() -> None:
    form, cell = form_with(TOPICS), {"topics": "Research, Translating, Printing, Translating"}
    [fault] = read(form, cell).faults
    assert (fault.heading, fault.code, fault.texts) == ("topics", "not-a-choice", ("Translating", "Printing"))
    chosen = {"Translating": "translation", "Printing": "research"}
    assert answers_of(read(form, cell, {"topics": chosen})) == {"topics": ["research", "translation"]}


def test_separators_of_several_choices_are_those_that_leave_the_most_known_ones() -> None:
    read_cell = reader_of(form_with(TOPICS).field("topics"), {}, "")
    assert [read_cell(one) for one in ("Bread, and butter; Printing", "Printing, Research", "Printing, Travel")] == [
        ["food", "Printing"],
        ["Printing", "research"],
        ["Printing", "Travel"],
    ]


def test_long_text_is_mapped_by_its_beginning() -> None:
    one_of = {**TOPICS, "kind": "one_of"}
    long = "I would translate. " * 20
    for question, answer in ((one_of, "translation"), (TOPICS, ["translation"])):
        [fault] = read(form_with(question), {"topics": long}).faults
        assert [len(text) for text in fault.texts] == [MAX_CHOICE]
        for named in (*fault.texts, long):
            mapped = read(form_with(question), {"topics": long}, {"topics": {named: "translation"}})
            assert answers_of(mapped) == {"topics": answer}


def test_mapping_of_the_last_import_is_proposed_without_what_the_form_has_no_more() -> None:
    columns = {"Mail": "email", "Topics": "topics", "Role": "role", "When": "@received_at"}
    values = {"topics": {"Other": "housing", "Surveys": "research"}, "name": {"A": "a"}, "role": {"B": "b"}}
    last = ColumnMapping(columns, values, "dmy", "fr")
    proposal = propose([*columns, "More"], form_with(TOPICS), last)
    kept = {heading: target for heading, target in columns.items() if target != "role"}
    assert proposal.source == "last import"
    assert proposal.mapping == ColumnMapping(kept, {"topics": {"Surveys": "research"}}, "dmy", "fr")


def test_required_consent_without_a_column_is_given_only_where_it_is_asked() -> None:
    form = form_with(
        {"name": "photo", "kind": "yes_no"},
        {"name": "photo_consent", "kind": "consent", "required": True, "shown_when": {"field": "photo"}},
        {"name": "more", "kind": "consent", "required": True, "shown_when": {"field": "photo_consent"}},
        {"name": "terms", "kind": "consent", "required": True},
    )

    def given(cells: Mapping[str, str]) -> list[str]:
        row = read(form, cells)
        answers_of(row)
        return sorted(row.content["consent"]) if row.content is not None else []

    assert given({"photo": "yes"}) == ["more", "photo_consent", "terms"]
    assert given({"photo": "no"}) == given({"photo": ""}) == given({}) == ["terms"]
    [fault] = read(form, {"photo": "no", "photo_consent": "yes"}).faults
    assert (fault.heading, fault.code) == ("photo_consent", "not-asked")
