"""Conflicts of a timetable: symmetric, in UTC, over midnight and zones; touching is none."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.events.rules import RulesBroken
from services.events.scheduling.model import Conflict, ConflictKind, Fixed, Placed, find_conflicts
from services.events.venue.model import Room, Span, TimeSlot, day_span, merged, overlapping_slots
from shared.i18n.languages import Text

ZONES = ("Europe/Zurich", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland", "UTC")
BASE = datetime(2020, 3, 28, 20, 0, tzinfo=UTC)
"""An evening before clocks change in Europe: the day after has 23 hours there."""


def span(start_h: float, hours: float = 1, zone: str = "UTC") -> Span:
    """A span that begins ``start_h`` hours after the base, in a zone."""
    start = BASE + timedelta(hours=start_h)
    return Span(start.astimezone(ZoneInfo(zone)), (start + timedelta(hours=hours)).astimezone(ZoneInfo(zone)))


def a_room(name: str = "room-a", capacity: int = 50, opened: Span | None = None) -> Room:
    """A room that is open all the time by default."""
    window = opened or Span(BASE - timedelta(days=90), BASE + timedelta(days=90))
    return Room(
        id=name, title=Text.of(name), city="Geneva", capacity=capacity, time_zone="Europe/Zurich", open=(window,)
    )


def placed(name: str, when: Span, room: Room | None = None, **more: object) -> Placed:
    """A proposal in its place."""
    return Placed(name, room or a_room(f"room-of-{name}"), when, **more)  # type: ignore[arg-type]  # from the test


@st.composite
def boards(draw: st.DrawFn) -> list[Placed]:
    """Boards on which everything may clash."""
    rooms = [a_room(f"room-{n}", capacity=10 * (n + 1), opened=span(-5, 30)) for n in range(3)]
    return [
        Placed(
            f"p-{number}",
            draw(st.sampled_from(rooms)),
            span(draw(st.integers(-8, 30)) / 2, draw(st.integers(1, 6)) / 2, draw(st.sampled_from(ZONES))),
            working_group=draw(st.sampled_from((None, "housing", "water"))),
            speakers=draw(st.frozensets(st.sampled_from(("a", "b", "c")), max_size=2)),
            attendance=draw(st.integers(1, 40)),
        )
        for number in range(draw(st.integers(0, 6)))
    ]


@given(boards(), st.randoms(use_true_random=False))
def test_conflicts_do_not_depend_on_order_or_zone(board: list[Placed], dice: object) -> None:
    shuffled = list(board)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis gives a Random
    elsewhere = [
        Placed(
            one.proposal_id,
            one.room,
            Span(one.span.starts_at.astimezone(ZoneInfo("Asia/Kathmandu")), one.span.ends_at),
            one.working_group,
            one.speakers,
            one.attendance,
        )
        for one in shuffled
    ]
    assert find_conflicts(elsewhere) == find_conflicts(board)


@given(boards())
def test_conflicts_are_those_of_a_pairwise_comparison(board: list[Placed]) -> None:
    """Every pair compared, without any shortcut."""
    pairs = {
        (kind, *sorted((one.proposal_id, other.proposal_id)))
        for one in board
        for other in board
        if one is not other
        and max(one.span.starts_at, other.span.starts_at) < min(one.span.ends_at, other.span.ends_at)
        for kind, same in (
            ("room", one.room.id == other.room.id),
            ("speaker", any(name in other.speakers for name in one.speakers)),
            ("working_group", one.working_group is not None and one.working_group == other.working_group),
        )
        if same
    }
    found = find_conflicts(board)
    assert {(str(one.kind), *one.proposals) for one in found if len(one.proposals) == 2} == pairs
    assert len(found) == len(set(found))


@given(st.integers(-48, 48), st.integers(1, 30), st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_touching_is_no_conflict_and_equal_times_are_one(start: int, hours: int, zone: str, other: str) -> None:
    room = a_room()
    first = span(start, hours, zone)
    after = span(start + hours, 1, other)
    assert find_conflicts([placed("p", first, room), placed("q", after, room)]) == ()
    same = Span(first.starts_at.astimezone(ZoneInfo(other)), first.ends_at)
    (clash,) = find_conflicts([placed("p", first, room), placed("q", same, room)])
    assert clash == Conflict(ConflictKind.ROOM, ("p", "q"), "room-a")


def test_over_midnight_and_the_hour_that_clocks_skip() -> None:
    """23:30 to 03:30 summer time in Zurich is three hours long, and meets 01:15 to 01:45 UTC."""
    zurich = ZoneInfo("Europe/Zurich")
    night = Span(datetime(2020, 3, 28, 23, 30, tzinfo=zurich), datetime(2020, 3, 29, 3, 30, tzinfo=zurich))
    assert night.ends_at - night.starts_at == timedelta(hours=3)
    early = Span(datetime(2020, 3, 29, 1, 15, tzinfo=UTC), datetime(2020, 3, 29, 1, 45, tzinfo=UTC))
    late = Span(datetime(2020, 3, 29, 1, 30, tzinfo=UTC), datetime(2020, 3, 29, 2, 0, tzinfo=UTC))
    assert night.overlaps(early)
    assert early.overlaps(night)
    assert not night.overlaps(late)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"room": a_room(opened=span(0, 1))}, ()),
        ({"room": a_room(opened=span(0.5, 5))}, (Conflict(ConflictKind.ROOM_CLOSED, ("p",), "room-a"),)),
        ({"room": a_room(capacity=20), "attendance": 20}, ()),
        (
            {"room": a_room(capacity=20), "attendance": 21},
            (Conflict(ConflictKind.ROOM_TOO_SMALL, ("p",), "room-a"),),
        ),
        ({"unavailable": (span(1),)}, ()),
        ({"unavailable": (span(0.5),)}, (Conflict(ConflictKind.SPEAKER_UNAVAILABLE, ("p",)),)),
    ],
)
def test_what_one_proposal_breaks_alone(changes: dict[str, object], expected: tuple[Conflict, ...]) -> None:
    assert find_conflicts([placed("p", span(0), **changes)]) == expected  # type: ignore[arg-type]  # from the table


def test_review_itself_stays_free() -> None:
    review = Fixed("upr-review", span(1, 3))
    board = [placed("before", span(0)), placed("during", span(3.5)), placed("after", span(4))]
    assert find_conflicts(board, [review]) == (Conflict(ConflictKind.FIXED_EVENT, ("during",), "upr-review"),)


def test_two_without_a_group_do_not_share_one() -> None:
    assert find_conflicts([placed("p", span(0)), placed("q", span(0))]) == ()


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10)), max_size=8))
def test_merged_spans_contain_the_same_instants(pairs: list[tuple[int, int]]) -> None:
    spans = [span(start, hours) for start, hours in pairs]
    joined = merged(spans)
    half_hours = [BASE + timedelta(minutes=30 * n) for n in range(110)]
    assert [any(one.starts_at <= at < one.ends_at for one in joined) for at in half_hours] == [
        any(one.starts_at <= at < one.ends_at for one in spans) for at in half_hours
    ]
    assert all(one.ends_at < other.starts_at for one, other in pairwise(joined))


def test_room_is_open_over_the_seam_of_two_windows() -> None:
    room = Room(
        id="r", title=Text.of("R"), city="Geneva", capacity=1, time_zone="Europe/Zurich", open=(span(2, 2), span(0, 2))
    )
    assert room.is_open(span(1, 2))
    assert not room.is_open(span(3, 2))


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        (
            datetime(2020, 5, 1, 9, tzinfo=UTC).replace(tzinfo=None),
            datetime(2020, 5, 1, 10, tzinfo=UTC),
            "time-without-zone",
        ),
        (
            datetime(2020, 5, 1, 9, tzinfo=UTC),
            datetime(2020, 5, 1, 10, tzinfo=UTC).replace(tzinfo=None),
            "time-without-zone",
        ),
        (datetime(2020, 5, 1, 9, tzinfo=UTC), datetime(2020, 5, 1, 9, tzinfo=UTC), "ends-before-start"),
    ],
)
def test_span_refuses(start: datetime, end: datetime, code: str) -> None:
    with pytest.raises(RulesBroken) as refused:
        Span(start, end)
    assert refused.value.code == code


def test_span_is_stored_in_utc_for_any_zone() -> None:
    zurich = ZoneInfo("Europe/Zurich")
    span = Span(datetime(2020, 5, 6, 9, tzinfo=zurich), datetime(2020, 5, 6, 10, tzinfo=zurich))
    assert [instant.isoformat() for instant in (span.starts_at, span.ends_at)] == [
        "2020-05-06T07:00:00+00:00",
        "2020-05-06T08:00:00+00:00",
    ]


def test_days_have_the_length_they_have() -> None:
    day = day_span(datetime(2020, 3, 29, tzinfo=UTC).date(), "Europe/Zurich")
    assert (day.starts_at, day.ends_at) == (
        datetime(2020, 3, 28, 23, tzinfo=UTC),
        datetime(2020, 3, 29, 22, tzinfo=UTC),
    )


@pytest.mark.parametrize("name", ["", "Morning", "a b", "-a", "a" * 81])
def test_slot_needs_a_name_that_fits_into_addresses(name: str) -> None:
    hour = Span(datetime(2020, 5, 6, 7, tzinfo=UTC), datetime(2020, 5, 6, 8, tzinfo=UTC))
    with pytest.raises(RulesBroken) as refused:
        TimeSlot(name, hour, "Europe/Zurich")
    assert refused.value.code == "not-a-slug"
    assert TimeSlot("2020-05-06-0900", hour, "Europe/Zurich").on == date(2020, 5, 6)


def test_slot_is_on_the_day_in_its_zone() -> None:
    late = Span(datetime(2020, 5, 6, 22, 30, tzinfo=UTC), datetime(2020, 5, 6, 23, 30, tzinfo=UTC))
    assert [TimeSlot("late", late, zone).on.day for zone in ("UTC", "Europe/Zurich", "America/New_York")] == [6, 7, 6]


def test_overlapping_slots_are_named() -> None:
    slots = [TimeSlot("a", span(0, 1), "UTC"), TimeSlot("c", span(1.5, 1), "UTC"), TimeSlot("b", span(1, 1), "UTC")]
    assert overlapping_slots(slots) == (("b", "c"),)
    assert overlapping_slots(slots[:2]) == ()
