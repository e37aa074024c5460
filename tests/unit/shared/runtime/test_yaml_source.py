"""Hand-written YAML: what is accepted, and what is refused with its file, line and field."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError, fields

from shared.messaging.contracts.schemas import StrictBoolean
from shared.runtime.errors import SettingsError
from shared.runtime.schema_fields import Parsed, one_of_field, text_field, whole_field
from shared.runtime.yaml_source import LIMIT_BYTES, FileSchema, Node, load_from, read_yaml, repeated


class Colour(StrEnum):
    """A closed set to choose from."""

    RED = "red"
    BLUE = "blue"


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "rows.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def problems_of(folder: Path, content: str | bytes, top: type[Any] = list) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read_yaml(written(folder, content), top)
    return refused.value.problems


def test_data_is_plain_and_words_are_not_converted(tmp_path: Path) -> None:
    content = "a: no\nb: 2020-03-04 14:00\nc: 2020-03-04\nd: 14:00\ne: true\nf: null\ng: 12\nh: 1.10\n"
    content += "i: '12'\nj: 0123\nk: NO\n"
    assert read_yaml(written(tmp_path, content), dict).data == {
        "a": "no",
        "b": "2020-03-04 14:00",
        "c": "2020-03-04",
        "d": "14:00",
        "e": True,
        "f": None,
        "g": 12,
        "h": "1.10",
        "i": "12",
        "j": "0123",
        "k": "NO",
    }


def test_very_long_digits_stay_text(tmp_path: Path) -> None:
    assert read_yaml(written(tmp_path, f"- {'9' * 5000}\n"), list).data == ["9" * 5000]


def test_every_key_and_item_knows_its_line(tmp_path: Path) -> None:
    node = read_yaml(written(tmp_path, "# a comment\n- id: a\n  tags:\n    - x\n    - y\n-\n  id: b\n"), list)
    places: list[tuple[str | int, ...]] = [(0,), (0, "id"), (0, "tags"), (0, "tags", 1), (1, "id")]
    assert [node.line_of(place) for place in places] == [2, 2, 3, 5, 7]
    assert node.child(1).line_of(("absent",)) == node.line_of((1,))
    assert node.child(0).child("tags").fault("is odd", 1) == "rows.yaml:5: tags: is odd"


def test_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    node = read_yaml(written(tmp_path, b"\xef\xbb\xbf- id: a\r\n- id: b\r\n"), list)
    assert node.data == [{"id": "a"}, {"id": "b"}]
    assert node.line_of((1, "id")) == 2


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        ("- a: 1\n  b: 2\n  a: 3\n", ["rows.yaml:3: a: stands twice, first in line 1"]),
        ("- a:\n\t- 1\n", ["rows.yaml:2: begins with a tab; indent with spaces"]),
        ("a: 1\n", ["rows.yaml:1: the file must be a list"]),
        ("", ["rows.yaml:1: the file must be a list"]),
        ("just words\n", ["rows.yaml:1: the file must be a list"]),
        (b"- fine\n- \xff\n", ["rows.yaml:2: is not UTF-8 text"]),
        ("- fine\n- \x07\n", ["rows.yaml:2: holds a control character"]),
        ("- 1\n---\n- 2\n", ["rows.yaml:2: only one document may stand in the file"]),
        ("- {<<: {a: 1}}\n", ["rows.yaml:1: merge keys (<<) are not allowed"]),
        ("- {[1]: 2}\n", ["rows.yaml:1: a key must be a word"]),
        ("- !!python/object/apply:os.getcwd []\n", ["rows.yaml:1: tags (!) are not allowed"]),
        ("- a: b: c\n", ["rows.yaml:1: mapping values are not allowed here"]),
        ("- a\n- " + "[" * 40, ["rows.yaml:2: is nested too deeply"]),
    ],
)
def test_refused_with_file_and_line(tmp_path: Path, content: str | bytes, problems: list[str]) -> None:
    assert problems_of(tmp_path, content) == problems


def test_anchors_and_aliases_are_refused_before_they_grow(tmp_path: Path) -> None:
    content = "- &a [x, x]\n- &b [*a, *a]\n- &c [*b, *b]\n"
    refused = "anchors (&) and aliases (*) are not allowed; quote a text that has them"
    assert problems_of(tmp_path, content) == [f"rows.yaml:{line}: {refused}" for line in (1, 2, 2, 2, 3, 3, 3)]


def test_too_large_missing_and_folder_are_refused(tmp_path: Path) -> None:
    assert problems_of(tmp_path, b"#" * (LIMIT_BYTES + 1)) == [f"rows.yaml: is larger than {LIMIT_BYTES} bytes"]
    for absent in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(SettingsError) as refused:
            read_yaml(absent, list)
        assert refused.value.problems == [f"{absent.name}: does not exist or is not a file"]


def test_several_faults_are_all_listed(tmp_path: Path) -> None:
    assert problems_of(tmp_path, "- a: 1\n  a: 2\n- b: !x 1\n- {c: 1, c: 1}\n") == [
        "rows.yaml:2: a: stands twice, first in line 1",
        "rows.yaml:3: tags (!) are not allowed",
        "rows.yaml:4: c: stands twice, first in line 4",
    ]


def test_faults_before_a_syntax_fault_are_not_lost(tmp_path: Path) -> None:
    assert problems_of(tmp_path, "- a: 1\n  a: 2\n- b: 'open\n")[0] == "rows.yaml:2: a: stands twice, first in line 1"


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    path = written(tmp_path_factory.mktemp("any"), content.encode(errors="surrogatepass"))
    problems: list[str] = []
    try:
        assert isinstance(read_yaml(path, list).data, list)
    except SettingsError as error:
        problems = error.problems or ["a refusal without a reason"]
    assert [problem for problem in problems if not problem.startswith("rows.yaml:")] == []


class Part(FileSchema):
    """Something below a row."""

    name = text_field(required=True)


class Row(FileSchema):
    """A row with a field of each sort."""

    name = text_field(10, required=True)
    seats = whole_field(1, 20)
    open = StrictBoolean()
    colour = one_of_field(Colour, required=True)
    on = fields.Date()
    odd_one = Parsed(int, data_key="odd-one")
    tags = fields.List(text_field())
    parts = fields.List(fields.Nested(Part))


def loaded(folder: Path, content: str) -> tuple[Any, list[str]]:
    """What the first row of a file is taken for, and its faults."""
    faults: list[str] = []
    return load_from(read_yaml(written(folder, content), list).child(0), Row(), faults), faults


def test_row_is_read_by_its_schema(tmp_path: Path) -> None:
    content = "- name: ' A name '\n  seats: 12\n  open: false\n  colour: blue\n  on: 2020-05-06\n  odd-one: '7'\n"
    content += "  tags: [x, ' y']\n  parts: [{name: z}]\n"
    assert loaded(tmp_path, content) == (
        {
            "name": "A name",
            "seats": 12,
            "open": False,
            "colour": Colour.BLUE,
            "on": date(2020, 5, 6),
            "odd_one": 7,
            "tags": ["x", "y"],
            "parts": [{"name": "z"}],
        },
        [],
    )


def test_null_is_as_good_as_nothing(tmp_path: Path) -> None:
    assert loaded(tmp_path, "- name: a\n  colour: red\n  seats: null\n  tags:\n") == (
        {"name": "a", "colour": Colour.RED},
        [],
    )
    assert loaded(tmp_path, "- name: a\n  colour:\n") == (None, ["rows.yaml:2: colour: is required"])


def test_every_fault_of_a_row_has_its_line(tmp_path: Path) -> None:
    content = "- name: 12\n  seats: 21\n  open: yes\n  tags:\n    - x\n    - 3\n  parts: a\n  odd:\n  on: 2020-05-36\n"
    content += "  odd-one: x\n"
    assert loaded(tmp_path, content) == (
        None,
        [
            "rows.yaml:1: colour: is required",
            "rows.yaml:1: name: must be a text (put it in quotes)",
            "rows.yaml:2: seats: must be a whole number from 1 to 20",
            "rows.yaml:3: open: must be true or false",
            "rows.yaml:6: tags: must be a text (put it in quotes)",
            "rows.yaml:7: parts: must be a list",
            "rows.yaml:8: odd: is not known here; known are colour, name, odd-one, on, open, parts, seats, tags",
            "rows.yaml:9: on: must be an existing day such as 2020-05-06",
            "rows.yaml:10: odd-one: invalid literal for int() with base 10: 'x'",
        ],
    )


def test_faults_below_a_row_have_their_lines(tmp_path: Path) -> None:
    content = "- name: a\n  colour: red\n  parts:\n    - name: a\n    - nothing\n    - name: 1\n      more: 2\n"
    assert loaded(tmp_path, content) == (
        None,
        [
            "rows.yaml:5: parts: must be a mapping of keys to values",
            "rows.yaml:6: name: must be a text (put it in quotes)",
            "rows.yaml:7: more: is not known here; known are name",
        ],
    )


def test_faults_of_a_value_that_is_in_no_file_have_pointers() -> None:
    faults: list[str] = []
    content = {"name": "a", "colour": "red", "parts": [{"name": "b"}, {}]}
    assert load_from(Node("", content, {}), Row(), faults) is None
    assert load_from(Node("", ["no", "mapping"], {}), Row(), faults) is None
    assert faults == ["/parts/1/name: is required", "/: must be a mapping of keys to values"]


@pytest.mark.parametrize("value", ["", "x" * 11, 3, True, ["x"], "a\0b"])
def test_text_refuses(value: object) -> None:
    with pytest.raises(ValidationError):
        text_field(10).deserialize(value)


@pytest.mark.parametrize("value", [0, 6, True, "three", "9" * 5000, ["3"]])
def test_whole_refuses(value: object) -> None:
    with pytest.raises(ValidationError, match="must be a whole number from 1 to 5"):
        whole_field(1, 5).deserialize(value)


@pytest.mark.parametrize("value", ["green", "RED"])
def test_one_of_refuses(value: object) -> None:
    with pytest.raises(ValidationError, match="must be one of red, blue"):
        one_of_field(Colour).deserialize(value)


def test_rows_with_the_same_values_name_the_first(tmp_path: Path) -> None:
    content = "- {a: 1, b: x}\n- {a: 1, b: y}\n- {b: x}\n- {b: x, a: 1}\n- words\n- {a: [1], b: x}\n"
    rows = read_yaml(written(tmp_path, content), list).children()
    assert list(repeated(rows, "a", "b")) == ["rows.yaml:4: b: is used twice, first in line 1"]
    assert list(repeated(rows, "a")) == [f"rows.yaml:{line}: a: is used twice, first in line 1" for line in (2, 4)]


def test_nodes_are_equal_by_content_and_place() -> None:
    assert Node("a.yaml", 1, {}) == Node("a.yaml", 1, {(): 3})
