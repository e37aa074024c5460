"""What `make test` leaves out."""

import pytest

from tests.support.processes import PROJECT
from tests.support.tiers import AT_LENGTH, VARIANTS, is_at_length


@pytest.mark.parametrize("start", [*(start for starts in AT_LENGTH.values() for start in starts), *VARIANTS])
def test_every_place_exists(start: str) -> None:
    """A renamed folder, file or test would be run by `make test` again."""
    file, _, name = start.partition("::")
    assert (PROJECT / file).exists()
    assert not name or f"\ndef {name}(" in (PROJECT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("nodeid", "expected"),
    [
        ("tests/scenario/test_story.py::test_it[embedded]", False),
        ("tests/scenario/test_story.py::test_it[rabbitmq]", True),
        ("tests/scenario/test_every_mail.py::test_it", True),
        ("tests/contract/test_bus_scenarios.py::test_it[rabbitmq]", False),
        ("tests/contract/test_bus_scenarios.py::test_it[rabbitmq-with-limits]", True),
    ],
)
def test_left_out_by_place_or_by_variant(nodeid: str, expected: bool) -> None:
    assert is_at_length(nodeid) is expected
