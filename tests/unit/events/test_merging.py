"""Loading again: what is stored and what is published."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.events.event.lifecycle import merge_loaded
from services.events.event.model import EventStatus
from services.events.loading.service import merge_described
from services.events.network.model import Series, WorkingGroup
from shared.i18n.languages import Text
from shared.runtime.errors import DomainError
from tests.unit.events.builders import HOUR, START, an_event


def test_new_event_is_published_and_a_new_draft_is_not() -> None:
    assert merge_loaded(None, an_event()) == (an_event(), "published")
    assert merge_loaded(None, an_event(EventStatus.DRAFT)) == (an_event(EventStatus.DRAFT), "none")


def test_same_event_again_is_no_change_at_any_revision() -> None:
    stored = an_event(revision=7)
    assert merge_loaded(stored, an_event()) == (stored, "none")


def test_visible_change_is_published_once() -> None:
    stored, change = merge_loaded(an_event(), an_event(title=Text.of("Another")))
    assert (stored, change) == (an_event(title=Text.of("Another"), revision=2), "changed")
    assert merge_loaded(stored, an_event(title=Text.of("Another"))) == (stored, "none")


def test_internal_note_is_stored_and_not_published() -> None:
    assert merge_loaded(an_event(), an_event(internal_note="x")) == (an_event(internal_note="x"), "none")


def test_draft_that_becomes_visible_is_published() -> None:
    assert merge_loaded(an_event(EventStatus.DRAFT), an_event()) == (an_event(revision=2), "published")
    assert merge_loaded(an_event(EventStatus.DRAFT), an_event(EventStatus.DRAFT, title=Text.of("B")))[1] == "none"


def test_new_rows_begin_at_the_first_revision_not_the_folders() -> None:
    assert merge_loaded(None, an_event(revision=5)) == (an_event(), "published")
    assert merge_described(None, Series(id="a", title=Text.of("A"), revision=5)) == (
        Series(id="a", title=Text.of("A")),
        "published",
    )


def test_changed_series_is_one_revision_above_the_stored_one() -> None:
    stored = Series(id="a", title=Text.of("A"), revision=4)
    assert merge_described(stored, replace(stored, title=Text.of("B"), revision=1))[0].revision == 5


def test_last_date_in_the_folder_overrides_the_stored_one() -> None:
    old = an_event(EventStatus.POSTPONED, last_starts_at=START, last_ends_at=START + HOUR)
    new = replace(old, last_starts_at=START + HOUR, last_ends_at=START + 2 * HOUR)
    assert merge_loaded(old, new)[0].last_starts_at == START + HOUR


def test_an_event_becomes_internal_by_the_folder_at_any_time_without_a_mail() -> None:
    assert merge_loaded(an_event(), an_event(internal=True)) == (an_event(internal=True), "none")


def test_postponed_in_the_folder_remembers_the_stored_date() -> None:
    stored, change = merge_loaded(an_event(), an_event(EventStatus.POSTPONED))
    assert (stored.last_starts_at, stored.last_ends_at, stored.revision, change) == (START, START + HOUR, 2, "changed")
    assert merge_loaded(stored, an_event(EventStatus.POSTPONED)) == (stored, "none")
    back, change = merge_loaded(stored, an_event(EventStatus.CONFIRMED))
    assert (back.last_starts_at, back.revision, change) == (START, 3, "changed")


@pytest.mark.parametrize(
    ("old", "new"),
    [(EventStatus.TENTATIVE, EventStatus.DRAFT), (EventStatus.HELD, EventStatus.CONFIRMED)],
)
def test_status_that_cannot_follow_is_refused(old: EventStatus, new: EventStatus) -> None:
    with pytest.raises(DomainError) as refused:
        merge_loaded(an_event(old), an_event(new))
    assert refused.value.code == "event-transition"


@given(
    st.lists(
        st.builds(
            an_event,
            st.sampled_from(EventStatus),
            title=st.sampled_from((Text.of("A"), Text.of("B"))),
            internal_note=st.sampled_from("xy"),
        )
    )
)
def test_loading_anything_twice_is_none_and_revisions_never_fall(folders: list[object]) -> None:
    stored = an_event(EventStatus.DRAFT)
    for read in folders:
        assert isinstance(read, type(stored))
        try:
            after, change = merge_loaded(stored, read)
        except DomainError:
            continue
        assert after.revision == stored.revision + (0 if change == "none" else 1)
        assert merge_loaded(after, read) == (after, "none")
        stored = after


@pytest.mark.parametrize("old", [Series(id="a", title=Text.of("A")), WorkingGroup(id="a", title=Text.of("A"))])
def test_series_and_groups_merge_alike(old: Series | WorkingGroup) -> None:
    if isinstance(old, Series):
        steps = [merge_described(known, replace(old, title=Text.of("B")))[1] for known in (None, old)]
        assert merge_described(replace(old, revision=4), old) == (replace(old, revision=4), "none")
    else:
        steps = [merge_described(known, replace(old, title=Text.of("B")))[1] for known in (None, old)]
        assert merge_described(old, replace(old, title=Text.of("B"))) == (
            replace(old, title=Text.of("B"), revision=2),
            "changed",
        )
    assert steps == ["published", "changed"]
