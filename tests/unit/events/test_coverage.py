"""Working groups with and without a representative."""

from hypothesis import given
from hypothesis import strategies as st

from services.events.attendance.model import Coverage, asked_of, coverage

GROUPS = st.frozensets(st.sampled_from(["housing", "health", "migration", "education"]))


def test_coverage_is_sorted_and_ignores_groups_that_were_not_asked() -> None:
    found = coverage(["migration", "housing", "health"], ["housing", "education"])
    assert found == Coverage(covered=("housing",), missing=("health", "migration"))


def test_every_group_is_asked_by_a_star() -> None:
    assert asked_of(("*",), ["b", "a"]) == {"a", "b"}
    assert asked_of(("a",), ["b", "a"]) == {"a"}
    assert asked_of((), ["b", "a"]) == frozenset()


@given(GROUPS, GROUPS)
def test_covered_and_missing_split_what_was_asked(asked: frozenset[str], represented: frozenset[str]) -> None:
    found = coverage(asked, represented)
    assert sorted(found.covered + found.missing) == sorted(asked)
    assert frozenset(found.covered) == asked & represented
