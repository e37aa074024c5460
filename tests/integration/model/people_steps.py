"""Steps of people: they submit, confirm, cancel and have their data erased, early or late."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.integration.model.history import ANY, LOST, REQUEST, WHO, History, SubmissionRequest, agree, newest_first
from tests.integration.model.rules import FORMS, LIVE

ACTS = st.lists(st.sampled_from(["confirm", "confirm", "confirm", "replace", "keep", "refuse", ""]), min_size=1)
SOON = st.booleans()
"""Whether a decider runs at once, as it mostly does."""


class PeopleSteps(History):
    """By forms, and by the links in mails."""

    @rule(request=REQUEST, lost=LOST, soon=SOON)
    def submit(self, request: SubmissionRequest, lost: bool, soon: bool) -> None:
        """Someone submits a form, and submits it again if the answer is lost."""
        self._submit(request, lost)
        if soon:
            self._decide()

    @rule(requests=st.lists(REQUEST, min_size=2, max_size=5), lost=LOST)
    def rush(self, requests: list[SubmissionRequest], lost: bool) -> None:
        """Several are decided in one batch."""
        for request in requests:
            self._submit(request, lost)
        self._decide()

    @rule(form=st.sampled_from(sorted(FORMS)), first=WHO, second=WHO)
    def repeat(self, form: str, first: str, second: str) -> None:
        """The same key twice, with the same or another content."""
        for who in (first, second):
            self._submit((form, who, "A. B.", "key-3", False, None))

    @precondition(lambda self: self.model.links)
    @rule(index=ANY, acts=ACTS, lost=LOST, soon=SOON)
    def choose(self, index: int, acts: list[str], lost: bool, soon: bool) -> None:
        """The owner of an address chooses for what waits behind one of their links: early, late or too late."""
        links = self._links()
        link = links[index % len(links)]
        opens = self.model.opens(link, self.databases.clock())
        agree(self.system.opens_link(link), opens)
        who = self.model.links[link]["who"]
        pending = sorted(number for number, one in self.model.candidates.items() if one["who"] == who)
        choices = []
        for number, act in zip(pending, acts, strict=False):
            live = self.model.live(self.model.candidates[number]["form"], who)
            if act == "replace" and live:
                choices.append((number, act, live[index % len(live)]["number"]))
            elif act:
                choices.append((number, "confirm" if act == "replace" else act, None))
        if not opens or not choices:
            return
        choices_made = [(self.ids[one], act, None if other is None else self.ids[other]) for one, act, other in choices]
        answer = self._command(lost, lambda number: self.model.choose(link, number, choices, self.databases.clock()))
        agree(self.system.choose(link, choices_made, lost=lost), answer)
        if soon:
            self._decide()

    @precondition(lambda self: self._some(*LIVE))
    @rule(index=ANY, lost=LOST, soon=SOON)
    def cancel(self, index: int, lost: bool, soon: bool) -> None:
        """Someone gives their place back by their link."""
        some = self._some(*LIVE)
        awaited = [who for who in some if who["status"] == "confirmed" and self.model.line(who["form"])]
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

    @precondition(lambda self: self.model.people)
    @rule(index=ANY, kind=st.sampled_from(["cancel", "cancel", "erase"]), lost=LOST, soon=SOON)
    def press_old_buttons(self, index: int, kind: str, lost: bool, soon: bool) -> None:
        """Anyone, in any status, presses a button behind the link in their newest mail."""
        self._press(kind, self._pick(index)["number"], lost)
        if soon:
            self._decide()

    @precondition(lambda self: self._some(*LIVE))
    @rule(index=ANY, queue=st.sampled_from(["events.rollup", "notifications.mail"]))
    def overtake_own(self, index: int, queue: str) -> None:
        """Someone cancels, and that is consumed before all that came before it."""
        self._press("cancel", self._pick(index, *LIVE)["number"], lost=False)
        self._decide()
        self.bus.relay("registration")
        self._deliver(queue, newest_first, crashes=False)

    @precondition(lambda self: self.model.waiting)
    @rule(index=ANY, microseconds=st.sampled_from([0, 0, -1]))
    def mail_falls_due(self, index: int, microseconds: int) -> None:
        """It is the time, or just before it, at which a mailbox may be written to again."""
        who = sorted(self.model.waiting)[index % len(self.model.waiting)]
        at = self.model.boxes[who]["next_at"] + timedelta(microseconds=microseconds)
        self.databases.clock.set(max(self.databases.clock(), at))
        self._decide()

    def _press(self, kind: str, person: int, lost: bool) -> None:
        answer = self._command(lost, lambda number: self.model.act(kind, person, number, self.databases.clock()))
        agree(self.system.act(kind, self.ids[person], lost=lost), answer)
