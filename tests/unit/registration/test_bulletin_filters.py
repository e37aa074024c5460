"""Which filters of the list of registrations a bulletin takes over, so that its people are counted again."""

import pytest

from services.notifications.recipients.model import SEGMENT_NAMES
from services.registration.people.filters import NAMES, SHOWING
from services.registration.people.list_pages import OF_SEGMENT, is_segment, segment_of

NO_PART_OF_A_SEGMENT = {"q", "since", "until", "details"}
"""A search, the day of registration, and further details: as the pages say."""


def test_every_filter_that_a_segment_has_is_taken_over() -> None:
    assert set(OF_SEGMENT) == set(NAMES) - set(SHOWING) - NO_PART_OF_A_SEGMENT
    assert set(OF_SEGMENT) <= set(SEGMENT_NAMES)


@pytest.mark.parametrize(
    ("given", "segment"),
    [
        ({"tag": "speaker", "status": "confirmed"}, {"tag": "speaker", "status": "confirmed"}),
        ({"tag": "speaker", "representative": "true"}, {"tag": "speaker", "representative": "yes"}),
    ],
)
def test_people_with_a_tag_are_a_segment(given: dict[str, str], segment: dict[str, str]) -> None:
    assert (is_segment(given), segment_of(given)) == (True, segment)


@pytest.mark.parametrize("name", sorted(NO_PART_OF_A_SEGMENT))
def test_other_filters_become_a_list_of_registrations(name: str) -> None:
    assert not is_segment({"form": "upr-webinar-10", name: "x"})
