"""The steps: what people, coordinators, processes and the clock do, in any order, each compared with the model.

After every step all registrations, seats and waiting lists are as in the model; at the end everything is brought to
rest, and counts and mails are too.
"""

import sys
from collections.abc import Iterable
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from shared.messaging.contracts.registry import QUEUES, SERVICES
from tests.integration.model.coordinator_steps import CoordinatorSteps
from tests.integration.model.deadlines import transition_times
from tests.integration.model.history import ANY, LOST, REQUEST, SubmissionRequest, agree
from tests.integration.model.invariants import check_now, check_rest
from tests.integration.model.mail_delivery import MOODS, WELL
from tests.integration.model.people_steps import PeopleSteps
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

MAX_TICKS = 200


class Machine(PeopleSteps, CoordinatorSteps):
    """One history in ``databases``."""

    @initialize(requests=st.lists(REQUEST, min_size=6, max_size=10))
    def begin(self, requests: list[SubmissionRequest]) -> None:
        """Some are there already, so that there is something to change; who was mailed has confirmed."""
        for request in requests:
            self._submit(request)
        self._decide()
        for link in self._links():
            one = self.model.links[link]
            mine = [number for number, each in self.model.candidates.items() if each["who"] == one["who"]]
            if mine:
                choices = [(number, "confirm", None) for number in mine]
                number = self._next_number()
                self.model.choose(link, number, choices, self.databases.clock())
                self.system.choose(link, [(self.ids[chosen], "confirm", None) for chosen in mine])
        self._decide()

    @rule(step=STEPS)
    def time_passes(self, step: timedelta) -> None:
        """Minutes to days."""
        self.databases.clock.advance(step)

    @rule(index=st.integers(0, 9), microseconds=st.sampled_from([0, 0, -1, 1]))
    def time_comes(self, index: int, microseconds: int) -> None:
        """It is just before, at, or just after the time at which something changes by itself."""
        now = self.databases.clock()
        coming = transition_times(self.model, now)
        if coming:
            at = coming[index % len(coming)] + timedelta(microseconds=microseconds)
            self.databases.clock.set(max(now, at))

    @rule()
    def tend(self) -> None:
        """What is due by time: what was kept long enough goes, free seats go to those who wait."""
        self._tend()

    @rule(crashes=st.sampled_from(["", "", "decide.mailed", "decide.committed", "decide.decided", "decide.claimed"]))
    def decide(self, crashes: str) -> None:
        """A tick of the decider; it may end at any of its points, and another one repeats what was not committed."""
        self._decide(crashes)

    @precondition(lambda self: self.model.queue)
    @rule(index=ANY, deaths=st.integers(1, 7))
    def decide_what_kills(self, index: int, deaths: int) -> None:
        """Decider after decider ends in a batch: it is tried smaller, and its first one is parked in the end."""
        for _ in range(deaths):
            self._decide("decide.decided" if index % 2 else "decide.claimed")

    @precondition(lambda self: self.model.queue)
    @rule(index=ANY)
    def spoil(self, index: int) -> None:
        """Something that waits cannot be read: it is parked alone."""
        number = sorted(self.model.queue)[index % len(self.model.queue)]
        self.model.spoil(number)
        self.system.spoil(number)
        self._decide()

    @rule()
    def replay(self) -> None:
        """An operator lets everything parked be tried again."""
        agree(self.system.replay(), self.model.replay())

    @rule(slug=st.sampled_from(sorted(FORMS)))
    def confirm_retention(self, slug: str) -> None:
        """An operator lets go who fell due unannounced, as after a leap of time; mostly no one did."""
        agreed = self.model.confirm_retention(slug, self.databases.clock())
        assert self.system.confirm_retention(slug) == agreed, f"{slug}: others wait than in the model"

    @rule(service=st.sampled_from(SERVICES), by=WRONG)
    def tend_with_a_wrong_clock(self, service: str, by: timedelta) -> None:
        """Nothing changes by it, in any database."""
        before = self.databases.contents(service)
        self.bus.run_cleanup_at(service, by)
        assert self.databases.contents(service) == before, f"{service}: a process {by} off has changed something"

    @rule(by=WRONG)
    def sender_cleans_up_with_a_wrong_clock(self, by: timedelta) -> None:
        """It takes no mail out of another sender's hands, and decides on none that is in doubt."""
        before = self.databases.contents("notifications")
        self.delivery.clean_up_at(by)
        assert self.databases.contents("notifications") == before, f"a sender {by} off has changed something"

    @rule(service=st.sampled_from(SERVICES), end=st.sampled_from(["rests", "crashes", "cleans up"]))
    def relay(self, service: str, end: str) -> None:
        """A tick of the relay; one that crashes is restarted, and publishes the same again."""
        self.bus.relay(service, crashes=end == "crashes")
        if end == "cleans up":
            self.bus.run_cleanup(service)

    @rule(index=ANY, order=st.permutations(range(8)), most=st.integers(1, 8), crashes=LOST)
    def deliver(self, index: int, order: list[int], most: int, crashes: bool) -> None:
        """A consumer gets some of what waits for it, newer before older too; relays are quick where nothing waits."""
        waiting = self.bus.waiting()
        if not waiting:
            for service in SERVICES:
                self.bus.relay(service)
            waiting = self.bus.waiting()

        def pick(there: int) -> Iterable[int]:
            return [place for place in order if place < there][:most]

        if waiting:
            self._deliver(waiting[index % len(waiting)], pick, crashes)

    @precondition(lambda self: any(self.bus.had.values()))
    @rule(which=ANY, index=ANY, forgotten=LOST)
    def deliver_again(self, which: int, index: int, forgotten: bool) -> None:
        """A message comes again, long after newer ones."""
        queues = [queue for queue in QUEUES if self.bus.had[queue]]
        queue = queues[which % len(queues)]
        self._note(queue, self.bus.again(queue, index, forgotten=forgotten))

    @rule(mood=st.sampled_from((WELL, WELL, *MOODS)))
    def mail_is_delivered(self, mood: str) -> None:
        """A tick of scheduler and sender; the mail relay accepts what it gets, or not, or the outcome is unknown."""
        self.delivery.schedule()
        self.delivery.send(mood)

    @invariant()
    def model_is_database(self) -> None:
        """Registrations, seats, waiting lists, settings and events as the forms know them."""
        check_now(self.databases, self.model)

    @invariant()
    def audit_is_clean(self) -> None:
        """Every equation that must hold while messages travel, now and then."""
        self.steps += 1
        if self.steps % self.auditor.every == 0:
            self.auditor.verify()

    def teardown(self) -> None:
        """Everything comes to rest, unless the history has failed already."""
        if sys.exc_info()[0] is not None:
            return
        self._settle()
        for step in SETTLING:
            if self.delivery.rests():
                break
            self.databases.clock.advance(step)
            self._settle()
        assert self.delivery.rests()
        check_now(self.databases, self.model)
        check_rest(self.databases, self.model, self.ids, self.delivery.relay.copies)
        receipts = "SELECT encode(receipt_hash, 'hex') FROM submission WHERE kind = 'submission'"
        self.auditor.at_rest(
            [receipt for (receipt,) in self.databases.rows("registration", receipts)], self.delivery.copies()
        )

    def _settle(self) -> None:
        """A tick of each process, until there is nothing left to do."""
        for _ in range(MAX_TICKS):
            while any(state["state"] == "received" for state in self.model.states.values()):
                self._decide()
            self._tend()  # also of what was decided long after it was received
            while sum([self.bus.relay(service) for service in SERVICES]) + len(queues := self.bus.waiting()):
                for queue in queues:
                    self._deliver(queue, range, crashes=False)
            self.delivery.schedule()
            if not self.delivery.send():
                return
        raise AssertionError("no rest")

    def _tend(self) -> None:
        self.system.tend()
        self.model.tend(self.databases.clock())
