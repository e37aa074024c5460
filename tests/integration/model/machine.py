"""The steps: what people, coordinators, processes and the clock do, in any order, each compared with the model.

After every step all registrations, seats and waiting lists are what the model says; at the end everything is brought to
rest, and counts and mails are too.
"""

import sys
from collections.abc import Iterable
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from shared.messaging.contracts.registry import QUEUES, SERVICES
from tests.integration.model.coordinator_steps import CoordinatorSteps
from tests.integration.model.history import ANY, LOST, WISH, Wish, agree
from tests.integration.model.invariants import check_now, check_rest
from tests.integration.model.moments import moments
from tests.integration.model.people_steps import PeopleSteps
from tests.integration.model.post import MOODS, WELL
from tests.integration.model.rules import FORMS

STEPS = st.sampled_from(
    [timedelta(minutes=1), timedelta(minutes=59), timedelta(hours=6), timedelta(days=1), timedelta(days=2)]
)
WRONG = st.sampled_from(
    [sign * step for step in (timedelta(seconds=3), timedelta(hours=5), timedelta(days=400)) for sign in (1, -1)]
)
"""By how much the clock of one process differs from everyone's."""

SETTLING = (timedelta(minutes=20), timedelta(hours=5), timedelta(hours=5))
"""At rest: news are gathered, handovers in doubt are decided on, and what was not taken is tried again."""

MOST_TURNS = 200


class Machine(PeopleSteps, CoordinatorSteps):
    """One history in ``world``."""

    @initialize(wishes=st.lists(WISH, min_size=6, max_size=10))
    def begin(self, wishes: list[Wish]) -> None:
        """Some are there already, so that there is something to change; who was mailed has confirmed."""
        for wish in wishes:
            self._submit(wish)
        self._decide()
        for link in self._links():
            one = self.ledger.links[link]
            mine = [number for number, each in self.ledger.candidates.items() if each["who"] == one["who"]]
            if mine:
                choices = [(number, "confirm", None) for number in mine]
                number = self._next_number()
                self.ledger.choose(link, number, choices, self.world.clock())
                self.office.choose(link, [(self.ids[chosen], "confirm", None) for chosen in mine])
        self._decide()

    @rule(step=STEPS)
    def time_passes(self, step: timedelta) -> None:
        """Minutes to days."""
        self.world.clock.advance(step)

    @rule(index=st.integers(0, 9), microseconds=st.sampled_from([0, 0, -1, 1]))
    def moment_comes(self, index: int, microseconds: int) -> None:
        """It is just before, at, or just after the moment when something changes by itself."""
        now = self.world.clock()
        coming = moments(self.ledger, now)
        if coming:
            at = coming[index % len(coming)] + timedelta(microseconds=microseconds)
            self.world.clock.set(max(now, at))

    @rule()
    def tend(self) -> None:
        """What is due by time: what was kept long enough goes, free seats go to those who wait."""
        self._tend()

    @rule(dies=st.sampled_from(["", "", "decide.mailed", "decide.committed", "decide.decided", "decide.claimed"]))
    def decide(self, dies: str) -> None:
        """A decider's turn; it may end at any of its points, and another one repeats what was not committed."""
        self._decide(dies)

    @precondition(lambda self: self.ledger.queue)
    @rule(index=ANY, deaths=st.integers(1, 7))
    def decide_what_kills(self, index: int, deaths: int) -> None:
        """Decider after decider ends in a batch: it is tried smaller, and its first one is parked in the end."""
        for _ in range(deaths):
            self._decide("decide.decided" if index % 2 else "decide.claimed")

    @precondition(lambda self: self.ledger.queue)
    @rule(index=ANY)
    def spoil(self, index: int) -> None:
        """Something that waits cannot be read: it is parked alone."""
        number = sorted(self.ledger.queue)[index % len(self.ledger.queue)]
        self.ledger.spoil(number)
        self.office.spoil(number)
        self._decide()

    @rule()
    def replay(self) -> None:
        """An operator lets everything parked be tried again."""
        agree(self.office.replay(), self.ledger.replay())

    @rule(slug=st.sampled_from(sorted(FORMS)))
    def confirm_retention(self, slug: str) -> None:
        """An operator lets go who fell due unannounced, as after a leap of time; mostly no one did."""
        agreed = self.ledger.confirm_retention(slug, self.world.clock())
        assert self.office.confirm_retention(slug) == agreed, f"{slug}: others wait than the model says"

    @rule(service=st.sampled_from(SERVICES), by=WRONG)
    def tend_with_a_wrong_clock(self, service: str, by: timedelta) -> None:
        """Nothing changes by it, in any database."""
        before = self.world.contents(service)
        self.bus.keep_house_at(service, by)
        assert self.world.contents(service) == before, f"{service}: a process {by} off has changed something"

    @rule(by=WRONG)
    def sender_cleans_up_with_a_wrong_clock(self, by: timedelta) -> None:
        """It takes no mail out of another sender's hands, and decides on none that is in doubt."""
        before = self.world.contents("notifications")
        self.post.clean_up_at(by)
        assert self.world.contents("notifications") == before, f"a sender {by} off has changed something"

    @rule(service=st.sampled_from(SERVICES), end=st.sampled_from(["rests", "dies", "keeps house"]))
    def relay(self, service: str, end: str) -> None:
        """A relay's turn; one that dies is started again, and offers the same again."""
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
        """A message comes again, long after newer ones."""
        queues = [queue for queue in QUEUES if self.bus.had[queue]]
        self.bus.again(queues[which % len(queues)], index, forgotten=forgotten)

    @rule(mood=st.sampled_from((WELL, WELL, *MOODS)))
    def post_goes(self, mood: str) -> None:
        """Scheduler and sender have a turn; the mail relay takes what it gets, or not, or no one knows."""
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
        check_rest(self.world, self.ledger, self.ids, self.post.relay.copies)
        receipts = "SELECT encode(receipt_hash, 'hex') FROM submission WHERE kind = 'submission'"
        self.auditor.at_rest([receipt for (receipt,) in self.world.rows("registration", receipts)], self.post.copies())

    def _settle(self) -> None:
        """Everyone's turn, until there is nothing left to do."""
        for _ in range(MOST_TURNS):
            while any(state["state"] == "received" for state in self.ledger.states.values()):
                self._decide()
            self._tend()  # also of what was decided long after it was received
            while sum([self.bus.relay(service) for service in SERVICES]) + len(queues := self.bus.waiting()):
                for queue in queues:
                    self._deliver(queue, range, dies=False)
            self.post.schedule()
            if not self.post.send():
                return
        raise AssertionError("no rest")

    def _tend(self) -> None:
        self.office.tend()
        self.ledger.tend(self.world.clock())
