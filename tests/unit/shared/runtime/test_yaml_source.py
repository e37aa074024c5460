"""Hand-written YAML: what is accepted, and what is refused with its file, line and field."""

from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.errors import SettingsError
from shared.runtime.yaml_source import LIMIT_BYTES, Fields, Node, flag, one_of, read_yaml, text, whole


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


def test_data_is_plain_and_words_mean_what_they_say(tmp_path: Path) -> None:
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


def row(folder: Path, content: str) -> tuple[Fields, list[str]]:
    faults: list[str] = []
    return Fields(read_yaml(written(folder, content), list).child(0), faults), faults


def test_fields_answers_with_parsed_values(tmp_path: Path) -> None:
    fields, faults = row(tmp_path, "- name: ' A name '\n  seats: 12\n  open: false\n  colour: blue\n  tags: [x, y]\n")
    assert fields.required("name", text(), "?") == "A name"
    assert fields.required("seats", whole(1, 20), 1) == 12
    assert fields.optional("open", flag, True) is False
    assert fields.required("colour", one_of(Colour), Colour.RED) is Colour.BLUE
    assert fields.each("tags", text()) == ("x", "y")
    assert fields.optional("absent", text(), None) is None
    assert fields.each("none", text()) == ()
    fields.finish()
    assert faults == []


def test_fields_notes_every_fault_with_its_line(tmp_path: Path) -> None:
    content = "- name: 12\n  seats: 21\n  open: yes\n  colour: green\n  tags:\n    - x\n    - 3\n  some: a\n  odd: 1\n"
    fields, faults = row(tmp_path, content)
    assert fields.required("name", text(), "?") == "?"
    assert fields.required("absent", text(), "?") == "?"
    assert fields.required("seats", whole(1, 20), 1) == 1
    assert fields.optional("open", flag, True) is True
    assert fields.required("colour", one_of(Colour), Colour.RED) is Colour.RED
    assert fields.each("tags", text()) == ("x",)
    assert fields.each("some", text()) == ()
    fields.finish()
    assert faults == [
        "rows.yaml:1: name: must be a text (put it in quotes)",
        "rows.yaml:1: absent: is required",
        "rows.yaml:2: seats: must be a whole number from 1 to 20",
        "rows.yaml:3: open: must be true or false",
        "rows.yaml:4: colour: must be one of red, blue",
        "rows.yaml:7: tags: must be a text (put it in quotes)",
        "rows.yaml:8: some: must be a list",
        "rows.yaml:9: odd: is not known here; known are absent, colour, name, open, seats, some, tags",
    ]


def test_fields_below_share_the_faults(tmp_path: Path) -> None:
    fields, faults = row(tmp_path, "- parts:\n    - name: a\n    - nothing\n    - name: 1\n")
    assert [part.required("name", text(), "?") for part in fields.below("parts")] == ["a", "?", "?"]
    assert faults == [
        "rows.yaml:3: parts: must be a mapping of keys to values",
        "rows.yaml:4: name: must be a text (put it in quotes)",
    ]


@pytest.mark.parametrize("value", ["", "   ", "x" * 11, None, 3, True, ["x"]])
def test_text_refuses(value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        text(10)(value)


@pytest.mark.parametrize("value", [0, 6, True, "3", None])
def test_whole_refuses(value: object) -> None:
    with pytest.raises(ValueError, match="must be a whole number from 1 to 5"):
        whole(1, 5)(value)


@pytest.mark.parametrize("value", [["red"], {}, None, 1])
def test_one_of_refuses_what_is_not_even_text(value: object) -> None:
    with pytest.raises(ValueError, match="must be one of red, blue"):
        one_of(Colour)(value)


def test_nodes_are_equal_by_content_and_place() -> None:
    assert Node("a.yaml", 1, {}) == Node("a.yaml", 1, {(): 3})
