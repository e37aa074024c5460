"""Steps of people: they register, confirm, give their place back and have themselves forgotten, early or late."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.integration.model.history import ANY, LOST, WHO, WISH, History, agree, newest_first
from tests.integration.model.rules import FORMS, LIVE


class PeopleSteps(History):
    """By forms, and by the links in mails."""

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
        agree(self.office.verify(who["verify"], lost=lost), answers[-1])

    @precondition(lambda self: self._some(*LIVE))
    @rule(index=ANY, lost=LOST)
    def cancel(self, index: int, lost: bool) -> None:
        """Somebody gives their place back by their link."""
        some = self._some(*LIVE)
        awaited = [who for who in some if who["status"] == "confirmed" and self.ledger.forms[who["form"]]["line"]]
        who = (awaited * 2 + some)[index % len(awaited * 2 + some)]
        answers = [self.ledger.cancel(who["id"], self.world.clock()) for _ in range(1 + lost)]
        agree(self.office.cancel(who["own"], lost=lost), answers[-1])

    @precondition(lambda self: self.ledger.people)
    @rule(index=ANY)
    def press_old_buttons(self, index: int) -> None:
        """Anybody, whatever has become of them, presses both buttons of their mails."""
        who, now = self._pick(index), self.world.clock()
        agree(self.office.cancel(who["own"]), self.ledger.cancel(who["id"], now))
        agree(self.office.verify(who["verify"]), self.ledger.verify(who["id"], now))

    @precondition(lambda self: self.ledger.people)
    @rule(index=ANY, lost=LOST)
    def erase(self, index: int, lost: bool) -> None:
        """Somebody has themselves forgotten by their link, whatever is on its way to them."""
        who = self._pick(index)
        is_own = not who["verify"] or who["verified_at"] is not None
        answer = self._twice(lost, lambda: self.ledger.erase_by_link(who["id"], self.world.clock()))
        agree(self.office.erase(who["own" if is_own else "verify"], is_own=is_own, lost=lost), answer)

    @precondition(lambda self: self._some(*LIVE))
    @rule(index=ANY, queue=st.sampled_from(["events.rollup", "notifications.mail"]))
    def overtake_own(self, index: int, queue: str) -> None:
        """Somebody gives their place back, and that is heard before all that came before it."""
        who = self._pick(index, *LIVE)
        agree(self.office.cancel(who["own"]), self.ledger.cancel(who["id"], self.world.clock()))
        self.bus.relay("registration")
        self._deliver(queue, newest_first, dies=False)

    @precondition(lambda self: self._holding())
    @rule(index=ANY, who=WHO, microseconds=st.sampled_from([0, 0, -1]))
    def come_as_a_hold_ends(self, index: int, who: str, microseconds: int) -> None:
        """Somebody registers at, or just before, the very moment when a seat is no longer kept for another."""
        other = self._holding()[index % len(self._holding())]
        self.world.clock.set(other["hold_until"] + timedelta(microseconds=microseconds))
        self._register([(other["form"], who, None)])
