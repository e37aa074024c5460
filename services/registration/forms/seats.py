"""Seats of one form: who gets one, who waits, who is next. Every rule about capacity is here.

The one inequality: ``confirmed + offered + kept for others < capacity``. A person for whom a seat is reserved has none
kept from them; for everyone else, reserved seats that are not taken are not available.

Options may have a limit. A registration with a seat or on the waiting list holds its options; the counts are stored
with the seats and change under the same lock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from services.registration.forms.opening import OPEN_EVENT_STATUSES, Opening
from services.registration.forms.pools import NO_TRAITS, Pools, Traits
from shared.vocabulary.promotion import BY_HAND, IN_ORDER, WITH_OFFERS

Answers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OptionLimits:
    """The limits of the choices of one form, and how many people hold each choice.

    Attributes:
        limits: the limit by ``field=value``.
        taken: the number of people who hold the choice, by ``field=value``.
    """

    limits: Mapping[str, int] = field(default_factory=dict)
    taken: Mapping[str, int] = field(default_factory=dict)

    def chosen(self, answers: Answers | None) -> frozenset[str]:
        """Return the limited choices among clear answers; none for None."""
        return frozenset() if answers is None else frozenset(key for key in self.limits if _is_chosen(key, answers))

    def has_room(self, answers: Answers, held: Answers | None = None) -> bool:
        """Return whether each limited choice has a place left, or is one of those that are ``held`` already."""
        wanted = self.chosen(answers) - self.chosen(held)
        return all(self.taken.get(key, 0) < self.limits[key] for key in wanted)

    def without_full(self, answers: Answers, held: Answers) -> Answers:
        """Return ``answers`` without those that choose what is full now and not among the choices ``held``."""
        full = {key for key in self.chosen(answers) - self.chosen(held) if self.taken.get(key, 0) >= self.limits[key]}
        fields = {key.partition("=")[0] for key in full}
        return {name: value for name, value in answers.items() if name not in fields}

    def after_change(self, before: Answers | None, after: Answers | None) -> "OptionLimits":
        """Return the counts once the answers ``before`` are ``after``: None before a registration, and once it ends."""
        given, returned = self.chosen(after), self.chosen(before)
        if given == returned:
            return self
        return replace(
            self,
            taken={key: self.taken.get(key, 0) + (key in given) - (key in returned) for key in self.limits},
        )


def read_option_limits(stored: Mapping[str, Mapping[str, int]]) -> OptionLimits:
    """Return the limits as the seats' row stores them: ``{"field=value": {"limit": 20, "taken": 3}}``."""
    return OptionLimits(
        {key: limit["limit"] for key, limit in stored.items()}, {key: limit["taken"] for key, limit in stored.items()}
    )


def _is_chosen(key: str, answers: Answers) -> bool:
    name, _, value = key.partition("=")
    answer = answers.get(name)
    return value in answer if isinstance(answer, list) else answer == value


"""How free seats go to people who wait: at once, by an offer to accept in time, or by a coordinator's decision."""

OFFER_HOURS = 48
"""How long a person has to accept, unless a coordinator sets another time."""

Hold = Literal["", "offered", "passed"]
"""State of a person who waits: in line, with an offer, or past an offer that was declined or has expired. The last stay
on the waiting list, but get a seat only by a coordinator's decision."""


def hold_of(offer_expires_at: datetime | None, offer_passed: bool) -> Hold:
    """Return the state of a person who waits, by the end of their offer and whether they have let one pass."""
    return "offered" if offer_expires_at is not None else "passed" if offer_passed else ""


def place_rank(status: str, hold: Hold) -> int:
    """Return how good the place of a registration is, best first: 0 a seat, 1 an offered one, 2 in line, 3 the rest."""
    if status == "confirmed":
        return 0
    return {"offered": 1, "": 2, "passed": 3}[hold] if status == "waitlisted" else 3


