"""The steps: what people, coordinators, processes and the clock do, in any order, each compared with the model.

After every step all registrations, seats and waiting lists are what the model says; at the end everything is brought to
rest, and counts and mails are too.
"""

import sys
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.contracts.registry import QUEUES, SERVICES
from tests.integration.model.audit import Auditor
from tests.integration.model.bus import Bus
from tests.integration.model.invariants import check_now, check_rest
from tests.integration.model.ledger import EVENTS, FORMS, LIVE, Answer, Ledger
from tests.integration.model.office import Office
from tests.integration.model.post import MOODS, WELL, Post
from tests.integration.model.world import World

WHO = st.sampled_from(["ada", "ben", "cleo", "dan", "eve", "fay"])
WISH = st.tuples(st.sampled_from(["plain", "plain", "held", "no-list"]), WHO, st.sampled_from([None, "key-1", "key-2"]))
ANY = st.integers(0, 99)
"""One of those that there are: the number counts round."""

LOST = st.sampled_from([False, False, True])
STEPS = st.sampled_from(
    [timedelta(minutes=1), timedelta(minutes=59), timedelta(hours=6), timedelta(days=1), timedelta(days=2)]
)
SETTLING = (timedelta(minutes=20), timedelta(hours=5), timedelta(hours=5))
"""At rest: news are gathered, handovers in doubt are decided on, and what was not taken is tried again."""

MOST_TURNS = 200
TICK = timedelta(microseconds=1)


