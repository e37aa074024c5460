"""The reference of forms matches the code: its tables have every key and every kind, and its example loads."""

import re

import pytest
import yaml

from services.registration.forms.schemas import FormRowSchema
from shared.public_forms.definition import parse_definition
from shared.public_forms.kinds import KINDS
from shared.public_forms.reading import RESERVED_NAMES, FieldSchema
from shared.runtime.yaml_source import FileSchema
from tests.architecture.sources import text_of
from tests.support.processes import PROJECT
from tests.unit.shared.public_forms.test_kinds import SAMPLES

PAGE = text_of(PROJECT / "docs/reference/forms.md")
NAMED = re.compile(r"`(\w+)`")


def rows_below(heading: str) -> list[list[str]]:
    """Cells of the table below a heading, without its head."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def names_below(heading: str) -> list[str]:
    return [row[0].strip("`") for row in rows_below(heading)]


def keys_of(schema: FileSchema) -> list[str]:
    return [field.data_key or name for name, field in schema.load_fields.items()]


def test_every_key_of_a_form_is_explained() -> None:
    assert sorted(names_below("Keys of a form")) == sorted(keys_of(FormRowSchema(())))


def test_every_key_of_a_field_is_explained_in_order() -> None:
    assert names_below("Keys of a field") == keys_of(FieldSchema())


def test_every_kind_is_explained_in_order() -> None:
    assert names_below("Kinds") == list(KINDS)


@pytest.mark.parametrize("row", rows_below("Kinds"), ids=lambda row: row[0])
def test_table_of_kinds_is_that_of_the_registry(row: list[str]) -> None:
    name, data_type, options, limits, equals, sealing, _ = row
    kind, sample = KINDS[name.strip("`")], SAMPLES[name.strip("`")]
    assert (data_type, options, sealing) == (kind.data_type, kind.options, kind.sealing)
    assert (limits != "–", equals != "–") == (sample.limit is not None, sample.equals is not None)
    numbers = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", limits)]
    assert numbers == ([kind.max_length] if kind.max_length and limits != "–" else [])


def test_names_that_cannot_be_used_are_listed() -> None:
    section = PAGE.partition("\n## Names that cannot be used\n")[2].partition("\n## ")[0]
    assert sorted(NAMED.findall(section)) == sorted(RESERVED_NAMES)


def test_example_is_a_form() -> None:
    [form] = yaml.safe_load(PAGE.partition("```yaml\n")[2].partition("```")[0])
    definition = parse_definition({name: form[name] for name in ("slug", "kind", "title", "fields")})
    assert [field.name for field in definition.fields if field.sealed] == ["phone"]