@dataclass(frozen=True, slots=True)
class Seats:
    """The seats of a form.

    Attributes:
        capacity: the number of seats; None for no limit.
        confirmed: the number of seats taken.
        waiting: the number of people on the waiting list, including those with an offer or an expired offer.
        last_position: the highest position ever given; positions are never given twice.
        waiting_list: whether there is a waiting list.
        offered: the number of seats that are held for a person who has an offer.
        passed: the number of people on the waiting list whose offer expired or was declined.
        pools: what is reserved, and for whom.
        mode: one of ``PROMOTION_MODES``.
        offer_hours: how long an offer is valid.
    """

    capacity: int | None
    confirmed: int
    waiting: int
    last_position: int
    waiting_list: bool
    offered: int = 0
    passed: int = 0
    pools: Pools = field(default_factory=Pools)
    mode: str = IN_ORDER
    offer_hours: int = OFFER_HOURS

    @property
    def taken(self) -> int:
        """Seats that a person has, or is offered."""
        return self.confirmed + self.offered

    @property
    def in_line(self) -> int:
        """People who get a free seat automatically."""
        return self.waiting - self.offered - self.passed

    @property
    def left(self) -> int | None:
        """Seats that no one has, reserved ones too; None for no limit. Never negative."""
        return None if self.capacity is None else max(0, self.capacity - self.taken)

    @property
    def free(self) -> int | None:
        """Seats that anyone may be given now; None for no limit. Never negative."""
        return None if self.left is None else max(0, self.left - self.pools.kept)

    @property
    def word(self) -> str:
        """What the public may know: ``open``, ``waiting-list`` or ``full``; never a number.

        Without a waiting list a form stays open as long as a seat is kept for a person.
        """
        if self.free is None or (self.free > 0 and not self.in_line):
            return "open"
        if self.waiting_list:
            return "waiting-list"
        return "open" if self.left and self.pools.kept and not self.in_line else "full"


def fits(seats: Seats, who: Traits) -> bool:
    """Return whether ``who`` can have a seat now, without regard to others who wait: the one inequality."""
    if seats.capacity is None:
        return True
    has_seat = seats.taken + seats.pools.kept_from(who) < seats.capacity
    return has_seat and seats.pools.has_domain_room(who, seats.capacity)


@dataclass(frozen=True, slots=True)
class SeatPlace:
    """What a newcomer gets: ``confirmed``, or ``waitlisted`` at a position from 1."""

    status: str
    position: int | None = None


def next_place(seats: Seats, who: Traits = NO_TRAITS) -> SeatPlace | None:
    """What a person who registers now gets; None if the form is full for them and has no waiting list."""
    if seats.capacity is None or (fits(seats, who) and not _waits_before(seats, who)):
        return SeatPlace("confirmed")
    return SeatPlace("waitlisted", seats.last_position + 1) if seats.waiting_list else None


def _waits_before(seats: Seats, who: Traits) -> bool:
    """Whether a person in line has a better claim; no one has on a reserved seat for which no one waits."""
    if not seats.in_line:
        return False
    return not any(pool.is_open_to(who) and not pool.waiting for pool in seats.pools.pools)


def take(seats: Seats, place: SeatPlace, who: Traits = NO_TRAITS) -> Seats:
    """The seats after ``place`` was given to a newcomer."""
    if place.status == "confirmed":
        return replace(seats, confirmed=seats.confirmed + 1, pools=seats.pools.changed(who, taken=1))
    return replace(
        seats,
        waiting=seats.waiting + 1,
        last_position=seats.last_position + 1,
        pools=seats.pools.changed(who, waiting=1),
    )


def give_back(seats: Seats, status: str, who: Traits = NO_TRAITS, hold: Hold = "") -> Seats:
    """The seats after a person with ``status`` has cancelled."""
    if status == "confirmed":
        return replace(seats, confirmed=seats.confirmed - 1, pools=seats.pools.changed(who, taken=-1))
    return _leave_line(seats, who, hold)


def give_seat(seats: Seats, who: Traits = NO_TRAITS, hold: Hold = "") -> Seats:
    """The seats after a person who waited was confirmed."""
    left = _leave_line(seats, who, hold)
    return replace(left, confirmed=left.confirmed + 1, pools=left.pools.changed(who, taken=1))


def hold_seat(seats: Seats, who: Traits = NO_TRAITS, hold: Hold = "") -> Seats:
    """The seats after a person who waits was offered one."""
    held = replace(_leave_line(seats, who, hold), offered=seats.offered + 1, waiting=seats.waiting)
    return replace(held, pools=held.pools.changed(who, taken=1))


def let_pass(seats: Seats, who: Traits, *, back_in_line: bool = False) -> Seats:
    """The seats after an offer has ended: its person waits on, ``back_in_line`` or not."""
    pools = seats.pools.changed(who, taken=-1, waiting=int(back_in_line))
    passed = seats.passed + (not back_in_line)
    return replace(seats, offered=seats.offered - 1, passed=passed, pools=pools)


def move(seats: Seats, status: str, before: Traits, after: Traits, hold: Hold = "") -> Seats:
    """The seats after the answers of a person with ``status`` have changed: everyone keeps what they have."""
    if not seats.pools or before == after:
        return seats
    taken = int(status == "confirmed" or hold == "offered")
    waiting = int(not taken and not hold)
    pools = seats.pools.changed(before, taken=-taken, waiting=-waiting).changed(after, taken=taken, waiting=waiting)
    return replace(seats, pools=pools)