class Machine(RuleBasedStateMachine):
    """One history in ``world``."""

    def __init__(self, world: World, office: Office, bus: Bus, post: Post, auditor: Auditor) -> None:
        super().__init__()
        world.set_back()
        bus.forget()
        post.forget()
        self.world, self.office, self.bus, self.post, self.auditor = world, office, bus, post, auditor
        self.ledger = Ledger()
        self.steps = 0

    @initialize(wishes=st.lists(WISH, min_size=6, max_size=10))
    def begin(self, wishes: list[tuple[str, str, str | None]]) -> None:
        """Some are there already, so that there is something to change."""
        self._register(wishes)

    @rule(wish=WISH, lost=LOST)
    def register(self, wish: tuple[str, str, str | None], lost: bool) -> None:
        """Somebody fills a form; who hears nothing hands in the same again."""
        self._register([wish], lost)

    @rule(wishes=st.lists(WISH, min_size=2, max_size=5), lost=LOST)
    def rush(self, wishes: list[tuple[str, str, str | None]], lost: bool) -> None:
        """Several at once, in one transaction."""
        self._register(wishes, lost)

    @rule(form=st.sampled_from(sorted(FORMS)), first=WHO, second=WHO)
    def repeat(self, form: str, first: str, second: str) -> None:
        """The same key twice, with the same or another body."""
        self._register([(form, first, "key-3")])
        self._register([(form, second, "key-3")])

    @precondition(lambda self: self._some("unverified"))
    @rule(index=ANY, lost=LOST)
    def verify(self, index: int, lost: bool) -> None:
        """The owner of an address confirms it: early, late or too late."""
        who = self._pick(index, "unverified")
        answers = [self.ledger.verify(who["id"], self.world.clock()) for _ in range(1 + lost)]
        _agree(self.office.verify(who["verify"], lost=lost), answers[-1])

    @precondition(lambda self: self._some(*LIVE))
    @rule(index=ANY, lost=LOST)
    def cancel(self, index: int, lost: bool) -> None:
        """Somebody gives their place back by their link."""
        some = self._some(*LIVE)
        awaited = [who for who in some if who["status"] == "confirmed" and self.ledger.forms[who["form"]]["line"]]
        who = (awaited * 2 + some)[index % len(awaited * 2 + some)]
        answers = [self.ledger.cancel(who["id"], self.world.clock()) for _ in range(1 + lost)]
        _agree(self.office.cancel(who["own"], lost=lost), answers[-1])

    @precondition(lambda self: self.ledger.people)
    @rule(index=ANY)
    def press_old_buttons(self, index: int) -> None:
        """Anybody, whatever has become of them, presses both buttons of their mails."""
        who, now = self._pick(index), self.world.clock()
        _agree(self.office.cancel(who["own"]), self.ledger.cancel(who["id"], now))
        _agree(self.office.verify(who["verify"]), self.ledger.verify(who["id"], now))

    @precondition(lambda self: self.ledger.people)
    @rule(index=ANY, lost=LOST)
    def erase(self, index: int, lost: bool) -> None:
        """Somebody has themselves forgotten by their link, whatever is on its way to them."""
        who = self._pick(index)
        is_own = not who["verify"] or who["verified_at"] is not None
        answer = self._twice(lost, lambda: self.ledger.erase_by_link(who["id"], self.world.clock()))
        _agree(self.office.erase(who["own" if is_own else "verify"], is_own=is_own, lost=lost), answer)

    @precondition(lambda self: self.ledger.people)
    @rule(index=ANY, lost=LOST, overtakes=st.booleans())
    def erase_for_them(self, index: int, lost: bool, overtakes: bool) -> None:
        """A coordinator has somebody forgotten; perhaps it is heard before all that came before it.

        What is lost is the answer to the first look, before anything is done.
        """
        who = self._pick(index)
        answer = self.ledger.erase(who["id"], self.world.clock())
        _agree(self.office.erase_known(who["id"], lost=lost), "1" if answer == "erased" else "0")
        if overtakes:
            self.bus.relay("registration")
            for queue in ("events.rollup", "notifications.mail"):
                self._deliver(queue, _newest_first, dies=False)

    @precondition(lambda self: self.ledger.people)
    @rule(index=ANY, status=st.sampled_from(["confirmed", "cancelled"]), stale=st.sampled_from([0, 0, 0, 1]), lost=LOST)
    def decide(self, index: int, status: str, stale: int, lost: bool) -> None:
        """A coordinator gives a seat or takes a place back; perhaps from a page that is ``stale``."""
        who = (
            self._pick(index, "waitlisted") if status == "confirmed" and self._some("waitlisted") else self._pick(index)
        )
        seen = who["revision"] + stale
        answer = self._twice(lost, lambda: self.ledger.decide(who["id"], seen, status, self.world.clock()))
        _agree(self.office.decide(who["id"], seen, status, lost=lost), answer)

    @rule(
        slug=st.sampled_from(sorted(FORMS)),
        capacity=st.sampled_from([1, 2, 3, 2, 3, 4, 0, None]),
        is_open=st.sampled_from([True, True, True, True, True, False]),
        stale=st.sampled_from([0, 0, 0, 1]),
        lost=LOST,
    )
    def set_form(self, slug: str, capacity: int | None, is_open: bool, stale: int, lost: bool) -> None:
        """A coordinator raises or lowers the capacity, closes or opens a form, at a moment of its own.

        The audit tells by their moments which seats were given under which capacity.
        """
        self.world.clock.advance(TICK)
        seen = self.ledger.forms[slug]["revision"] - stale
        answer = self._twice(lost, lambda: self.ledger.set_form(slug, seen, capacity, is_open, self.world.clock()))
        _agree(self.office.set_form(slug, seen, capacity, is_open, lost=lost), answer)
        self.world.clock.advance(TICK)

    @rule(
        name=st.sampled_from(sorted(EVENTS)),
        step=st.sampled_from(["reschedule", "reschedule", "postpone", "cancel", "revive"]),
        days=st.integers(0, 20),
        lost=LOST,
    )
    def move_event(self, name: str, step: str, days: int, lost: bool) -> None:
        """An event is moved, postponed, cancelled or revived; the forms hear of it when the bus says so."""
        starts_at = self.world.clock() + timedelta(days=days, hours=3)
        answer = self._twice(lost, lambda: self.ledger.move_event(name, step, starts_at))
        _agree(self.office.move_event(name, step, starts_at, lost=lost), answer)

    @rule(name=st.sampled_from(sorted(EVENTS)), days=st.integers(1, 20))
    def overtake(self, name: str, days: int) -> None:
        """An event is moved twice, and the second message overtakes the first."""
        for later in (days, days + 1):
            starts_at = self.world.clock() + timedelta(days=later)
            answer = self.ledger.move_event(name, "reschedule", starts_at)
            _agree(self.office.move_event(name, "reschedule", starts_at), answer)
        self.bus.relay("events")
        self._deliver("registration.copies", _newest_first, dies=False)

    @precondition(lambda self: self._some(*LIVE))
    @rule(index=ANY, queue=st.sampled_from(["events.rollup", "notifications.mail"]))
    def overtake_own(self, index: int, queue: str) -> None:
        """Somebody gives their place back, and that is heard before all that came before it."""
        who = self._pick(index, *LIVE)
        _agree(self.office.cancel(who["own"]), self.ledger.cancel(who["id"], self.world.clock()))
        self.bus.relay("registration")
        self._deliver(queue, _newest_first, dies=False)

    @precondition(lambda self: self._holding())
    @rule(index=ANY, who=WHO, microseconds=st.sampled_from([0, 0, -1]))
    def come_as_a_hold_ends(self, index: int, who: str, microseconds: int) -> None:
        """Somebody registers at, or just before, the very moment when a seat is no longer kept for another."""
        other = self._holding()[index % len(self._holding())]
        self.world.clock.set(other["hold_until"] + timedelta(microseconds=microseconds))
        self._register([(other["form"], who, None)])

    @rule(step=STEPS)
    def time_passes(self, step: timedelta) -> None:
        """Minutes to days."""
        self.world.clock.advance(step)

    @rule(index=st.integers(0, 9), microseconds=st.sampled_from([0, 0, -1, 1]))
    def moment_comes(self, index: int, microseconds: int) -> None:
        """It is just before, at, or just after the moment when something changes by itself."""
        now = self.world.clock()
        moments = self.ledger.moments(now)
        if moments:
            at = moments[index % len(moments)] + timedelta(microseconds=microseconds)
            self.world.clock.set(max(now, at))

    @rule()
    def keep_house(self) -> None:
        """Seats that were not confirmed in time go to those who wait, in the service's own time."""
        self._keep_house()

    @rule(service=st.sampled_from(SERVICES), end=st.sampled_from(["rests", "dies", "keeps house"]))
    def relay(self, service: str, end: str) -> None:
        """A relay's turn; one that dies is started again, and offers the same once more."""
        self.bus.relay(service, dies=end == "dies")
        if end == "keeps house":
            self.bus.keep_house(service)

    @rule(index=ANY, order=st.permutations(range(8)), most=st.integers(1, 8), dies=LOST)
    def deliver(self, index: int, order: list[int], most: int, dies: bool) -> None:
        """A consumer gets some of what waits for it, newer before older too; relays are quick where nothing waits."""
        waiting = self.bus.waiting()
        if not waiting:
            for service in SERVICES:
                self.bus.relay(service)
            waiting = self.bus.waiting()

        def pick(there: int) -> Iterable[int]:
            return [place for place in order if place < there][:most]

        if waiting:
            self._deliver(waiting[index % len(waiting)], pick, dies)

    @precondition(lambda self: any(self.bus.had.values()))
    @rule(which=ANY, index=ANY, forgotten=LOST)
    def deliver_again(self, which: int, index: int, forgotten: bool) -> None:
        """A message comes once more, long after newer ones."""
        queues = [queue for queue in QUEUES if self.bus.had[queue]]
        self.bus.again(queues[which % len(queues)], index, forgotten=forgotten)

    @rule(mood=st.sampled_from((WELL, WELL, *MOODS)))
    def post_goes(self, mood: str) -> None:
        """Scheduler and sender have a turn; the mail relay takes what it gets, or not, or nobody knows."""
        self.post.schedule()
        self.post.send(mood)

    @invariant()
    def model_is_database(self) -> None:
        """Registrations, seats, waiting lists, settings and events as the forms know them."""
        check_now(self.world, self.ledger)

    @invariant()
    def audit_is_clean(self) -> None:
        """Every equation that must hold while messages travel, now and then."""
        self.steps += 1
        if self.steps % self.auditor.every == 0:
            self.auditor.look()

    def teardown(self) -> None:
        """Everything comes to rest, unless the history has failed already."""
        if sys.exc_info()[0] is not None:
            return
        self._settle()
        for step in SETTLING:
            if self.post.rests():
                break
            self.world.clock.advance(step)
            self._settle()
        assert self.post.rests()
        check_now(self.world, self.ledger)
        check_rest(self.world, self.ledger, self.post.relay.copies)
        self.auditor.at_rest(list(self.ledger.people), self.post.copies())

    def _settle(self) -> None:
        """Everybody's turn, until there is nothing left to do."""
        self._keep_house()
        for _ in range(MOST_TURNS):
            while sum([self.bus.relay(service) for service in SERVICES]) + len(queues := self.bus.waiting()):
                for queue in queues:
                    self._deliver(queue, range, dies=False)
            self.post.schedule()
            if not self.post.send():
                return
        raise AssertionError("no rest")

    def _keep_house(self) -> None:
        self.office.keep_house()
        self.ledger.keep_house(self.world.clock())

    def _deliver(self, queue: str, pick: Any, dies: bool) -> list[Any]:
        fresh = self.bus.deliver(queue, pick, dies=dies)
        if queue == "registration.copies":
            for message in fresh:
                self.ledger.hear(message.subject, message.data["revision"])
        return fresh

    def _register(self, wishes: list[tuple[str, str, str | None]], lost: bool = False) -> None:
        for gone in [True, False] if lost else [False]:
            filled = [self.office.fill(*wish) for wish in wishes]
            answers = [self.ledger.register(told, self.world.clock()) for _, told in filled]
            heard = self.office.register([submission for submission, _ in filled], lost=gone)
            _agree(heard, [] if gone else answers)

    def _twice(self, lost: bool, ask: Any) -> Answer:
        """What the model answers to whoever asks again after an answer was lost; a refusal arrives at once."""
        answer: Answer = ask()
        return ask() if lost and isinstance(answer, str) else answer

    def _some(self, *statuses: str) -> list[dict[str, Any]]:
        return [who for who in self.ledger.people.values() if not statuses or who["status"] in statuses]

    def _holding(self) -> list[dict[str, Any]]:
        return [who for who in self._some("unverified") if self.ledger.holds(who, self.world.clock() + TICK)]

    def _pick(self, index: int, *statuses: str) -> dict[str, Any]:
        some = self._some(*statuses)
        return some[index % len(some)]


def _newest_first(there: int) -> Iterable[int]:
    return reversed(range(there))


def _agree(told: Any, wanted: Any) -> None:
    assert told == wanted, f"told {told}, the model says {wanted}"
