"""Steps of people: they submit, confirm, cancel and have their data erased, early or late."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.integration.model.history import ANY, LOST, WHO, WISH, History, Wish, agree, newest_first
from tests.integration.model.rules import FORMS, LIVE

ACTS = st.lists(st.sampled_from(["confirm", "confirm", "confirm", "replace", "keep", "refuse", ""]), min_size=1)
SOON = st.booleans()
"""Whether a decider has a turn at once, as it mostly has."""


class PeopleSteps(History):
    """By forms, and by the links in mails."""

    @rule(wish=WISH, lost=LOST, soon=SOON)
    def submit(self, wish: Wish, lost: bool, soon: bool) -> None:
        """Someone fills a form; who hears nothing sends the same again."""
        self._submit(wish, lost)
        if soon:
            self._decide()

    @rule(wishes=st.lists(WISH, min_size=2, max_size=5), lost=LOST)
    def rush(self, wishes: list[Wish], lost: bool) -> None:
        """Several are decided in one batch."""
        for wish in wishes:
            self._submit(wish, lost)
        self._decide()

    @rule(form=st.sampled_from(sorted(FORMS)), first=WHO, second=WHO)
    def repeat(self, form: str, first: str, second: str) -> None:
        """The same key twice, with the same or another content."""
        for who in (first, second):
            self._submit((form, who, "A. B.", "key-3", False, None))

    @precondition(lambda self: self.ledger.links)
    @rule(index=ANY, acts=ACTS, lost=LOST, soon=SOON)
    def choose(self, index: int, acts: list[str], lost: bool, soon: bool) -> None:
        """The owner of an address chooses for what waits behind one of their links: early, late or too late."""
        links = self._links()
        link = links[index % len(links)]
        opens = self.ledger.opens(link, self.world.clock())
        agree(self.office.looks(link), opens)
        who = self.ledger.links[link]["who"]
        pending = sorted(number for number, one in self.ledger.candidates.items() if one["who"] == who)
        choices = []
        for number, act in zip(pending, acts, strict=False):
            live = self.ledger.live(self.ledger.candidates[number]["form"], who)
            if act == "replace" and live:
                choices.append((number, act, live[index % len(live)]["number"]))
            elif act:
                choices.append((number, "confirm" if act == "replace" else act, None))
        if not opens or not choices:
            return
        told = [(self.ids[one], act, None if other is None else self.ids[other]) for one, act, other in choices]
        answer = self._command(lost, lambda number: self.ledger.choose(link, number, choices, self.world.clock()))
        agree(self.office.choose(link, told, lost=lost), answer)
        if soon:
            self._decide()

    @precondition(lambda self: self._some(*LIVE))
    @rule(index=ANY, lost=LOST, soon=SOON)
    def cancel(self, index: int, lost: bool, soon: bool) -> None:
        """Someone gives their place back by their link."""
        some = self._some(*LIVE)
        awaited = [who for who in some if who["status"] == "confirmed" and self.ledger.line(who["form"])]
        self._press("cancel", (awaited * 2 + some)[index % len(awaited * 2 + some)]["number"], lost)
        if soon:
            self._decide()

    @precondition(lambda self: self._offered())
    @rule(index=ANY, answer=st.sampled_from(["accept-seat", "accept-seat", "decline-seat"]), lost=LOST, soon=SOON)
    def answer_offer(self, index: int, answer: str, lost: bool, soon: bool) -> None:
        """Someone accepts or declines the seat that is held for them."""
        offered = self._offered()
        self._press(answer, offered[index % len(offered)]["number"], lost)
        if soon:
            self._decide()

    @precondition(lambda self: self._some(*LIVE))
    @rule(index=ANY)
    def press_in_two_windows(self, index: int) -> None:
        """Someone gives their place back and erases it, by one link: the first that is decided ends it."""
        number = self._pick(index, *LIVE)["number"]
        for kind in ("cancel", "erase"):
            self._press(kind, number, lost=False)
        for _ in range(2):
            self._decide()

    @precondition(lambda self: self.ledger.people)
    @rule(index=ANY, kind=st.sampled_from(["cancel", "cancel", "erase"]), lost=LOST, soon=SOON)
    def press_old_buttons(self, index: int, kind: str, lost: bool, soon: bool) -> None:
        """Anyone, whatever has become of them, presses a button behind the link in their newest mail."""
        self._press(kind, self._pick(index)["number"], lost)
        if soon:
            self._decide()

    @precondition(lambda self: self._some(*LIVE))
    @rule(index=ANY, queue=st.sampled_from(["events.rollup", "notifications.mail"]))
    def overtake_own(self, index: int, queue: str) -> None:
        """Someone gives their place back, and that is heard before all that came before it."""
        self._press("cancel", self._pick(index, *LIVE)["number"], lost=False)
        self._decide()
        self.bus.relay("registration")
        self._deliver(queue, newest_first, dies=False)

    @precondition(lambda self: self.ledger.waiting)
    @rule(index=ANY, microseconds=st.sampled_from([0, 0, -1]))
    def mail_falls_due(self, index: int, microseconds: int) -> None:
        """It is the moment, or just before it, at which a mailbox may be written to again."""
        who = sorted(self.ledger.waiting)[index % len(self.ledger.waiting)]
        at = self.ledger.boxes[who]["next_at"] + timedelta(microseconds=microseconds)
        self.world.clock.set(max(self.world.clock(), at))
        self._decide()

    def _press(self, kind: str, person: int, lost: bool) -> None:
        answer = self._command(lost, lambda number: self.ledger.act(kind, person, number, self.world.clock()))
        agree(self.office.act(kind, self.ids[person], lost=lost), answer)