def _leave_line(seats: Seats, who: Traits, hold: Hold) -> Seats:
    pools = seats.pools.changed(who, taken=-(hold == "offered"), waiting=-(not hold))
    return replace(
        seats,
        waiting=seats.waiting - 1,
        offered=seats.offered - (hold == "offered"),
        passed=seats.passed - (hold == "passed"),
        pools=pools,
    )


def promotable(seats: Seats, starts_at: datetime | None, notice: timedelta, now: datetime) -> int:
    """How many people in line get a seat now, if nothing is reserved.

    Args:
        starts_at: the start of the event; None if it has no date.
        notice: the time before the start after which no one is promoted: people could no longer attend.
    """
    if starts_at is not None and now > starts_at - notice:
        return 0
    return seats.in_line if seats.free is None else min(seats.in_line, seats.free)


def seats_after(seats: Seats, decided: "Promotion") -> Seats:
    """The seats after a decision about those in line was done."""
    return promote(seats, decided.count) if decided.after is None else decided.after


def promote(seats: Seats, count: int) -> Seats:
    """The numbers after ``count`` of those in line were given a seat, or an offer of one."""
    if seats.mode == WITH_OFFERS:
        return replace(seats, offered=seats.offered + count)
    return replace(seats, confirmed=seats.confirmed + count, waiting=seats.waiting - count)


NO_FREE_SEAT, TOO_LATE, NOT_TAKING_PLACE = "no-free-seat", "too-late", "not-taking-place"
RESERVED, DOMAIN_SHARE, DECIDED_BY_HAND = "reserved", "domain-share", "by-hand"
OUT_OF_TURN = "out-of-turn"
"""A coordinator gave the seat to a waiting person, regardless of their position."""


@dataclass(frozen=True, slots=True)
class InLine:
    """A person in line: the id of the registration, and what decides which seats they may take."""

    id: str
    who: Traits


@dataclass(frozen=True, slots=True)
class Promotion:
    """A decision about a waiting list.

    Attributes:
        count: the number of people in line who get a seat now, first come first.
        withheld: why the rest does not: ``no-free-seat``, ``too-late`` (it is too short before the start to promote
            anyone), ``not-taking-place``, ``reserved`` (what is left is kept for others), ``domain-share`` (the share
            of their mail domain is used up) or ``by-hand``; empty if no one is left in line.
        chosen: the ids of those who get one, where it matters who they are; else the first ``count`` do.
        after: the seats then, where it matters who they are.
    """

    count: int
    withheld: str
    chosen: tuple[str, ...] = ()
    after: Seats | None = None


def decide_promotion(
    opening: Opening, seats: Seats, notice: timedelta, now: datetime, line: Sequence[InLine] = ()
) -> Promotion:
    """Decide about those in line, given the seats as they are after one was freed.

    Args:
        notice: how long before the start the last person is promoted.
        line: everyone in line, in order; needed only where it matters who they are (``seats.pools``).
    """
    if opening.needs_event and opening.event_status not in OPEN_EVENT_STATUSES:
        return Promotion(0, NOT_TAKING_PLACE if seats.in_line else "")
    if seats.mode == BY_HAND:
        return Promotion(0, _manual_reason(seats) if seats.in_line else "")
    too_late = opening.starts_at is not None and now > opening.starts_at - notice
    if seats.pools and seats.capacity is not None and not too_late:
        return _choose(seats, line)
    count = promotable(seats, opening.starts_at, notice, now)
    if count == seats.in_line:
        return Promotion(count, "")
    has_seat = seats.free is None or seats.free > count
    return Promotion(count, TOO_LATE if has_seat else NO_FREE_SEAT)


def _manual_reason(seats: Seats) -> str:
    return DECIDED_BY_HAND if seats.left is None or seats.left else NO_FREE_SEAT


def _choose(seats: Seats, line: Sequence[InLine]) -> Promotion:
    """Check everyone in line in order, each with the condition as it is after the people before."""
    chosen: list[str] = []
    for person in line:
        if seats.left == 0:
            break
        if fits(seats, person.who):
            seats = (hold_seat if seats.mode == WITH_OFFERS else give_seat)(seats, person.who)
            chosen.append(person.id)
    if len(chosen) == len(line):
        return Promotion(len(chosen), "", tuple(chosen), seats)
    withheld = NO_FREE_SEAT if not seats.left else RESERVED if not seats.free else DOMAIN_SHARE
    return Promotion(len(chosen), withheld, tuple(chosen), seats)
