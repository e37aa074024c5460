"""Steps of coordinators: they decide on people, set up forms and move events, perhaps from a stale page."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.integration.model.history import ANY, LOST, NAME, TICK, WHO, History, agree, newest_first
from tests.integration.model.rules import EVENTS, FORMS, LIVE

DECISIONS = ("confirmed", "cancelled", "offered", "offered", "withdrawn")


class CoordinatorSteps(History):
    """By the console and the interface."""

    @precondition(lambda self: self.model.people)
    @rule(index=ANY, lost=LOST, overtakes=st.booleans())
    def erase_for_them(self, index: int, lost: bool, overtakes: bool) -> None:
        """A coordinator erases someone; perhaps this is consumed before all that came before it.

        What is lost is the answer to the first request, before anything is done.
        """
        who = self._pick(index)
        answer = self.model.erase(who["number"], self.databases.clock())
        agree(self.system.erase_known(self.ids[who["number"]], lost=lost), "1" if answer == "erased" else "0")
        if overtakes:
            self.bus.relay("registration")
            for queue in ("events.rollup", "notifications.mail"):
                self._deliver(queue, newest_first, crashes=False)

    @precondition(lambda self: self.model.people)
    @rule(index=ANY, form=st.sampled_from(sorted(FORMS)))
    def erase_with_what_waits(self, index: int, form: str) -> None:
        """Someone sends a form again and is erased before it is decided."""
        who = self._pick(index)
        self._submit((form, who["who"], "E. F.", None, True, None))
        self.erase_for_them(index, lost=False, overtakes=False)
        self._decide()

    @precondition(lambda self: self.model.people)
    @rule(index=ANY, status=st.sampled_from(DECISIONS), stale=st.sampled_from([0, 0, 0, 1]), lost=LOST)
    def decide_manually(self, index: int, status: str, stale: int, lost: bool) -> None:
        """A coordinator gives or offers a seat, or takes one back; perhaps from a page that is ``stale``."""
        waits = status in ("confirmed", "offered") and self._some("waitlisted")
        who = self._pick(index, "waitlisted") if waits else self._pick(index)
        if status == "withdrawn" and (offered := self._offered()):
            who = offered[index % len(offered)]
        seen = who["revision"] + stale
        answer = self._twice(
            lost, lambda: self.model.decide_manually(who["number"], seen, status, self.databases.clock())
        )
        agree(self.system.decide_manually(self.ids[who["number"]], seen, status, lost=lost), answer)

    @rule(form=st.sampled_from(sorted(FORMS)), who=WHO, name=NAME, lost=LOST, soon=st.booleans())
    def enter(self, form: str, who: str, name: str, lost: bool, soon: bool) -> None:
        """A coordinator enters someone who has phoned."""
        answer = self._command(lost, lambda number: self.model.enter(form, who, name, number, self.databases.clock()))
        agree(self.system.enter(form, who, name, lost=lost), answer)
        if soon:
            self._decide()

    @precondition(lambda self: self.model.people)
    @rule(index=ANY, name=NAME, lost=LOST, soon=st.booleans())
    def correct(self, index: int, name: str, lost: bool, soon: bool) -> None:
        """A coordinator corrects someone's name; perhaps they change or are gone before it is decided."""
        who = self._pick(index)
        number, seen = who["number"], who["revision"]
        answer = self._command(lost, lambda place: self.model.correct(number, name, place, self.databases.clock()))
        agree(self.system.correct(self.ids[number], seen, name, lost=lost), answer)
        if soon:
            self._decide()

    @precondition(lambda self: self._some(*LIVE))
    @rule(first=ANY, second=ANY, lost=LOST, soon=st.booleans())
    def merge(self, first: int, second: int, lost: bool, soon: bool) -> None:
        """A coordinator makes one of two registrations, mostly on one form."""
        kept = self._pick(first, *LIVE)
        on_form = [one for one in self._some(*LIVE) if one["form"] == kept["form"] and one is not kept] or [kept]
        other = on_form[second % len(on_form)]
        both = kept["number"], other["number"]
        answer = self._command(lost, lambda number: self.model.merge(*both, number, self.databases.clock()))
        given = [(self.ids[one["number"]], one["revision"]) for one in (kept, other)]
        agree(self.system.merge(given[0], given[1], lost=lost), answer)
        if soon:
            self._decide()

    @rule(
        slug=st.sampled_from(sorted(FORMS)),
        capacity=st.sampled_from([1, 2, 3, 2, 3, 4, 0, None]),
        is_open=st.sampled_from([True, True, True, True, True, False]),
        stale=st.sampled_from([0, 0, 0, 1]),
        lost=LOST,
    )
    def set_form(self, slug: str, capacity: int | None, is_open: bool, stale: int, lost: bool) -> None:
        """A coordinator raises or lowers the capacity, closes or opens a form, at a distinct time.

        The audit decides by these times which seats were given under which capacity.
        """
        self.databases.clock.advance(TICK)
        seen = self.model.forms[slug]["revision"] - stale
        answer = self._twice(lost, lambda: self.model.set_form(slug, seen, capacity, is_open, self.databases.clock()))
        agree(self.system.set_form(slug, seen, capacity, is_open, lost=lost), answer)
        self.databases.clock.advance(TICK)

    @rule(
        name=st.sampled_from(sorted(EVENTS)),
        step=st.sampled_from(["reschedule", "reschedule", "postpone", "cancel", "revive"]),
        days=st.integers(0, 20),
        lost=LOST,
    )
    def move_event(self, name: str, step: str, days: int, lost: bool) -> None:
        """An event is moved, postponed, cancelled or revived; the forms consume it when the bus delivers it."""
        starts_at = self.databases.clock() + timedelta(days=days, hours=3)
        answer = self._twice(lost, lambda: self.model.move_event(name, step, starts_at))
        agree(self.system.move_event(name, step, starts_at, lost=lost), answer)

    @rule(name=st.sampled_from(sorted(EVENTS)), days=st.integers(1, 20))
    def overtake(self, name: str, days: int) -> None:
        """An event is moved twice, and the second message overtakes the first."""
        for later in (days, days + 1):
            starts_at = self.databases.clock() + timedelta(days=later)
            answer = self.model.move_event(name, "reschedule", starts_at)
            agree(self.system.move_event(name, "reschedule", starts_at), answer)
        self.bus.relay("events")
        self._deliver("registration.copies", newest_first, crashes=False)
