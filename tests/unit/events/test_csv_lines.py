"""CSV that a spreadsheet can open without running anything."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.lists import FORMULA_STARTS, csv_lines, original_cell, safe_cell


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_a_cell_that_begins_like_a_formula_is_defused(start: str) -> None:
    assert safe_cell(f"{start}1+1") == f"'{start}1+1"
    assert safe_cell(f"  {start}1+1") == f"'  {start}1+1"


def test_numbers_and_nothing_stay_what_they_are() -> None:
    assert [safe_cell(value) for value in (-3, 0, 1, None, "")] == ["-3", "0", "1", "", ""]


def test_truth_is_a_word() -> None:
    assert [safe_cell(value) for value in (True, False)] == ["yes", "no"]


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\r\x00"), max_size=20), min_size=1, max_size=4))
def test_a_row_is_read_back_as_its_safe_cells(cells: list[str]) -> None:
    lines = list(csv_lines([f"c{number}" for number in range(len(cells))], [cells]))
    assert len(lines) == 2
    read_back = list(csv.reader(io.StringIO("".join(lines), newline="")))
    assert read_back[1] == [safe_cell(cell) for cell in cells]


@pytest.mark.parametrize(
    "between",
    [
        ";",
        '; "',
        ";\t",
        "\t",
        "\n",
        "\r",
        "\r\n",
        '\n "',
        "\n\n",
        " \n",
        "\v",
        "\f",
        "\x1e",
        "\x85",
        "\u2028",
        "\u2029",
    ],
)
def test_what_another_separator_would_part_is_defused_too(between: str) -> None:
    assert safe_cell(f"A person{between}=1+1") == f"A person{between}'=1+1"


@pytest.mark.parametrize("text", ["1 = 1", "a\n\nb", "a\r\nb", "a; b", 'a "-b"', "a\n'=1", "a;\t"])
def test_text_without_a_formula_after_a_separator_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text


@given(st.lists(st.text(alphabet=st.sampled_from("ab ;,\"\t\n\r=+-@＝'|!"), max_size=12), min_size=1, max_size=4))
def test_no_separator_makes_a_cell_that_is_a_formula(cells: list[str]) -> None:
    """As a spreadsheet reads it whose lists are parted by something else than ours."""
    text = "".join(csv_lines(["name"] * len(cells), [cells]))
    for delimiter in (",", ";", "\t"):
        for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            for cell in line:
                assert not cell.lstrip(' "\t\n\r').startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")), (
                    delimiter,
                    cell,
                )


@given(st.text(alphabet=st.one_of(st.sampled_from('ab ;,"\t\n\r=+-@＝|!'), st.characters(exclude_characters="'"))))
def test_safe_cell_is_read_back_as_the_text_that_it_was(text: str) -> None:
    assert original_cell(safe_cell(text)) == text


@pytest.mark.parametrize("text", ["O'Brien", "'quoted'", "it's -1", "'a; =b", "'", "", "rock 'n' roll; '90s"])
def test_apostrophe_that_makes_no_cell_safe_stays(text: str) -> None:
    assert original_cell(text) == text
